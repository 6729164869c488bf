#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/buffer.h>
#include <pindispatch/file.h>
#include <pindispatch/lines.h>
#include <pindispatch/problem.h>
#include <pindispatch/seal.h>
#include <pindispatch/secret.h>

#include "show.h"

enum { SEAL_INPUT_MOST = 4096 };

static const struct {
    const char *name;
    enum seal_curve curve;
} curves[] = { { "P-256", SEAL_P256 }, { "X25519", SEAL_X25519 } };

struct pair {
    char *public_path, *private_path; /* owned */
    struct seal_key *key;             /* owned */
};

static void pair_release(struct pair *p)
{
    free(p->public_path);
    free(p->private_path);
    seal_key_free(p->key);
}

static int generate(struct ctl *c, const char *curve, struct pair *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        int r;

        if (strcmp(curves[i].name, curve) != 0)
            continue;
        r = seal_key_generate(curves[i].curve, &p->key);
        return r < 0 ? ctl_failed("no key could be made: %s", strerror(-r)) : CTL_DONE;
    }
    return ctl_misused(c, "there is no curve \"%s\"; there are P-256 and X25519", curve);
}

static int choose_paths(struct ctl *c, const char *dir, struct pair *p)
{
    const struct settings *settings = NULL;

    if (dir) {
        p->public_path = path_join(dir, "seal.pub.jwk");
        p->private_path = path_join(dir, "seal.key.jwk");
    } else {
        settings = ctl_settings(c);
        if (!settings)
            return CTL_USAGE;
        p->public_path = strdup(settings_text(settings, "seal.public_key"));
        p->private_path = strdup(settings_text(settings, "seal.private_key"));
    }
    return p->public_path && p->private_path ? CTL_DONE : ctl_failed("out of memory");
}

/* A file that must not be there yet. */
static int create_file(const char *path, const struct buffer *b, mode_t mode)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int r;

    if (fd < 0)
        return -errno;
    r = lines_write(fd, buffer_bytes(b), buffer_size(b));
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r < 0)
        unlink(path);
    return r;
}

/* The old file's owner stays (the worker's user must be able to read it), but not a mode that is too open. */
static int overwrite_file(const char *path, const struct buffer *b, mode_t mode)
{
    if (chmod(path, mode) < 0 && errno != ENOENT)
        return -errno;
    return file_replace(path, buffer_bytes(b), buffer_size(b), mode);
}

static int write_key(const struct pair *p, bool private_part, bool force)
{
    const char *path = private_part ? p->private_path : p->public_path;
    mode_t mode = private_part ? 0600 : 0644;
    struct buffer b = BUFFER(KEY_FILE_MOST);
    int r = seal_key_write(p->key, private_part, &b);

    if (r == 0)
        r = force ? overwrite_file(path, &b, mode) : create_file(path, &b, mode);
    buffer_release(&b);
    return r < 0 ? ctl_failed("%s: %s", path, strerror(-r)) : CTL_DONE;
}

/* Both or none: whoever lost the old private key could never open what waits. */
static int check_absent(const struct pair *p)
{
    const char *paths[] = { p->public_path, p->private_path };
    struct stat st;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (lstat(paths[i], &st) == 0)
            return ctl_failed("%s exists; with --force it is replaced, and what is sealed to the old key can "
                              "never be opened again",
                              paths[i]);
    return CTL_DONE;
}

static int write_pair(const struct pair *p, bool force)
{
    int status = force ? CTL_DONE : check_absent(p);

    if (status == CTL_DONE)
        status = write_key(p, true, force);
    if (status != CTL_DONE)
        return status;
    status = write_key(p, false, force);
    if (status != CTL_DONE && !force)
        unlink(p->private_path);
    return status;
}

static void tell_pair(const struct ctl *c, const struct pair *p)
{
    CLEANUP(json_cleanup) json_t *j = NULL;

    if (!c->json) {
        printf("key id       %s\npublic key   %s\nprivate key  %s (for the workers only)\n", seal_key_id(p->key),
               p->public_path, p->private_path);
        return;
    }
    j = json_pack("{s:s, s:s, s:s}", "kid", seal_key_id(p->key), "public_key", p->public_path, "private_key",
                  p->private_path);
    show_json(j);
}

int ctl_keygen(struct ctl *c, int argc, char **argv)
{
    CLEANUP(pair_release) struct pair pair = { 0 };
    const char *curve = "P-256";
    const char *dir = NULL;
    bool force = false;
    const struct ctl_option options[] = {
        { "curve", 0, CTL_TEXT, &curve, "CURVE", "P-256 (standard) or X25519" },
        { "output", 'o', CTL_TEXT, &dir, "DIR", "write seal.pub.jwk and seal.key.jwk there, not where configured" },
        { "force", 'f', CTL_FLAG, &force, NULL, "replace a pair that exists: what waits for it is lost" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "keygen takes no arguments");
    status = choose_paths(c, dir, &pair);
    if (status == CTL_DONE)
        status = generate(c, curve, &pair);
    if (status == CTL_DONE)
        status = write_pair(&pair, force);
    if (status == CTL_DONE)
        tell_pair(c, &pair);
    return status;
}

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

static int load_public_key(struct ctl *c, const char *path, struct seal_key **ret)
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
    r = seal_key_load(path, ret, &p);
    if (r < 0)
        return ctl_failed("%s: %s", path, strerror(-r));
    return r > 0 ? ctl_failed("%s%s%s", p.where, p.where[0] ? ": " : "", p.message) : CTL_DONE;
}

static int check_members(const json_t *input)
{
    const char *name;
    json_t *value;

    if (!json_is_object(input) || json_object_size(input) == 0)
        return ctl_failed("standard input is not {\"pin\":\"…\"}, {\"puk\":\"…\"} or both");
    json_object_foreach(
        (json_t *)input, name,
        value) if (strcmp(name, "pin") != 0 &&
                   strcmp(name, "puk") !=
                       0) return ctl_failed("standard input has a member that is neither \"pin\" nor \"puk\"");
    return CTL_DONE;
}

static int seal_input(const struct ctl *c, const struct seal_key *key, const json_t *input)
{
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    CLEANUP(secret_cleanup) struct secret *puk = NULL;
    CLEANUP(free_cleanup) char *jwe = NULL;
    int status = check_members(input);
    int r;

    if (status == CTL_DONE)
        status = take_secret(input, "pin", &pin);
    if (status == CTL_DONE)
        status = take_secret(input, "puk", &puk);
    if (status != CTL_DONE)
        return status;
    r = seal_close(key, (struct secret *const[SECRET_KINDS]){ [SECRET_PIN] = pin, [SECRET_PUK] = puk }, &jwe);
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
    CLEANUP(seal_key_cleanup) struct seal_key *key = NULL;
    CLEANUP(json_cleanup) json_t *input = NULL;
    const char *path = NULL;
    const struct ctl_option options[] = {
        { "key", 'k', CTL_TEXT, &path, "FILE", "seal to this public key, not to the configured one" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "seal reads standard input; a secret is never an argument");
    status = load_public_key(c, path, &key);
    if (status != CTL_DONE)
        return status;
    input = read_input();
    return seal_input(c, key, input);
}
