/* A subset of Mustache, parsed once and rendered often: variables, sections, inverted sections, comments, changed
 * delimiters and the rules for standalone lines, as the public specification has them. No lambdas and no partials:
 * a template is data and can reach nothing but the values it is given.
 *
 * An own engine because Debian packages no C one, and because the secret must never become a value of a general
 * type that is freed unwiped: it goes from its owner straight into a buffer that is wiped. */
#ifndef TEMPLATE_MUSTACHE_H
#define TEMPLATE_MUSTACHE_H

#include <pindispatch/buffer.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "findings.h"

enum {
    MUSTACHE_DEPTH = 32,               /* sections in one another */
    MUSTACHE_SOURCE = 4 * 1024 * 1024, /* bytes of a template */
    MUSTACHE_DELIMITER = 8,            /* bytes of a delimiter */
};

enum mustache_type {
    MUSTACHE_TEXT,
    MUSTACHE_LIST,   /* of texts */
    MUSTACHE_OBJECT, /* only as a section: what is in it can then be named without its prefix */
    MUSTACHE_SECRET, /* bytes that are not JSON */
    MUSTACHE_FLAG,   /* only as a section */
};

/* What a template may name. A table of these ends with a row whose name is NULL. */
struct mustache_name {
    const char *name;
    enum mustache_type type;
    bool required; /* rendering stops with MUSTACHE_EMPTY where the value is absent or "" */
};

struct mustache_source {
    const char *text;
    size_t size;
    const char *file;                  /* for messages */
    unsigned line;                     /* of the first byte, from 1 */
    const struct mustache_name *names; /* NULL: any name, absent ones are empty (as the specification has it) */
    bool fixed_delimiters;             /* refuse to change them */
};

struct mustache;

/* The text is copied. 0; 1 with F (where = "FILE:LINE:COLUMN"; when all findings are wanted, with a program to look
 * through for more, which must not be rendered); -ENOMEM. */
int mustache_parse(const struct mustache_source *s, struct mustache **ret, struct findings *f);
struct mustache *mustache_free(struct mustache *m);
DEFINE_CLEANUP(struct mustache, mustache, mustache_free)

/* The names whose values the template prints, each once, in order: "holder.name, holder.address". Returns TEXT. */
char *mustache_prints(const struct mustache *m, char *text, size_t size);
/* Calls EACH for every one of them. Stops at and returns a non-zero value. */
int mustache_each_printed(const struct mustache *m, int (*each)(void *userdata, const struct mustache_name *name),
                          void *userdata);
/* Calls EACH for every name in it, printed or asked for, as often as it is there. */
void mustache_each_name(const struct mustache *m, void (*each)(void *userdata, const struct mustache_name *name),
                        void *userdata);
bool mustache_prints_secret(const struct mustache *m);
/* It has no tags: it is always the same. */
bool mustache_is_fixed(const struct mustache *m);

enum mustache_escape {
    MUSTACHE_RAW,  /* bytes as they are */
    MUSTACHE_LINE, /* control characters become spaces: a value stays on its line */
    MUSTACHE_BODY, /* as LINE, and values are isolated (UAX 9) where the direction of writing could move them */
    MUSTACHE_HTML, /* as BODY, and & < > " ' become references */
    MUSTACHE_SET,  /* as LINE, and spaces become MUSTACHE_HARD_SPACE, which the typesetter does not collapse; a value
                      stands between one of MUSTACHE_OPEN… and MUSTACHE_CLOSE */
};

/* No value holds one of these, nor does XML. */
#define MUSTACHE_HARD_SPACE  '\003'
#define MUSTACHE_OPEN        '\004'
#define MUSTACHE_OPEN_SECRET '\005'
#define MUSTACHE_OPEN_FORM   '\007' /* a secret in another form than its own: "secret.grouped" */
#define MUSTACHE_CLOSE       '\006'

/* What the templates of a document are rendered from. Names that the overlay knows are never looked for in ROOT. */
struct mustache_data {
    const json_t *root;
    /* True when NAME is one of the overlay's; an absent value has the size 0. May be NULL. */
    bool (*overlay)(const void *userdata, const char *name, size_t size, const char **ret_bytes, size_t *ret_size);
    const void *userdata;
};

struct mustache_result {
    const char *empty;     /* with MUSTACHE_EMPTY: the name, valid as long as the table of names */
    unsigned overlay_uses; /* values of the overlay that were printed */
};

enum mustache_condition { MUSTACHE_EMPTY = 1 };

/* Adds the rendered text to B, in one pass: tags in values are text. RESULT is added to, not reset.
 * 0; MUSTACHE_EMPTY; -ENOMEM; -ENOBUFS when it grows or takes beyond all measure. */
int mustache_render(const struct mustache *m, const struct mustache_data *d, enum mustache_escape escape,
                    struct buffer *b, struct mustache_result *result);

#endif
