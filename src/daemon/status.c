#include "daemon.h"

#include <unistd.h>

#include <pindispatch/dispatch.h>
#include <pindispatch/intake.h>
#include <pindispatch/json.h>
#include <pindispatch/schemas.h>

static json_t *describe_intake(const struct daemon *d)
{
    struct intake_stat s;

    intake_stat(d->intake, &s);
    return json_pack("{s:I, s:I, s:I, s:I}", "accepted", (json_int_t)s.accepted, "duplicates",
                     (json_int_t)s.duplicates, "rejected", (json_int_t)s.rejected, "clients", (json_int_t)s.clients);
}

static json_t *describe_clock(const struct daemon *d)
{
    char since[CLOCK_TEXT];

    if (guard_may_erase(d))
        return json_pack("{s:n}", "trouble");
    return json_pack("{s:{s:s, s:s, s:s}}", "trouble", "code", "forward", "reason",
                     "the clock went far ahead: nothing ends or is erased by its age for a day", "since",
                     clock_format(d->jumped, since));
}

static void add_warning(void *userdata, const struct problem *p)
{
    /* One that does not fit into memory is missing here, like the whole status soon after. */
    (void)json_array_append_new(
        userdata, json_pack("{s:s, s:s, s:s}", "code", p->code, "setting", p->where, "message", p->message));
}

static json_t *list_warnings(const struct daemon *d)
{
    json_t *warnings = json_array();

    if (warnings)
        site_warnings(d->settings, add_warning, warnings);
    return warnings;
}

struct waiting_rows {
    const struct settings *settings;
    json_t *list;
};

static int add_waiting(void *userdata, const struct setting *row)
{
    struct waiting_rows *w = userdata;
    const char *waiting = settings_waiting(w->settings, row->name);

    if (!waiting)
        return 0;
    return json_array_append_new(w->list, json_pack("{s:s, s:s, s:s}", "setting", row->name, "in_force",
                                                    settings_shown(w->settings, row->name), "waiting", waiting));
}

/* What a reload could not put into force. */
static json_t *list_waiting(const struct daemon *d)
{
    struct waiting_rows w = { .settings = d->settings, .list = json_array() };

    if (w.list && settings_each(d->settings, add_waiting, &w) != 0) {
        json_decref(w.list);
        return NULL;
    }
    return w.list;
}

static json_t *describe_refusal(const struct daemon *d)
{
    char at[CLOCK_TEXT];

    if (!d->refused_at)
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s}", "time", clock_format(d->refused_at, at), "code", d->refused.code,
                     "where", d->refused.where, "message", d->refused.message);
}

struct json_t *daemon_status(void *userdata)
{
    const struct daemon *d = userdata;
    char started[CLOCK_TEXT];

    return json_pack("{s:s, s:I, s:s, s:I, s:b, s:{s:s, s:s}, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
                     PINDISPATCH_VERSION, "pid", (json_int_t)getpid(), "started", clock_format(d->started, started),
                     "generation", (json_int_t)d->site.generation, "dry_run", d->site.dry_run, "methods", "pin",
                     settings_text(d->settings, "CardsPINDeliveryMethod"), "puk",
                     settings_text(d->settings, "CardsPUKDeliveryMethod"), "config", d->options.config, "restart",
                     list_waiting(d), "reload_refused", describe_refusal(d), "intake", describe_intake(d), "clock",
                     describe_clock(d), "warnings", list_warnings(d), "channels", dispatch_status(d->dispatch));
}
