#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "show.h"
#include <pindispatch/audit.h>
#include <pindispatch/problem.h>
#include <pindispatch/store.h>

enum { STEP_ROWS = 1000000 };

static int show_result(const struct ctl *c, const json_t *answer)
{
    const json_t *anchors = json_object_get(answer, "anchors");

    if (c->json) {
        show_json(answer);
        return CTL_DONE;
    }
    printf("the audit trail is whole: %lld rows\n", (long long)json_number(answer, "rows", 0));
    if (!anchors)
        puts("its anchors were not checked: audit.public_key is not set");
    else if (json_integer_value(anchors) == 0)
        puts("it has no anchors yet");
    else
        printf("%lld anchors are signed, the newest at row %lld\n", (long long)json_integer_value(anchors),
               (long long)json_number(answer, "anchored", 0));
    return CTL_DONE;
}

static int told(const struct problem *p, int r)
{
    if (r < 0)
        return ctl_failed("%s", strerror(-r));
    return ctl_failed("%s%s%s", p->where, *p->where ? ": " : "", p->message);
}

/* A copy of the store, or the store of a dispatcher that does not run. */
static int check_store(struct store *s, const char *path, const struct audit_key *key, json_t **ret,
                       struct problem *p)
{
    CLEANUP(audit_check_cleanup) struct audit_check *check = NULL;
    bool done = false;
    int r = audit_check_new(s, path, key, &check, p);

    while (r == 0 && !done)
        r = audit_check_step(check, STEP_ROWS, &done, p);
    if (r != 0)
        return r;
    *ret = json_pack("{s:I}", "rows", (json_int_t)audit_check_rows(check));
    if (*ret && key) {
        json_object_set_new(*ret, "anchors", json_integer((json_int_t)audit_check_anchors(check)));
        json_object_set_new(*ret, "anchored", json_integer((json_int_t)audit_check_anchored(check)));
    }
    return *ret ? 0 : -ENOMEM;
}

static int verify_here(struct ctl *c, const char *path, const char *key_path)
{
    CLEANUP(store_cleanup) struct store *s = NULL;
    CLEANUP(audit_key_cleanup) struct audit_key *key = NULL;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct problem p = { .code = "" };
    int r;

    if (access(path, F_OK) < 0)
        return ctl_failed("%s: %s", path, strerror(errno));
    if (!key_path && ctl_settings(c))
        key_path = settings_text(ctl_settings(c), "audit.public_key");
    r = key_path && *key_path ? audit_key_load(key_path, &key, &p) : 0;
    if (r == 0)
        r = store_open("sqlite", path, &s, &p);
    if (r == 0)
        r = check_store(s, path, key, &answer, &p);
    return r == 0 ? show_result(c, answer) : told(&p, r);
}

static int verify(struct ctl *c)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    int status = ctl_ask(c, json_pack("{s:s}", "command", "audit-verify"), NULL, NULL, &answer);

    return status == CTL_DONE ? show_result(c, answer) : status;
}

static int write_row(void *userdata, const json_t *row)
{
    (void)userdata;
    show_json(row);
    return ferror(stdout) ? -EIO : 0;
}

static int export(struct ctl *c, const char *after)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    char *end;
    long long n;

    errno = 0;
    n = strtoll(after, &end, 10);
    if (errno || end == after || *end || n < 0)
        return ctl_misused(c, "--after is the number of a row");
    return ctl_ask(c, json_pack("{s:s, s:I}", "command", "audit-export", "after", (json_int_t)n), write_row, NULL,
                   &answer);
}

int ctl_audit(struct ctl *c, int argc, char **argv)
{
    const char *after = "0", *store = NULL, *key = NULL;
    const struct ctl_option options[] = {
        { "after", 'a', CTL_TEXT, &after, "N", "export: only rows above this number" },
        { "store", 's', CTL_TEXT, &store, "FILE", "verify: this copy of a store, without the daemon" },
        { "key", 'k', CTL_TEXT, &key, "FILE", "verify: … with this public key" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc == 1 && strcmp(argv[0], "verify") == 0 && key && !store)
        return ctl_misused(c, "--key goes with --store: the daemon has its own");
    if (argc == 1 && strcmp(argv[0], "verify") == 0)
        return store ? verify_here(c, store, key) : verify(c);
    if (argc == 1 && strcmp(argv[0], "export") == 0)
        return export(c, after);
    return ctl_misused(c, "audit takes verify or export");
}
