/* The dry run: everything except talking to a printer or a mail server. Documents hold a masked secret. */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/file.h>

static const char *suffix_of(const struct document *d)
{
    return strcmp(d->media_type, "message/rfc822") == 0 ? "eml" : "pdf";
}

/* DIR beside the store: "dry-run/DELIVERY.pdf". The caller frees. */
static char *file_of(const struct worker *w, const struct parcel *p, const struct document *d)
{
    CLEANUP(free_cleanup) char *folder = path_folder(settings_text(w->settings, "store.path"));
    char id[UUID_TEXT];
    char *path = NULL;

    if (!folder || asprintf(&path, "%s/%s.%s", folder, uuid_format(&p->id, id), suffix_of(d)) < 0)
        return NULL;
    return path;
}

static int write_document(const struct worker *w, const struct parcel *p, const struct document *d, struct outcome *o)
{
    CLEANUP(free_cleanup) char *path = file_of(w, p, d);
    int r = path ? file_write_private(path, buffer_bytes(&d->bytes), buffer_size(&d->bytes)) : -ENOMEM;

    if (r < 0) {
        outcome_set(o, OUTCOME_FAILED, "dry-run", "the rendered document cannot be written: %s", strerror(-r));
        return 0;
    }
    outcome_set(o, OUTCOME_DRY_RUN, "rendered", "rendered with the secret masked; nothing was sent");
    o->evidence = json_pack("{s:s}", "file", path);
    return 0;
}

static int rehearse_one(struct worker *w, struct parcel *p)
{
    struct document document = DOCUMENT;
    struct outcome o = { .code = "" };
    int r = w->desk.compose(&w->desk, p, &document, &o);

    if (r == 0)
        r = write_document(w, p, &document, &o);
    document_release(&document);
    if (r >= 0)
        r = w->desk.report(&w->desk, p, &o);
    outcome_release(&o);
    return r;
}

int worker_rehearse(struct worker *w)
{
    struct parcel *p;
    int r = 0;

    while (r == 0 && (p = w->desk.next(&w->desk)) != NULL)
        r = rehearse_one(w, p);
    return r;
}
