/* The pair of keys for anchors of the audit trail. */
#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "show.h"
#include <pindispatch/audit.h>
#include <pindispatch/file.h>

enum { KEY_MOST = 4096 };

/* FORCE: whatever is there is replaced, and its mode with it. */
static int write_part(const struct audit_key *k, bool private_part, const char *path, bool force)
{
    mode_t mode = private_part ? 0600 : 0644;
    struct buffer b = BUFFER(KEY_MOST);
    int r = audit_key_write(k, private_part, &b);

    if (r == 0 && force && unlink(path) < 0 && errno != ENOENT)
        r = -errno;
    if (r == 0)
        r = file_create(path, buffer_bytes(&b), buffer_size(&b), mode);
    buffer_release(&b);
    return r < 0 ? ctl_failed("%s: %s", path, strerror(-r)) : CTL_DONE;
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static int make_pair(const char *private_path, const char *public_path, bool force, char id[64])
{
    CLEANUP(audit_key_cleanup) struct audit_key *k = NULL;
    int status, r = audit_key_generate(&k);

    if (r < 0)
        return ctl_failed("no key for the audit trail could be made: %s", strerror(-r));
    status = write_part(k, true, private_path, force);
    if (status == CTL_DONE)
        status = write_part(k, false, public_path, force);
    if (status == CTL_DONE)
        snprintf(id, 64, "%s", audit_key_id(k));
    return status;
}

static char *choose_path(const struct settings *s, const char *setting, const char *dir, const char *name)
{
    const char *set = s && !dir ? settings_text(s, setting) : "";
    CLEANUP(free_cleanup) char *folder = NULL;

    if (*set)
        return strdup(set);
    folder = dir ? strdup(dir) : path_folder(settings_text(s, "seal.public_key"));
    return folder ? path_join(folder, name) : NULL;
}

int ctl_make_audit_key(struct ctl *c, const char *dir, bool asked, bool force)
{
    const struct settings *s = dir ? NULL : ctl_settings(c);
    CLEANUP(free_cleanup) char *private_path = NULL;
    CLEANUP(free_cleanup) char *public_path = NULL;
    char id[64] = "";
    int status;

    if (!dir && !s)
        return CTL_USAGE;
    private_path = choose_path(s, "audit.private_key", dir, "audit.key.jwk");
    public_path = choose_path(s, "audit.public_key", dir, "audit.pub.jwk");
    if (!private_path || !public_path)
        return ctl_failed("out of memory");
    if (!force && (is_there(private_path) || is_there(public_path)))
        return asked ? ctl_failed("%s or %s exists; with --force they are replaced, and the anchors made so far can "
                                  "then not be checked any more",
                                  private_path, public_path)
                     : CTL_DONE;
    status = make_pair(private_path, public_path, force, id);
    if (status == CTL_DONE && c->json && asked) {
        CLEANUP(json_cleanup)
        json_t *j = json_pack("{s:s, s:s, s:s}", "kid", id, "public_key", public_path, "private_key", private_path);

        show_json(j);
    } else if (status == CTL_DONE && !c->json) {
        printf("audit key id %s\npublic key   %s (audit.public_key)\nprivate key  %s (audit.private_key, for the "
               "dispatcher)\n",
               id, public_path, private_path);
    }
    return status;
}
