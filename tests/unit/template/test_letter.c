/* Letters: what is on the paper is asked of poppler, an implementation of PDF that is not the one that wrote it. */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pindispatch/clock.h>

extern char **environ;

#define SVG_HEAD                                                                                                     \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"100mm\" "        \
    "height=\"60mm\" viewBox=\"0 0 100 60\" font-family=\"DejaVu Sans\" font-size=\"4\">\n"
#define SVG(body) SVG_HEAD body "\n<text x=\"5\" y=\"55\">{{secret}}</text>\n</svg>\n"

/* --- tools --- */

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);

        assert_true(n > 0);
        bytes += n;
        size -= (size_t)n;
    }
}

static size_t read_all(int fd, char *bytes, size_t size)
{
    size_t n = 0;
    ssize_t got;

    while (n < size - 1 && (got = read(fd, bytes + n, size - 1 - n)) > 0)
        n += (size_t)got;
    bytes[n] = '\0';
    return n;
}

/* Runs a tool of poppler over the document, which it gets as a file without a name. */
static void run_poppler(const struct document *d, const char *tool, const char *option, char *text, size_t size)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = { (char *)tool, (char *)option, "/dev/fd/3", tool[3] == 't' ? "-" : NULL, NULL };
    int pipes[2], status, file = memfd_create("letter", MFD_CLOEXEC);
    pid_t pid;

    assert_true(file >= 0);
    write_all(file, d->bytes.data + d->bytes.begin, buffer_size(&d->bytes));
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, file, 3);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    assert_int_equal(posix_spawnp(&pid, tool, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    close(file);
    read_all(pipes[0], text, size);
    close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void read_letter(struct letter *l, struct sample *s, char *text, size_t size)
{
    int r = letter_pdf(l, &s->filling, &s->document, &s->trouble);

    if (r != 0)
        print_error("%d %s: %s\n", r, s->trouble.code, s->trouble.reason);
    assert_int_equal(r, 0);
    run_poppler(&s->document, "pdftotext", "-layout", text, size);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("no \"%s\" in:\n%s\n", part, text);
    assert_non_null(strstr(text, part));
}

static struct letter *load(const char *dir)
{
    struct letter *l = NULL;
    struct problem p = { .message = "" };
    int r = letter_load(dir, "letter.svg", NULL, &l, &p);

    if (r != 0)
        print_error("%s: %s\n", p.where, p.message);
    assert_int_equal(r, 0);
    return l;
}

/* The letter of one template, as text. */
static void read_svg(const char *svg, const char *name, char *text, size_t size)
{
    struct folder f;
    struct sample s;
    struct letter *l;

    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    l = load(f.path);
    sample_init(&s, name, NULL, SECRET_PIN, "0042CANARY");
    read_letter(l, &s, text, size);
    sample_release(&s);
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

/* --- the templates that are installed --- */

static void test_languages_and_secrets(void **state)
{
    static const struct {
        const char *locale;
        enum secret_kind kind;
        const char *title, *date;
    } cases[] = {
        { "en-GB", SECRET_PIN, "The PIN for your card", "November 2026" },
        { NULL, SECRET_PUK, "The PUK for your card", "November 2026" },
        { "sv-SE", SECRET_PIN, "PIN-koden till ditt kort", "november 2026" },
        { "sv", SECRET_PUK, "PUK-koden till ditt kort", "november 2026" },
        { "de_AT", SECRET_PIN, "Die PIN zu Ihrer Karte", ". November 2026" },
        { "DE", SECRET_PUK, "Die PUK zu Ihrer Karte", ". November 2026" },
        { "tlh", SECRET_PIN, "The PIN for your card", "November 2026" },
        { "svx", SECRET_PIN, "The PIN for your card", "November 2026" },
    };
    struct letter *l = load(TEMPLATES);
    char text[16384];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sample s;

        sample_init(&s, "Åsa Öberg", cases[i].locale, cases[i].kind, "0042CANARY");
        read_letter(l, &s, text, sizeof(text));
        assert_has(text, cases[i].title);
        assert_has(text, cases[i].date);
        assert_has(text, "Åsa Öberg");
        assert_has(text, "111 22 Malmö");
        assert_has(text, "0042CANARY");
        assert_has(text, "c3d2a4b5e6f7");
        assert_has(text, "0123");
        assert_has(text, "(employee)");
        assert_null(strstr(text, cases[i].kind == SECRET_PIN ? "PUK" : "Never write"));
        assert_string_equal(s.document.media_type, "application/pdf");
        assert_int_equal(s.document.pages, 1);
        sample_release(&s);
    }
    letter_free(l);
}

static void test_a_name_is_text(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;
    char text[16384];

    (void)state;
    sample_init(&s, HOSTILE, "en", SECRET_PIN, "0042CANARY");
    read_letter(l, &s, text, sizeof(text));
    assert_has(text, "\n"
                     "Dear " HOSTILE ",");
    sample_release(&s);
    letter_free(l);
}

static void test_the_secret_is_in_no_metadata(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;
    char text[16384];

    (void)state;
    sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    read_letter(l, &s, text, sizeof(text));
    run_poppler(&s.document, "pdfinfo", "-isodates", text, sizeof(text));
    assert_has(text, "Title:           Letter\n");
    assert_has(text, "595.276 x 841.89 pts (A4)");
    assert_has(text, "2026-11-22");
    assert_null(strstr(text, "CANARY"));
    assert_null(strstr(text, "berg"));
    assert_null(memmem(s.document.bytes.data, s.document.bytes.end, "CANARY", 6));
    sample_release(&s);
    letter_free(l);
}

static void test_the_hash_is_the_file_s(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample english, swedish;
    char text[16384];

    (void)state;
    sample_init(&english, "Åsa", "en", SECRET_PIN, "1111");
    sample_init(&swedish, "Åsa", "sv", SECRET_PIN, "1111");
    read_letter(l, &english, text, sizeof(text));
    read_letter(l, &swedish, text, sizeof(text));
    assert_int_equal(strlen(english.document.template_hash), 64);
    assert_string_not_equal(english.document.template_hash, swedish.document.template_hash);
    sample_release(&english);
    sample_release(&swedish);
    letter_free(l);
}

/* --- failures before paper --- */

static void assert_fails(struct letter *l, struct sample *s, const char *code, const char *words)
{
    assert_int_equal(letter_pdf(l, &s->filling, &s->document, &s->trouble), 1);
    if (strcmp(s->trouble.code, code) != 0 || !strstr(s->trouble.reason, words))
        print_error("%s: %s\n", s->trouble.code, s->trouble.reason);
    assert_int_equal(s->trouble.kind, OUTCOME_FAILED);
    assert_string_equal(s->trouble.code, code);
    assert_non_null(strstr(s->trouble.reason, words));
    assert_non_null(strstr(s->trouble.reason, "letter.svg"));
    assert_int_equal(buffer_size(&s->document.bytes), 0);
    assert_null(strstr(s->trouble.reason, secret_reveal(s->secret)));
}

static void assert_name_fails(const char *name, const char *code, const char *words)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;

    sample_init(&s, name, "en", SECRET_PIN, "0042CANARY");
    assert_fails(l, &s, code, words);
    sample_release(&s);
    letter_free(l);
}

/* A character that no font can have: what a missing CJK font is to a Chinese name, on any machine. */
static void test_missing_glyphs(void **state)
{
    (void)state;
    assert_name_fails("A\U0010FFFDsa", "glyph-missing", "holder.name");
}

static bool has_font_for(const char *character)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;
    int r;

    sample_init(&s, character, "en", SECRET_PIN, "1111");
    r = letter_pdf(l, &s.filling, &s.document, &s.trouble);
    sample_release(&s);
    letter_free(l);
    return r == 0;
}

