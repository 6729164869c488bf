#include "request.h"

#include <errno.h>

#include <pindispatch/site.h>

/* The Prometheus text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */

enum { METRICS_MOST = 256 * 1024 };

struct page {
    struct buffer text;
    int r; /* the first error; later lines are left out */
};

static void page_release(struct page *page)
{
    buffer_release(&page->text);
}

static void add(struct page *page, const char *text)
{
    if (page->r == 0)
        page->r = buffer_add_text(&page->text, text);
}

static void add_family(struct page *page, const char *name, const char *type, const char *help)
{
    if (page->r == 0)
        page->r = buffer_addf(&page->text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* In a label's value backslash, quote and newline are escaped. */
static void add_label(struct page *page, const char *separator, const char *name, const char *value)
{
    add(page, separator);
    add(page, name);
    add(page, "=\"");
    for (const char *c = value ? value : ""; *c && page->r == 0; c++) {
        if (*c == '\n')
            add(page, "\\n");
        else if (*c == '\\' || *c == '"')
            page->r = buffer_addf(&page->text, "\\%c", *c);
        else
            page->r = buffer_add(&page->text, c, 1);
    }
    add(page, "\"");
}

static void add_value(struct page *page, json_int_t value)
{
    if (page->r == 0)
        page->r = buffer_addf(&page->text, " %lld\n", (long long)value);
}

/* One sample with one label. */
static void add_sample(struct page *page, const char *family, const char *label, const char *label_value,
                       json_int_t value)
{
    add(page, family);
    add_label(page, "{", label, label_value);
    add(page, "}");
    add_value(page, value);
}

static void add_plain(struct page *page, const char *family, const char *type, const char *help, json_int_t value)
{
    add_family(page, family, type, help);
    add(page, family);
    add_value(page, value);
}

static void add_build(struct page *page, const json_t *status)
{
    add_family(page, "pindispatch_build_info", "gauge", "The version that runs.");
    add_sample(page, "pindispatch_build_info", "version", json_text(status, "version"), 1);
    add_plain(page, "pindispatch_config_generation", "gauge", "Reloads that took, since the start.",
              json_number(status, "generation", 0));
    add_plain(page, "pindispatch_dry_run", "gauge", "1 when nothing is really delivered.",
              json_is_true(json_object_get(status, "dry_run")));
}

static void add_store(struct page *page, const json_t *store)
{
    json_t *counts = json_object_get(store, "deliveries");
    const char *state;
    json_t *count;

    add_family(page, "pindispatch_store_trouble", "gauge",
               "1 while the store takes no changes, with the cause; else 0.");
    add_sample(page, "pindispatch_store_trouble", "code", json_text(json_object_get(store, "trouble"), "code"),
               json_is_object(json_object_get(store, "trouble")));
    if (!json_is_object(counts))
        return;
    add_family(page, "pindispatch_deliveries", "gauge", "Deliveries in the store by state.");
    json_object_foreach (counts, state, count)
        add_sample(page, "pindispatch_deliveries", "state", state, json_integer_value(count));
    add_plain(page, "pindispatch_events", "gauge", "Events in the store.", json_number(store, "events", 0));
    add_plain(page, "pindispatch_audit_rows", "gauge", "Rows of the audit trail.",
              json_number(store, "audit_rows", 0));
}

static void add_intake(struct page *page, const json_t *intake)
{
    static const char family[] = "pindispatch_events_total";

    add_family(page, family, "counter", "Events answered since the start, by result.");
    add_sample(page, family, "result", "accepted", json_number(intake, "accepted", 0));
    add_sample(page, family, "result", "duplicate", json_number(intake, "duplicates", 0));
    add_sample(page, family, "result", "rejected", json_number(intake, "rejected", 0));
    add_plain(page, "pindispatch_submit_clients", "gauge", "Connections to the submit socket.",
              json_number(intake, "clients", 0));
}

static void add_workers(struct page *page, const json_t *channels)
{
    static const char *const states[] = { "wanted", "running", "busy" };
    static const char family[] = "pindispatch_workers";
    const json_t *channel;
    size_t i;

    add_family(page, family, "gauge", "Workers of a method.");
    json_array_foreach (channels, i, channel) {
        const json_t *workers = json_object_get(channel, "workers");

        for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
            add(page, family);
            add_label(page, "{", "method", json_text(channel, "method"));
            add_label(page, ",", "state", states[s]);
            add(page, "}");
            add_value(page, json_number(workers, states[s], 0));
        }
    }
}

static void add_in_hand(struct page *page, const json_t *channels)
{
    const json_t *channel;
    size_t i;

    add_family(page, "pindispatch_in_hand", "gauge", "Deliveries that workers have just now.");
    json_array_foreach (channels, i, channel)
        add_sample(page, "pindispatch_in_hand", "method", json_text(channel, "method"),
                   json_number(channel, "in_hand", 0));
}

static void add_trouble(struct page *page, const json_t *channels)
{
    static const char family[] = "pindispatch_trouble";
    const json_t *channel;
    size_t i;

    add_family(page, family, "gauge", "1 while a destination is in trouble, with its code; else 0.");
    json_array_foreach (channels, i, channel) {
        const json_t *trouble = json_object_get(channel, "trouble");

        add(page, family);
        add_label(page, "{", "method", json_text(channel, "method"));
        add_label(page, ",", "code", json_text(trouble, "code"));
        add(page, "}");
        add_value(page, json_is_object(trouble));
    }
}

int command_metrics(struct request *q)
{
    CLEANUP(json_cleanup) json_t *status = status_to_json(q);
    CLEANUP(page_release) struct page page = { .text = BUFFER(METRICS_MOST) };
    const json_t *channels;

    if (!status)
        return -ENOMEM;
    channels = json_object_get(status, "channels");
    add_build(&page, status);
    add_store(&page, json_object_get(status, "store"));
    add_intake(&page, json_object_get(status, "intake"));
    add_workers(&page, channels);
    add_in_hand(&page, channels);
    add_trouble(&page, channels);
    if (page.r < 0)
        return page.r;
    return request_answer(q, json_pack("{s:s%}", "text", buffer_bytes(&page.text), buffer_size(&page.text)));
}
