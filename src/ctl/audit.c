#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "show.h"

static int verify(struct ctl *c)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    int status = ctl_ask(c, json_pack("{s:s}", "command", "audit-verify"), NULL, NULL, &answer);

    if (status != CTL_DONE)
        return status;
    if (c->json)
        show_json(answer);
    else
        printf("the audit trail is whole: %lld rows\n", (long long)json_number(answer, "rows", 0));
    return CTL_DONE;
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
    const char *after = "0";
    const struct ctl_option options[] = {
        { "after", 'a', CTL_TEXT, &after, "N", "export: only rows above this number" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc == 1 && strcmp(argv[0], "verify") == 0)
        return verify(c);
    if (argc == 1 && strcmp(argv[0], "export") == 0)
        return export(c, after);
    return ctl_misused(c, "audit takes verify or export");
}