/* Chinese, where no font for it is installed; else signs that Unicode has not given a meaning. */
static void test_signs_without_a_font(void **state)
{
    (void)state;
    if (!has_font_for("山"))
        assert_name_fails("山田太郎", "glyph-missing", "holder.name");
    assert_name_fails("Åsa \xcd\xb8", "glyph-missing", "holder.name");
}

static void test_long_names(void **state)
{
    char name[401], words[401];

    (void)state;
    memset(name, 'A', 400);
    name[400] = '\0';
    assert_name_fails(name, "overflow", "holder.name");
    memcpy(words, name, sizeof(words));
    for (size_t i = 7; i < 400; i += 8)
        words[i] = ' ';
    assert_name_fails(words, "overflow", "holder.name");
}

static void test_missing_fields(void **state)
{
    (void)state;
    assert_name_fails("", "field-missing", "holder.name");
}

static void test_troubles_with_the_secret(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa", "en", SECRET_PIN,
                "012345678901234567890123456789010123456789012345678901234567890101234567890123456789");
    assert_fails(l, &s, "overflow", "secret");
    sample_release(&s);
    sample_init(&s, "Åsa", "en", SECRET_PIN, "12\U0010FFFD34");
    assert_fails(l, &s, "glyph-missing", "secret");
    sample_release(&s);
    letter_free(l);
}

