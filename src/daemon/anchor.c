/* Anchors of the audit trail: after so many rows, after so long, at a stop. */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pindispatch/audit.h>
#include <pindispatch/commit.h>
#include <pindispatch/config.h>
#include <pindispatch/log.h>
#include <pindispatch/store.h>

#define TRY_AGAIN (60 * MICROSECONDS_PER_SECOND)

static int load_key(const struct daemon *d, struct audit_key **ret, struct problem *p)
{
    CLEANUP(free_cleanup) char *path = config_credential_path(d->settings, "audit.private_key", "audit.key.jwk");
    int r;

    if (!path)
        return -ENOMEM;
    if (!*path)
        return 0;
    r = audit_key_load(path, ret, p);
    if (r == 0 && !audit_key_can_sign(*ret))
        r = problem_set(p, "key", path, "it has no private part to sign with");
    return r;
}

static void log_anchor(const struct anchor *a)
{
    char seq[24];

    snprintf(seq, sizeof(seq), "%llu", (unsigned long long)a->seq);
    /* The journal is another witness: what is told here cannot be taken back in the store. */
    log_event(
        LOG_INFO, MESSAGE_ANCHOR,
        LOG_FIELDS(LOG_FIELD("AUDIT_ROW", seq), LOG_FIELD("AUDIT_HASH", a->hash), LOG_FIELD("AUDIT_KEY", a->key)),
        "the audit trail is anchored at row %s", seq);
}

static void plan(struct daemon *d, int64_t wait)
{
    sd_event_source_set_time_relative(d->anchor, (uint64_t)wait);
    sd_event_source_set_enabled(d->anchor, SD_EVENT_ONESHOT);
}

static void make_anchor(struct daemon *d)
{
    struct anchor made;
    int r = auditor_anchor(d->auditor, clock_now(d->site.clock), &made);

    plan(d, r < 0 ? TRY_AGAIN : settings_duration(d->settings, "audit.anchor_every"));
    d->anchor_failed = r < 0;
    if (r == 0) {
        commit_poke(d->commit);
        log_anchor(&made);
    } else if (r < 0 && r != -EBUSY) {
        log_plain(LOG_ERR, "the audit trail could not be anchored: %s", strerror(-r));
    }
}

static int on_time(sd_event_source *source, uint64_t now, void *userdata)
{
    struct daemon *d = userdata;

    (void)source;
    (void)now;
    if (store_is_dirty(d->store) || commit_is_in_trouble(d->commit))
        plan(d, MICROSECONDS_PER_SECOND / 10);
    else
        make_anchor(d);
    return 0;
}

/* Looked at in each turn of the loop: the count is at hand, nothing is read for it. */
void anchor_look(struct daemon *d)
{
    uint64_t most = (uint64_t)settings_integer(d->settings, "audit.anchor_rows");
    struct store_stat stat;

    if (!d->auditor || d->anchor_failed || store_is_dirty(d->store) || commit_is_in_trouble(d->commit) ||
        store_stat(d->store, &stat) < 0)
        return;
    if (stat.audit_rows >= auditor_seq(d->auditor) + most)
        make_anchor(d);
}

void anchor_stop(struct daemon *d)
{
    if (d->auditor && !commit_is_in_trouble(d->commit))
        make_anchor(d);
}

int anchor_start(struct daemon *d, struct problem *p)
{
    int r = load_key(d, &d->audit_key, p);

    if (r != 0 || !d->audit_key)
        return r;
    r = auditor_new(d->store, settings_text(d->settings, "store.path"), d->audit_key, &d->auditor);
    if (r == 0)
        r = sd_event_add_time_relative(d->site.loop, &d->anchor, CLOCK_MONOTONIC, 0, MICROSECONDS_PER_SECOND / 10,
                                       on_time, d);
    if (r >= 0)
        plan(d, settings_duration(d->settings, "audit.anchor_every"));
    return r < 0 ? r : 0;
}

void anchor_release(struct daemon *d)
{
    sd_event_source_disable_unref(d->anchor);
    auditor_free(d->auditor);
    audit_key_free(d->audit_key);
}
