#include "drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include <pindispatch/clock.h>
#include <pindispatch/log.h>
#include <pindispatch/site.h>

#include "admit.h"
#include "drop_file.h"

enum {
    SCAN_MOST = 16384, /* names kept of one scan; the others wait for the next one */
    REST_SECONDS = 5,  /* after the store or the directory refused */
};

struct entry {
    struct timespec time;
    char *name;
};

struct drop {
    struct admit *admit;
    int dir;
    sd_event_source *watch, *work, *rest;
    struct entry *entries; /* of the last scan, oldest first */
    size_t n, at;
    struct drop_file *file; /* the one under way */
    bool changed;           /* there may be files that the last scan did not see */
    bool resting;
};

/* A turn's work comes with the next turn of the loop, and others have theirs in between. Hence a timer that is due
 * at once: a defer source stays pending since it was made, and goes before all others of its priority. */
static void arm(void *userdata)
{
    struct drop *d = userdata;

    if (d->resting)
        return;
    sd_event_source_set_time_relative(d->work, 0);
    sd_event_source_set_enabled(d->work, SD_EVENT_ONESHOT);
}

static void forget_entries(struct drop *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->entries[i].name);
    free(TAKE(d->entries));
    d->n = d->at = 0;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_ours(const char *name)
{
    return name[0] != '.' && strlen(name) <= DROP_NAME_MOST &&
           (ends_with(name, ".json") || ends_with(name, ".ndjson"));
}

static int add_entry(struct drop *d, const char *name)
{
    struct stat st;
    char *copy;

    if (!is_ours(name) || fstatat(d->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    d->entries[d->n++] = (struct entry){ st.st_mtim, copy };
    return 0;
}

static int by_age(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->time.tv_sec != b->time.tv_sec)
        return a->time.tv_sec < b->time.tv_sec ? -1 : 1;
    if (a->time.tv_nsec != b->time.tv_nsec)
        return a->time.tv_nsec < b->time.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int read_folder(struct drop *d, DIR *folder)
{
    struct dirent *entry;
    int r = 0;

    while (r == 0 && d->n < SCAN_MOST && (entry = readdir(folder)) != NULL)
        r = add_entry(d, entry->d_name);
    d->changed = d->n == SCAN_MOST;
    return r;
}

static int scan(struct drop *d)
{
    int fd = openat(d->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (!folder) {
        r = -errno;
        fd_close(fd);
        return r;
    }
    forget_entries(d);
    d->entries = calloc(SCAN_MOST, sizeof(*d->entries));
    r = d->entries ? read_folder(d, folder) : -ENOMEM;
    closedir(folder);
    if (d->n > 0)
        qsort(d->entries, d->n, sizeof(*d->entries), by_age);
    return r;
}

/* Lets some time pass; then everything is looked at anew. */
static void rest(struct drop *d)
{
    forget_entries(d);
    d->changed = true;
    d->resting = true;
    sd_event_source_set_time_relative(d->rest, REST_SECONDS * (uint64_t)MICROSECONDS_PER_SECOND);
    sd_event_source_set_enabled(d->rest, SD_EVENT_ONESHOT);
}

static int on_rest(sd_event_source *source, uint64_t now, void *userdata)
{
    struct drop *d = userdata;

    (void)source;
    (void)now;
    d->resting = false;
    arm(d);
    return 0;
}

/* What is wrong with one file does not stop the others; what is wrong with us does, for a while. */
static int open_file(struct drop *d, const char *name)
{
    int r = drop_file_open(d->admit, d->dir, name, arm, d, &d->file);

    if (r == 0 || r == -ENOENT)
        return 0;
    log_plain(LOG_WARNING, "%s is left where it is: %s", name, strerror(-r));
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EIO ? r : 0;
}

/* The next file that can be opened, if any. */
static int choose_file(struct drop *d)
{
    int r = 0;

    if (d->at == d->n && d->changed)
        r = scan(d);
    while (r == 0 && !d->file && d->at < d->n)
        r = open_file(d, d->entries[d->at++].name);
    if (!d->file && d->at == d->n)
        forget_entries(d);
    return r;
}

static int on_work(sd_event_source *source, uint64_t now, void *userdata)
{
    struct drop *d = userdata;
    enum drop_state state;

    (void)source;
    (void)now;
    if (!d->file && choose_file(d) < 0)
        rest(d);
    if (!d->file)
        return 0;
    state = drop_file_step(d->file);
    if (state == DROP_DONE || state == DROP_AGAIN)
        d->file = drop_file_free(d->file);
    if (state == DROP_AGAIN)
        rest(d);
    else if (state != DROP_WAITING)
        arm(d);
    return 0;
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
    struct drop *d = userdata;

    (void)source;
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        log_plain(LOG_ERR, "the drop directory is gone; files are taken again after a restart or reload");
    d->changed = true;
    arm(d);
    return 0;
}

static int add_sources(struct drop *d, const char *dir)
{
    sd_event *loop = d->admit->site->loop;
    int r = sd_event_add_inotify(loop, &d->watch, dir, IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
                                 on_change, d);

    if (r >= 0)
        r = sd_event_add_time_relative(loop, &d->rest, CLOCK_MONOTONIC, 0, 0, on_rest, d);
    if (r >= 0)
        r = sd_event_source_set_enabled(d->rest, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &d->work, CLOCK_MONOTONIC, 0, 1, on_work, d);
    return r < 0 ? r : 0;
}

int drop_new(struct admit *a, const char *dir, struct drop **ret)
{
    CLEANUP(drop_cleanup) struct drop *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    d->admit = a;
    d->changed = true; /* what came while nobody watched */
    d->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A file that cannot be removed afterwards would be read again and again. */
    if (d->dir < 0 || faccessat(d->dir, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0)
        return -errno;
    r = add_sources(d, dir);
    if (r < 0)
        return r;
    *ret = TAKE(d);
    return 0;
}

struct drop *drop_free(struct drop *d)
{
    if (!d)
        return NULL;
    drop_stop(d);
    d->watch = sd_event_source_disable_unref(d->watch);
    d->work = sd_event_source_disable_unref(d->work);
    d->rest = sd_event_source_disable_unref(d->rest);
    fd_close(d->dir);
    free(d);
    return NULL;
}

void drop_stop(struct drop *d)
{
    d->file = drop_file_free(d->file);
    forget_entries(d);
    d->changed = false;
    d->resting = true;
    if (d->watch)
        sd_event_source_set_enabled(d->watch, SD_EVENT_OFF);
    if (d->work)
        sd_event_source_set_enabled(d->work, SD_EVENT_OFF);
    if (d->rest)
        sd_event_source_set_enabled(d->rest, SD_EVENT_OFF);
}

bool drop_is_busy(const struct drop *d)
{
    return !d->resting && (d->file || d->at < d->n || d->changed);
}
