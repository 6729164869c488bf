#include "check.h"

#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "letter.h"

/* How often the widest sign is printed at once; the event's own bound is SECRET_LONGEST. */
enum { SECRET_LONGEST = 64, SIGNS_AT_ONCE = 8 };

static void note_any(void *userdata, const char *place, const struct outcome *trouble)
{
    (void)place;
    (void)trouble;
    *(bool *)userdata = true;
}

/* 1: a letter with N of the widest signs has a trouble. */
static int try_length(struct attempt *a, const struct filling *about, const char *tag, size_t n)
{
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    char signs[SECRET_LONGEST];
    struct filling own = *about;
    struct outcome trouble = { .code = "" };
    struct fields fields;
    struct sheet sheet = { .fields = &fields };
    unsigned n_pages;
    struct page *const *pages = letter_pages(a->letter, a->language, &n_pages);
    bool bad = false;
    int r;

    memset(signs, 'W', n);
    r = secret_new(signs, n, &secret);
    own.secret = secret;
    if (r < 0)
        return r;
    r = fields_fill(&fields, &own, tag, &trouble);
    for (unsigned i = 0; i < n_pages && r == 0; i++)
        r = page_try(pages[i], letter_typesetter(a->letter), &sheet, note_any, &bad);
    fields_release(&fields);
    outcome_release(&trouble);
    return r < 0 ? r : bad;
}

/* An event is taken with a secret of SECRET_LONGEST signs, and then fails: whoever has so long ones is told. */
static int try_longest(struct attempt *a, const struct filling *about, const char *tag)
{
    size_t good = 0, bad = SECRET_LONGEST;
    char where[FINDING_WHERE], words[FINDING_MESSAGE];
    int r = try_length(a, about, tag, SECRET_LONGEST);

    if (r <= 0)
        return r;
    while (bad - good > 1) {
        size_t middle = (good + bad) / 2;

        r = try_length(a, about, tag, middle);
        if (r < 0)
            return r;
        if (r > 0)
            bad = middle;
        else
            good = middle;
    }
    check_place(a->c, tag, a->c->name, where);
    snprintf(words, sizeof(words), "it holds a %s of %zu signs (of the widest, W); an event may have one of %d",
             about->kind == SECRET_PUK ? "PUK" : "PIN", good, SECRET_LONGEST);
    if (good >= SIGNS_AT_ONCE && check_is_new(a->c, where, words))
        check_tell(a->c, "secret-length", where, true, words);
    return 0;
}

/* Every sign that a secret may have. */
static int try_signs(struct attempt *a, const struct filling *about, const char *tag)
{
    int r = 0;

    for (int first = '!'; first <= '~' && r == 0; first += SIGNS_AT_ONCE) {
        CLEANUP(secret_cleanup) struct secret *secret = NULL;
        struct filling own = *about;
        char signs[SIGNS_AT_ONCE];
        size_t n = 0;

        while (n < SIGNS_AT_ONCE && first + (int)n <= '~') {
            signs[n] = (char)(first + (int)n);
            n++;
        }
        r = secret_new(signs, n, &secret);
        own.secret = secret;
        if (r == 0)
            r = check_fill(a, &own, tag);
    }
    return r;
}

int check_secrets(struct attempt *a, const struct filling *about, const char *tag)
{
    int r = try_signs(a, about, tag);

    return r == 0 ? try_longest(a, about, tag) : r;
}
