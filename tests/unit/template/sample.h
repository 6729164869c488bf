/* What the tests of letters and mails share: an event, its secret, and templates in a folder of their own. */
#ifndef TEST_TEMPLATE_SAMPLE_H
#define TEST_TEMPLATE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/file.h>
#include <pindispatch/template.h>

#define TEMPLATES   TEST_SOURCE_DIR "/templates"
#define HOSTILE     "{{pin}} & <b>$1</b> \"x\""
#define DELIVERY_ID "019ab0c2-7d2e-7001-9c3a-c3d2a4b5e6f7"

/* fontconfig keeps a pattern that it never frees; nothing of ours is in it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

struct sample {
    json_t *event;
    struct secret *secret;
    struct filling filling;
    struct document document;
    struct outcome trouble;
};

static inline void sample_init(struct sample *s, const char *name, const char *locale, enum secret_kind kind,
                               const char *secret)
{
    *s = (struct sample){ .document = DOCUMENT };
    s->event =
        json_pack("{s:s,s:s,s:s,s:{s:{s:s,s:s},s:{s:s,s:s,s:s*,s:[s,s]}}}", "id", "ev-1", "source", "/test", "type",
                  "card.issued", "data", "card", "id", "C-000123", "type", "employee", "holder", "name", name,
                  "email", "asa.oberg@example.com", "locale", locale, "address", "Storgatan 1", "111 22 Malmö");
    assert_non_null(s->event);
    assert_int_equal(secret_new(secret, strlen(secret), &s->secret), 0);
    s->filling = (struct filling){ .event = s->event,
                                   .kind = kind,
                                   .secret = s->secret,
                                   .delivery_id = DELIVERY_ID,
                                   .created = INT64_C(1795305600000000), /* 2026-11-22T00:00:00Z */
                                   .from = "Kärten & Co <pin@example.com>",
                                   .message_id = DELIVERY_ID "@example.com" };
}

static inline void sample_release(struct sample *s)
{
    document_release(&s->document);
    outcome_release(&s->trouble);
    json_decref(s->event);
    secret_free(s->secret);
}

/* A folder that holds the templates of one test. */
struct folder {
    char path[64];
};

static inline void folder_init(struct folder *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/pindispatch-template-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static inline void folder_write(const struct folder *f, const char *name, const char *text)
{
    char *path = path_join(f->path, name);
    char *parent = path_folder(path);

    assert_int_equal(folder_make(parent, 0700), 0);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
    free(parent);
    free(path);
}

static inline void folder_remove(const struct folder *f, const char *const *names)
{
    for (; *names; names++) {
        char *path = path_join(f->path, *names);

        remove(path);
        free(path);
    }
    assert_int_equal(rmdir(f->path), 0);
}

#endif
