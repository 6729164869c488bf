#include "ctl.h"

#include <string.h>

#include <pindispatch/buffer.h>
#include <pindispatch/problem.h>
#include <pindispatch/seal.h>
#include <pindispatch/secret.h>

enum { SEAL_INPUT_MOST = 4096 };

/* The same bounds as in an event (pindispatch-event(5)). */
static int take_secret(const json_t *input, const char *name, struct secret **ret)
{
    const json_t *value = json_object_get(input, name);
    const char *text = json_string_value(value);
    int r;

    if (!value)
        return CTL_DONE;
    if (!text || json_string_length(value) == 0 || json_string_length(value) > 64)
        return ctl_failed("\"%s\" is a text of 1 to 64 characters", name);
    for (const char *at = text; *at; at++)
        if (*at < 0x21 || *at > 0x7e)
            return ctl_failed("\"%s\" has a character that is not printable ASCII", name);
    r = secret_new(text, json_string_length(value), ret);
    return r < 0 ? ctl_failed("%s", strerror(-r)) : CTL_DONE;
}

/* Nothing of the input is ever shown: it is the secret. */
static json_t *read_input(void)
{
    struct buffer b = BUFFER(SEAL_INPUT_MOST);
    json_t *j = NULL;

    if (isatty(STDIN_FILENO))
        fputs("type {\"pin\":\"…\"} and end with Ctrl-D; it is seen on this screen\n", stderr);
    if (ctl_read("-", &b) == 0)
        j = json_parse_line(buffer_bytes(&b), buffer_size(&b));
    buffer_release(&b);
    return j;
}

static int load_public_keys(struct ctl *c, const char *path, struct seal_ring **ret)
{
    const struct settings *settings = NULL;
    struct problem p = { 0 };
    int r;

    if (!path) {
        settings = ctl_settings(c);
        if (!settings)
            return CTL_USAGE;
        path = settings_text(settings, "seal.public_key");
    }
    r = seal_ring_load(path, NULL, ret, &p);
    if (r < 0)
        return ctl_failed("%s: %s", path, strerror(-r));
    return r > 0 ? ctl_failed("%s%s%s", p.where, p.where[0] ? ": " : "", p.message) : CTL_DONE;
}

static int check_members(const json_t *input)
{
    size_t codes = (json_object_get(input, "pin") ? 1U : 0U) + (json_object_get(input, "puk") ? 1U : 0U);
    size_t known = codes + (json_object_get(input, "password") ? 1U : 0U);

    if (!json_is_object(input) || codes == 0)
        return ctl_failed("standard input is not {\"pin\":\"…\"}, {\"puk\":\"…\"} or both");
    if (json_object_size(input) != known)
        return ctl_failed("standard input has a member that is none of \"pin\", \"puk\" and \"password\"");
    return CTL_DONE;
}

static int seal_input(const struct ctl *c, const struct seal_key *key, const struct seal_binding *binding,
                      const json_t *input)
{
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    CLEANUP(secret_cleanup) struct secret *puk = NULL;
    CLEANUP(secret_cleanup) struct secret *password = NULL;
    CLEANUP(free_cleanup) char *jwe = NULL;
    int status = check_members(input);
    int r;

    if (status == CTL_DONE)
        status = take_secret(input, "pin", &pin);
    if (status == CTL_DONE)
        status = take_secret(input, "puk", &puk);
    if (status == CTL_DONE)
        status = take_secret(input, "password", &password);
    if (status == CTL_DONE && password && secret_size(password) < PASSWORD_LEAST)
        status = ctl_failed("\"password\" has fewer than %d characters", PASSWORD_LEAST);
    if (status != CTL_DONE)
        return status;
    r = seal_close(
        key,
        (struct secret *const[SECRET_PARTS]){ [SECRET_PIN] = pin, [SECRET_PUK] = puk, [SECRET_PASSWORD] = password },
        binding, &jwe);
    if (r < 0)
        return ctl_failed("it could not be sealed: %s", strerror(-r));
    if (c->json)
        printf("{\"sealed\":\"%s\"}\n", jwe);
    else
        puts(jwe);
    return CTL_DONE;
}

int ctl_seal(struct ctl *c, int argc, char **argv)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *keys = NULL;
    CLEANUP(json_cleanup) json_t *input = NULL;
    struct seal_binding binding = { .source = NULL };
    const char *path = NULL;
    const struct ctl_option options[] = {
        { "key", 'k', CTL_TEXT, &path, "FILE", "seal to the (newest) public key in this file, not where configured" },
        { "source", 0, CTL_TEXT, &binding.source, "SOURCE", "with --id: for the event of this source and id alone" },
        { "id", 0, CTL_TEXT, &binding.id, "ID", "see --source" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "seal reads standard input; a secret is never an argument");
    if (!binding.source != !binding.id)
        return ctl_misused(c, "--source and --id go together: they name the event");
    status = load_public_keys(c, path, &keys);
    if (status != CTL_DONE)
        return status;
    input = read_input();
    return seal_input(c, seal_ring_newest(keys), &binding, input);
}