/* Any other letter than exactly this secret's would be wrong. */
static void test_unprintable_secrets(void **state)
{
    static const char *const secrets[] = { "12\t34", "1234\n", "12\x7f", "12\xff" };
    struct letter *l = load(TEMPLATES);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        struct sample s;

        sample_init(&s, "Åsa", "en", SECRET_PIN, secrets[i]);
        assert_int_equal(letter_pdf(l, &s.filling, &s.document, &s.trouble), 1);
        assert_string_equal(s.trouble.code, "secret-unprintable");
        sample_release(&s);
    }
    letter_free(l);
}

static void test_a_letter_without_its_secret(void **state)
{
    struct folder f;
    struct sample s;
    struct letter *l;

    (void)state;
    folder_init(&f);
    folder_write(&f, "letter.svg", SVG_HEAD "<text x='5' y='9'>{{#pin}}{{pin}}{{/pin}}</text></svg>");
    l = load(f.path);
    sample_init(&s, "Åsa", "en", SECRET_PUK, "12345678");
    assert_fails(l, &s, "field-missing", "PUK");
    sample_release(&s);
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

/* --- the subset of SVG --- */

static void test_text_as_inkscape_saves_it(void **state)
{
    char text[4096];

    (void)state;
    read_svg(SVG("<defs><rect id='r1' x='10' y='20' width='50' height='20'/></defs>"
                 "<g transform='translate(2,1)' style='font-size:3px;stroke:#000'>"
                 "<text xml:space='preserve' style='font-size:3.5px;line-height:1.25;font-family:\"DejaVu Sans\";"
                 "-inkscape-font-specification:\"DejaVu Sans\";font-variant-ligatures:normal;stroke:none;"
                 "stroke-width:0.26' x='5' y='8'><tspan sodipodi:role='line' xmlns:sodipodi='urn:s' x='5' y='8'>Dear "
                 "{{holder.name}}</tspan><tspan x='5' y='13'>second <tspan style='font-weight:bold'>line</tspan>"
                 "</tspan></text>"
                 "<text xml:space='preserve' style='white-space:pre;shape-inside:url(#r1);stroke:none'>"
                 "<tspan x='10' y='23'>wrapped words that are broken </tspan><tspan x='10' y='27'>anew by width\n"
                 "</tspan><tspan x='10' y='31'>and a new line</tspan></text></g>"),
             "Åsa", text, sizeof(text));
    assert_has(text, "Dear Åsa\n");
    assert_has(text, "second line\n");
    assert_has(text, "wrapped words that are broken\n");
    assert_has(text, "anew by width\n");
    assert_has(text, "and a new line\n");
}

static void test_words_break_only_where_asked(void **state)
{
    char text[4096];

    (void)state;
    read_svg(SVG("<rect id='r' x='5' y='5' width='30' height='30' fill='none'/>"
                 "<text style='shape-inside:url(#r);overflow-wrap:anywhere'>Donaudampfschifffahrt</text>"),
             "Åsa", text, sizeof(text));
    assert_has(text, "Donau");
    assert_null(strstr(text, "Donaudampfschifffahrt"));
}

static void test_sections_hold_lines_and_drawings(void **state)
{
    char text[4096];

    (void)state;
    read_svg(SVG("<text x='5' y='5'>{{#holder.address}}<tspan x='5' dy='5'>[{{.}}]</tspan>{{/holder.address}}</text>"
                 "{{#puk}}<text x='5' y='30'>only with a PUK</text><rect width='5' height='5'/>{{/puk}}"
                 "{{#pin}}<g><text x='5' y='35'>only with a PIN</text><rect width='9' height='9'/></g>{{/pin}}"
                 "{{^puk}}<text x='5' y='40'>no   PUK</text>{{/puk}}"
                 "<text x='5' y='45' display='none'>unseen</text><text x='5' y='45'>a &lt;&amp; b</text>"),
             "Åsa", text, sizeof(text));
    assert_has(text, "[Storgatan 1]\n");
    assert_has(text, "[111 22 Malmö]\n");
    assert_has(text, "only with a PIN\n");
    assert_has(text, "no PUK\n");
    assert_has(text, "a <& b\n");
    assert_null(strstr(text, "only with a PUK"));
    assert_null(strstr(text, "unseen"));
}

static void test_blanks_of_values_stay(void **state)
{
    const char *svg = SVG("<text x='5' y='5'>  a\n                                                              "
                          "                                             b  {{holder.name}}  </text>");
    char text[4096], name[100];
    struct folder f;
    struct sample s;
    struct letter *l;

    (void)state;
    read_svg(svg, "Åsa", text, sizeof(text));
    assert_has(text, "a b Åsa\n");
    memset(name, ' ', sizeof(name) - 1);
    name[0] = 'A';
    name[sizeof(name) - 2] = 'B';
    name[sizeof(name) - 1] = '\0';
    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    l = load(f.path);
    sample_init(&s, name, "en", SECRET_PIN, "0042CANARY");
    assert_fails(l, &s, "overflow", "holder.name does not fit on the page");
    sample_release(&s);
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

static void assert_svg_refused(const char *svg, const char *code, unsigned line)
{
    struct folder f;
    struct letter *l = NULL;
    struct problem p = { .message = "" };
    char where[128];
    int r;

    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    snprintf(where, sizeof(where), line ? "%s/letter.svg:%u" : "%s/letter.svg", f.path, line);
    r = letter_load(f.path, "letter.svg", NULL, &l, &p);
    if (r != 1 || strcmp(p.code, code) != 0 || strncmp(p.where, where, strlen(where)) != 0)
        print_error("%s\n%d %s %s: %s\n", svg, r, p.code, p.where, p.message);
    assert_int_equal(r, 1);
    assert_string_equal(p.code, code);
    assert_memory_equal(p.where, where, strlen(where));
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

static void test_a_template_reaches_nothing(void **state)
{
    (void)state;
    assert_svg_refused("<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" SVG("<text>&x;</text>"),
                       "svg-doctype", 0);
    assert_svg_refused("<!DOCTYPE svg>" SVG(""), "svg-doctype", 0);
    assert_svg_refused(SVG("<script>1</script>"), "svg-element", 2);
    assert_svg_refused(SVG("\n<foreignObject/>"), "svg-element", 3);
    assert_svg_refused(SVG("<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='x'/>"), "svg-element", 2);
    assert_svg_refused(SVG("<image xlink:href='file:///etc/passwd'/>"), "svg-reference", 2);
    assert_svg_refused(SVG("<image href='http://localhost/x.png'/>"), "svg-reference", 2);
    assert_svg_refused(SVG("<image href='data:image/svg+xml;base64,AAAA'/>"), "svg-reference", 2);
    assert_svg_refused(SVG("<use href='other.svg#a'/>"), "svg-reference", 2);
    assert_svg_refused(SVG("<rect style='fill: URL( \"http://localhost/x\" )'/>"), "svg-reference", 2);
    assert_svg_refused(SVG("<style>@import 'x';</style>"), "svg-element", 2);
    assert_svg_refused(SVG("<rect onclick='x()'/>"), "svg-attribute", 2);
    assert_svg_refused(SVG("<g xml:base='http://localhost/'/>"), "svg-attribute", 2);
    assert_svg_refused("<?xml-stylesheet href='x'?>" SVG(""), "svg-element", 1);
}

static void test_what_would_print_wrong_is_refused(void **state)
{
    (void)state;
    assert_svg_refused(SVG("<text>{{holder.nmae}}</text>"), "unknown-variable", 2);
    assert_svg_refused(SVG("<rect width='{{secret}}'/>"), "svg-attribute", 2);
    assert_svg_refused(SVG("{{holder.name}}"), "svg-section", 2);
    assert_svg_refused(SVG("<g>{{#pin}}</g><g>{{/pin}}</g>"), "svg-section", 2);
    assert_svg_refused(SVG("{{#holder.address}}<g/>{{/holder.address}}"), "svg-section", 2);
    assert_svg_refused(SVG("<clipPath><text>x</text></clipPath>"), "svg-text", 2);
    assert_svg_refused(SVG("<text x='1 2 3'>abc</text>"), "svg-text", 2);
    assert_svg_refused(SVG("<text><textPath href='#a'>x</textPath></text>"), "svg-element", 2);
    assert_svg_refused(SVG("<text style='stroke:#000'>x</text>"), "svg-style", 2);
    assert_svg_refused(SVG("<text fill='url(#g)'>x</text>"), "svg-style", 2);
    assert_svg_refused(SVG("<text transform='scale(0)'>x</text>"), "svg-transform", 2);
    assert_svg_refused(SVG("<text style='shape-inside:url(#none)'>x</text>"), "svg-box", 2);
    assert_svg_refused(SVG("<text>{{=[ ]=}}</text>"), "template", 2);
    assert_svg_refused(SVG("<text x='5' y='5'>much too long a line for so small a page, is it not?</text>"),
                       "overflow", 0);
    assert_svg_refused(SVG("<rect id='r' x='5' y='5' width='30' height='30'/><text style='shape-inside:url(#r)'>"
                           "Donaudampfschifffahrt</text>"),
                       "overflow", 0);
    assert_svg_refused(SVG("<rect id='r' x='5' y='5' width='30' height='9'/><text style='shape-inside:url(#r)'>"
                           "three lines in a box that has room for two lines</text>"),
                       "overflow", 0);
    assert_svg_refused(SVG("<text x='5' y='5'>\U0010FFFD</text>"), "glyph-missing", 0);
    assert_svg_refused(SVG_HEAD "<text>no secret</text></svg>", "no-secret", 0);
    assert_svg_refused("<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='5'/>", "svg-size", 1);
    assert_svg_refused("<svg/>", "svg", 0);
    assert_svg_refused("<svg", "xml", 1);
    assert_svg_refused("", "xml", 0);
    assert_svg_refused(SVG("<text>\xff</text>"), "utf-8", 2);
}

/* --- images --- */

static void test_png(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    assert_int_equal(letter_png(l, &s.filling, 0, 72, &s.document, &s.trouble), 0);
    assert_string_equal(s.document.media_type, "image/png");
    assert_memory_equal(s.document.bytes.data, "\x89PNG\r\n\x1a\n", 8);
    /* IHDR: 596 x 842 pixels */
    assert_memory_equal(s.document.bytes.data + 16, "\0\0\x02\x54\0\0\x03\x4a", 8);
    buffer_clear(&s.document.bytes);
    assert_int_equal(letter_png(l, &s.filling, 1, 72, &s.document, &s.trouble), 1);
    assert_int_equal(letter_png(l, &s.filling, 0, 100000, &s.document, &s.trouble), 1);
    sample_release(&s);
    letter_free(l);
}

struct counting {
    struct document_form form; /* first */
    unsigned pages, dark;
    int fails;
};

static int count_dark(const struct document_form *form, const struct picture *p, struct buffer *b)
{
    struct counting *c = (struct counting *)form;

    assert_int_equal(p->number, c->pages++);
    assert_true(p->width == 1241 && p->height == 1754 && p->stride >= (size_t)4 * p->width);
    assert_true(p->points_wide > 595 && p->points_wide < 596 && p->points_high > 841 && p->points_high < 842);
    for (unsigned y = 0; y < p->height; y++)
        for (unsigned x = 0; x < p->width; x++)
            c->dark += ((const uint32_t *)(const void *)(p->pixels + y * p->stride))[x] % 256 < 64;
    return c->fails ? c->fails : buffer_add(b, "p", 1);
}

static void test_pictures(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct counting c = { .form = { .media_type = "image/x-test", .dpi = 150, .encode = count_dark } };
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    assert_int_equal(letter_pictures(l, &s.filling, &c.form, &s.document, &s.trouble), 0);
    assert_string_equal(s.document.media_type, "image/x-test");
    assert_int_equal(s.document.pages, 1);
    assert_int_equal(buffer_size(&s.document.bytes), 1);
    assert_int_equal(strlen(s.document.template_hash), 64);
    assert_true(c.dark > 1000 && c.dark < 500 * 1000); /* a page of text: neither empty nor black */
    c.pages = 0;
    c.fails = -ENOBUFS;
    assert_int_equal(letter_pictures(l, &s.filling, &c.form, &s.document, &s.trouble), 1);
    assert_string_equal(s.trouble.code, "letter-too-large");
    assert_int_equal(buffer_size(&s.document.bytes), 0);
    sample_release(&s);
    letter_free(l);
}

/* As much time goes into compressing as into drawing, unless the library's way to do that is replaced. */
static void test_nothing_is_compressed(void **state)
{
    static const char stored[] = "stream\n\x18"; /* RFC 1950: deflated, with a window of 512 bytes */
    struct letter *l = load(TEMPLATES);
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    assert_int_equal(letter_pdf(l, &s.filling, &s.document, &s.trouble), 0);
    assert_non_null(memmem(buffer_bytes(&s.document.bytes), buffer_size(&s.document.bytes), stored, strlen(stored)));
    sample_release(&s);
    letter_free(l);
}

static void test_the_same_letter_again(void **state)
{
    struct letter *l = load(TEMPLATES);
    struct sample a, b;

    (void)state;
    sample_init(&a, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    sample_init(&b, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    assert_int_equal(letter_pdf(l, &a.filling, &a.document, &a.trouble), 0);
    assert_int_equal(letter_pdf(l, &b.filling, &b.document, &b.trouble), 0);
    assert_int_equal(buffer_size(&a.document.bytes), buffer_size(&b.document.bytes));
    sample_release(&a);
    sample_release(&b);
    letter_free(l);
}

static void assert_same(struct sample *a, struct sample *b)
{
    assert_int_equal(buffer_size(&a->document.bytes), buffer_size(&b->document.bytes));
    assert_memory_equal(buffer_bytes(&a->document.bytes), buffer_bytes(&b->document.bytes),
                        buffer_size(&a->document.bytes));
}

/* One letter after the other, each beside the same of a template that was just read. */
static void compare_letters(const char *dir)
{
    static const struct {
        const char *locale;
        enum secret_kind kind;
        unsigned dpi; /* 0: PDF */
    } letters[] = {
        { "en", SECRET_PIN, 0 },  { "en", SECRET_PUK, 0 },  { "sv", SECRET_PIN, 0 },  { "en", SECRET_PIN, 72 },
        { "en", SECRET_PIN, 40 }, { "en", SECRET_PUK, 70 }, { "en", SECRET_PIN, 70 }, { "en", SECRET_PIN, 0 },
    };
    struct letter *l = load(dir);

    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        struct letter *fresh = load(dir), *by[] = { l, fresh };
        struct sample s[2];

        for (size_t k = 0; k < ARRAY_SIZE(by); k++) {
            struct sample *x = &s[k];

            sample_init(x, "Åsa Öberg", letters[i].locale, letters[i].kind, "0042CANARY");
            assert_int_equal(letters[i].dpi
                                 ? letter_png(by[k], &x->filling, 0, letters[i].dpi, &x->document, &x->trouble)
                                 : letter_pdf(by[k], &x->filling, &x->document, &x->trouble),
                             0);
        }
        assert_same(&s[0], &s[1]);
        sample_release(&s[0]);
        sample_release(&s[1]);
        letter_free(fresh);
    }
    letter_free(l);
}

/* Words that no event has a part in are set once: which they are still depends on the letter, and their fineness on
 * what they are drawn on. */
static void test_letters_after_others(void **state)
{
    struct folder f;

    (void)state;
    compare_letters(TEMPLATES);
    folder_init(&f);
    folder_write(&f, "letter.svg",
                 SVG("<text x=\"5\" y=\"9\">{{#pin}}<tspan font-weight=\"bold\">One</tspan>{{/pin}}{{#puk}}"
                     "<tspan font-style=\"italic\">One</tspan><tspan x=\"9\" y=\"20\">Two</tspan>{{/puk}}</text>"));
    compare_letters(f.path);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_languages_and_secrets),
        cmocka_unit_test(test_a_name_is_text),
        cmocka_unit_test(test_the_secret_is_in_no_metadata),
        cmocka_unit_test(test_the_hash_is_the_file_s),
        cmocka_unit_test(test_missing_glyphs),
        cmocka_unit_test(test_signs_without_a_font),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_missing_fields),
        cmocka_unit_test(test_troubles_with_the_secret),
        cmocka_unit_test(test_unprintable_secrets),
        cmocka_unit_test(test_a_letter_without_its_secret),
        cmocka_unit_test(test_text_as_inkscape_saves_it),
        cmocka_unit_test(test_words_break_only_where_asked),
        cmocka_unit_test(test_sections_hold_lines_and_drawings),
        cmocka_unit_test(test_blanks_of_values_stay),
        cmocka_unit_test(test_a_template_reaches_nothing),
        cmocka_unit_test(test_what_would_print_wrong_is_refused),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_nothing_is_compressed),
        cmocka_unit_test(test_the_same_letter_again),
        cmocka_unit_test(test_letters_after_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
