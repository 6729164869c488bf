#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <pindispatch/buffer.h>
#include <pindispatch/config.h>
#include <pindispatch/file.h>
#include <pindispatch/lines.h>
#include <pindispatch/problem.h>
#include <pindispatch/seal.h>
#include <pindispatch/secret.h>

#include "dialogue.h"
#include "show.h"

static const struct {
    const char *name;
    enum seal_curve curve;
} curves[] = { { "P-256", SEAL_P256 }, { "X25519", SEAL_X25519 } };

/* What the command works on. */
struct pair {
    const char *public_path, *private_path; /* the second may name a token; borrowed, or owned by the two below */
    char *public_made, *private_made;       /* owned */
    struct seal_ring *ring;                 /* owned; the newest is what is made */
};

static void pair_release(struct pair *p)
{
    free(p->public_made);
    free(p->private_made);
    seal_ring_free(p->ring);
}

static int generate(struct ctl *c, const char *curve, struct seal_key **ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        int r;

        if (strcmp(curves[i].name, curve) != 0)
            continue;
        r = seal_key_generate(curves[i].curve, ret);
        return r < 0 ? ctl_failed("no key could be made: %s", strerror(-r)) : CTL_DONE;
    }
    return ctl_misused(c, "there is no curve \"%s\"; there are P-256 and X25519", curve);
}

static int choose_paths(struct ctl *c, const char *dir, struct pair *p)
{
    const struct settings *settings = NULL;

    if (dir) {
        p->public_path = p->public_made = path_join(dir, "seal.pub.jwk");
        p->private_path = p->private_made = path_join(dir, "seal.key.jwk");
        return p->public_path && p->private_path ? CTL_DONE : ctl_failed("out of memory");
    }
    settings = ctl_settings(c);
    if (!settings)
        return CTL_USAGE;
    p->public_path = settings_text(settings, "seal.public_key");
    p->private_path = settings_text(settings, "seal.private_key");
    return CTL_DONE;
}

/* ---- writing ---- */

/* The old file's owner stays (the worker's user must be able to read it), but not a mode that is too open. */
static int overwrite_file(const char *path, const struct buffer *b, mode_t mode)
{
    if (chmod(path, mode) < 0 && errno != ENOENT)
        return -errno;
    return file_replace(path, buffer_bytes(b), buffer_size(b), mode);
}

static int write_keys(const struct pair *p, bool private_part, bool force)
{
    const char *path = private_part ? p->private_path : p->public_path;
    mode_t mode = private_part ? 0600 : 0644;
    struct buffer b = BUFFER(KEY_FILE_MOST);
    int r = seal_ring_write(p->ring, private_part, &b);

    if (r == 0)
        r = force ? overwrite_file(path, &b, mode) : file_create(path, buffer_bytes(&b), buffer_size(&b), mode);
    buffer_release(&b);
    return r < 0 ? ctl_failed("%s: %s", path, strerror(-r)) : CTL_DONE;
}

static int check_absent(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return CTL_DONE;
    return ctl_failed("%s exists; --rotate adds a new key before the old ones, --force replaces it, and what is "
                      "sealed to the old key can then never be opened again",
                      path);
}

/* Both or none: whoever lost the old private key could never open what waits. */
static int write_pair(const struct pair *p, bool force)
{
    int status = force ? CTL_DONE : check_absent(p->public_path);

    if (status == CTL_DONE && !force)
        status = check_absent(p->private_path);
    if (status == CTL_DONE)
        status = write_keys(p, true, force);
    if (status != CTL_DONE)
        return status;
    status = write_keys(p, false, force);
    if (status != CTL_DONE && !force)
        unlink(p->private_path);
    return status;
}

/* ---- the ways to the keys ---- */

static int load_ring(const struct pair *p, const struct secret *token_pin, struct seal_ring **ret)
{
    struct problem problem = { .code = "" };
    int r = seal_ring_load(p->private_path, token_pin, ret, &problem);

    if (r > 0)
        return ctl_failed("%s: %s", problem.where, problem.message);
    return r < 0 ? ctl_failed("%s", strerror(-r)) : CTL_DONE;
}

static int make_pair(struct seal_key *k, struct pair *p, bool force)
{
    if (seal_ring_new(k, &p->ring) < 0)
        return ctl_failed("out of memory");
    return write_pair(p, force);
}

/* Two rotations at a time would each write what the other has not read: the second waits until the first is done. The
 * lock is on the folder, so that no file is left of it. The descriptor, or -errno. */
static int lock_folder_of(const char *path)
{
    CLEANUP(free_cleanup) char *folder = path_folder(path);
    CLEANUP(fd_cleanup) int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (!folder)
        return -ENOMEM;
    return fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : fd_take(&fd);
}

/* The private file comes first: whoever closes to the new key then finds somebody who opens it. The public one is
 * made from it, so that no key stands there alone. */
static int rotate(struct seal_key *k, struct pair *p, size_t keep)
{
    CLEANUP(fd_cleanup) int lock = lock_folder_of(p->private_path);
    int status = lock < 0 ? ctl_failed("%s: %s", p->private_path, strerror(-lock)) : load_ring(p, NULL, &p->ring);

    if (status == CTL_DONE && !seal_ring_can_open(p->ring))
        status = ctl_failed("%s has no private key in it", p->private_path);
    if (status != CTL_DONE) {
        seal_key_free(k);
        return status;
    }
    if (seal_ring_renew(p->ring, k, keep) < 0)
        return ctl_failed("the new key is there already");
    status = write_keys(p, true, true);
    return status == CTL_DONE ? write_keys(p, false, true) : status;
}

/* Keys in a token are made with its own tools: only the public file is ours. */
static int publish(struct ctl *c, struct pair *p, bool replace)
{
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    struct problem problem = { .code = "" };
    int r = config_credential(ctl_settings(c), "seal.token_pin_file", "token-pin", &pin, &problem);
    int status = r > 0 ? ctl_failed("%s: %s", problem.where, problem.message) : CTL_DONE;

    if (r < 0)
        return ctl_failed("%s", strerror(-r));
    if (status == CTL_DONE)
        status = load_ring(p, pin, &p->ring);
    if (status == CTL_DONE && !replace)
        status = check_absent(p->public_path);
    return status == CTL_DONE ? write_keys(p, false, replace) : status;
}

/* ---- telling ---- */

static json_t *ids_to_json(const struct seal_ring *r)
{
    json_t *ids = json_array();

    for (size_t i = 0; ids && i < seal_ring_size(r); i++)
        json_array_append_new(ids, json_string(seal_key_id(seal_ring_at(r, i))));
    return ids;
}

static void tell_pair(const struct ctl *c, const struct pair *p)
{
    CLEANUP(json_cleanup) json_t *j = NULL;
    const char *id = seal_key_id(seal_ring_newest(p->ring));

    if (c->json) {
        j = json_pack("{s:s, s:s, s:s, s:o}", "kid", id, "public_key", p->public_path, "private_key", p->private_path,
                      "kids", ids_to_json(p->ring));
        show_json(j);
        return;
    }
    printf("key id       %s\n", id);
    for (size_t i = 1; i < seal_ring_size(p->ring); i++)
        printf("%s%s\n", i == 1 ? "still opens  " : "             ", seal_key_id(seal_ring_at(p->ring, i)));
    printf("public key   %s\nprivate key  %s (for the workers only)\n", p->public_path, p->private_path);
}

/* A daemon that runs goes on closing to the old key until it is told. */
static int reload(struct ctl *c)
{
    CLEANUP(dialogue_close) struct dialogue d = DIALOGUE;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const char *socket = settings_text(ctl_settings(c), "control.socket");
    struct problem p = { .code = "" };
    int r = dialogue_open(&d, socket);

    if (r == -ENOENT || r == -ECONNREFUSED)
        return CTL_DONE;
    if (r == 0)
        r = dialogue_ask(&d, json_pack("{s:s}", "command", "reload"), NULL, NULL, &answer, &p);
    if (r == 0)
        return CTL_DONE;
    return ctl_failed("the keys are new, but the daemon must be reloaded by hand: %s",
                      r > 0 ? p.message : strerror(-r));
}

/* ---- the command ---- */

struct keygen {
    const char *curve, *dir, *keep;
    bool force, rotate;
};

/* 0: all; -1: no such number. */
static int parse_keep(const char *text)
{
    char *end;
    long n;

    if (!text)
        return 0;
    n = strtol(text, &end, 10);
    return *text && !*end && n >= 1 && n <= SEAL_RING_MOST ? (int)n : -1;
}

static int do_keygen(struct ctl *c, const struct keygen *o, struct pair *pair)
{
    struct seal_key *k = NULL;
    int keep = parse_keep(o->keep);
    int status = choose_paths(c, o->dir, pair);

    if (status != CTL_DONE)
        return status;
    if (keep < 0)
        return ctl_misused(c, "--keep takes a number from 1 to %d", SEAL_RING_MOST);
    if (seal_place_is_token(pair->private_path))
        return publish(c, pair, o->force || o->rotate);
    status = generate(c, o->curve, &k);
    if (status != CTL_DONE)
        return status;
    return o->rotate ? rotate(k, pair, (size_t)keep) : make_pair(k, pair, o->force);
}

int ctl_keygen(struct ctl *c, int argc, char **argv)
{
    CLEANUP(pair_release) struct pair pair = { 0 };
    struct keygen o = { .curve = "P-256" };
    bool audit = false;
    const struct ctl_option options[] = {
        { "curve", 0, CTL_TEXT, &o.curve, "CURVE", "P-256 (standard) or X25519" },
        { "output", 'o', CTL_TEXT, &o.dir, "DIR", "write seal.pub.jwk and seal.key.jwk there, not where configured" },
        { "rotate", 'r', CTL_FLAG, &o.rotate, NULL, "put a new key before those that exist, which still open" },
        { "keep", 0, CTL_TEXT, &o.keep, "N", "with --rotate: keep N keys in all and forget the oldest" },
        { "force", 'f', CTL_FLAG, &o.force, NULL, "replace keys that exist: what waits for them is lost" },
        { "audit", 0, CTL_FLAG, &audit, NULL, "only the pair for anchors of the audit trail" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "keygen takes no arguments");
    if (o.rotate && o.force)
        return ctl_misused(c, "--rotate keeps the old keys and --force drops them: choose one");
    if (o.keep && !o.rotate)
        return ctl_misused(c, "--keep goes with --rotate");
    if (audit && o.rotate)
        return ctl_misused(c, "--rotate is for the keys that seal");
    if (audit)
        return ctl_make_audit_key(c, o.dir, true, o.force);
    status = do_keygen(c, &o, &pair);
    if (status == CTL_DONE)
        tell_pair(c, &pair);
    /* Beside it the one for the audit trail, unless there is one: old anchors are checked with that. */
    if (status == CTL_DONE && !o.rotate)
        status = ctl_make_audit_key(c, o.dir, false, false);
    return status == CTL_DONE && o.rotate && !o.dir ? reload(c) : status;
}
