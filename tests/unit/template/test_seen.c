/* A secret is seen on the page, sign by sign, or there is no letter: however a template hides it. */
#include "sample.h"

#define SVG(body)                                                                                                    \
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='100mm' "              \
    "height='60mm' viewBox='0 0 100 60' font-family='DejaVu Sans' font-size='4'>\n"                                  \
    "<defs><rect id='box' x='10' y='10' width='40' height='20'/></defs>\n" body "\n</svg>\n"

/* The code of what is found when the template is read, or the letter made; "" for a letter. */
static void make(const char *svg, const char *name, const char *secret, char code[32])
{
    struct folder f;
    struct sample s;
    struct letter *l = NULL;
    struct problem p = { .message = "" };
    int r;

    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    r = letter_load(f.path, "letter.svg", NULL, &l, &p);
    snprintf(code, 32, "%s", r == 0 ? "" : p.code);
    sample_init(&s, name, NULL, SECRET_PIN, secret);
    if (r == 0 && letter_pdf(l, &s.filling, &s.document, &s.trouble) != 0)
        snprintf(code, 32, "%s", s.trouble.code);
    if (code[0])
        assert_int_equal(buffer_size(&s.document.bytes), 0);
    sample_release(&s);
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

static void assert_code(const char *svg, const char *secret, const char *expected)
{
    char code[32];

    make(svg, "Åsa Öberg", secret, code);
    if (strcmp(code, expected) != 0)
        print_error("%s\n\"%s\", not \"%s\"\n", svg, code, expected);
    assert_string_equal(code, expected);
}

static void test_secrets_that_are_seen(void **state)
{
    static const char *const bodies[] = {
        "<text x='5' y='20'>{{secret}}</text>",
        "<text x='5' y='20' fill='#666'>{{secret}}</text>",
        "<rect width='100' height='60' fill='#123'/><text x='5' y='20' fill='#fff'>{{secret}}</text>",
        "<rect width='100' height='60' fill='#fff'/><text x='5' y='20' opacity='0.5'>{{secret}}</text>",
        "<text x='5' y='20' transform='rotate(5)'>{{secret.grouped}}</text>",
        "<text x='5' y='20' font-size='2'>{{secret.digits}}</text>",
        "<text style='shape-inside:url(#box)'>{{secret.words}}</text>",
        "<text x='5' y='20' visibility='hidden'>{{secret}}</text><text x='5' y='40'>{{secret}}</text>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        char svg[2048];

        snprintf(svg, sizeof(svg), SVG("%s"), bodies[i]);
        assert_code(svg, "48213075", "");
    }
}

static void test_secrets_that_are_not_seen(void **state)
{
    static const char *const bodies[] = {
        "<text x='5' y='20' fill='none'>{{secret}}</text>",
        "<g fill='none'><text x='5' y='20'>{{secret}}</text></g>",
        "<text x='5' y='20' fill='#fff'>{{secret}}</text>",
        "<text x='5' y='20' fill='#e8e8e8'>{{secret}}</text>",
        "<text x='5' y='20' fill='yellow'>{{secret}}</text>",
        "<text x='5' y='20' opacity='0'>{{secret}}</text>",
        "<text x='5' y='20' opacity='0.1'>{{secret}}</text>",
        "<text x='5' y='20' fill-opacity='0'>{{secret}}</text>",
        "<text x='5' y='20' visibility='hidden'>{{secret}}</text>",
        "<text x='5' y='20'><tspan visibility='hidden'>{{secret}}</tspan></text>",
        "<text x='5' y='20'><tspan fill='none'>{{secret}}</tspan></text>",
        "<rect width='100' height='60'/><text x='5' y='20'>{{secret}}</text>",
        "<rect width='100' height='60' fill='#123'/><text x='5' y='20' fill='#135'>{{secret}}</text>",
        "<text x='5' y='20' font-size='1'>{{secret}}</text>",
        "<text x='5' y='20' transform='scale(1 0.2)'>{{secret}}</text>",
        "<text x='5' y='20'>{{secret}}</text><rect width='100' height='60' fill='#fff'/>",
        "<text x='5' y='20'>{{secret}}</text><g><path d='M0 15H100V21H0z' fill='#eee'/></g>",
        "<text x='5' y='20'>{{secret}}</text><rect class='qr' x='5' y='10' width='30' height='30'/>",
        "<text x='5' y='20'>{{secret}}</text>{{#card.type}}<rect width='100' height='60' fill='#fff'/>{{/card.type}}",
        "<text x='5' y='20' style='opacity:0 !important;opacity:1'>{{secret}}</text>",
        "<text x='5' y='20'>{{secret}}</text><text x='5' y='20'>{{secret}}</text>",
        "<text x='5' y='20'>{{secret}}</text><text x='5' y='20'>██████████</text>",
        "<text x='5' y='20'>{{secret}}</text><text x='5' y='20' fill='#fff'>██████████</text>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        char svg[2048];

        snprintf(svg, sizeof(svg), SVG("%s"), bodies[i]);
        assert_code(svg, "48213075", "secret-unreadable");
    }
}

/* One letter after the other by one template: what lies over the secret may depend on the event. */
static void test_a_name_over_the_secret(void **state)
{
    static const char svg[] = SVG("<text x='50' y='20'>{{secret}}</text><text x='5' y='20'>{{holder.name}}</text>");
    char code[32];

    (void)state;
    make(svg, "Åsa", "48213075", code);
    assert_string_equal(code, "");
    make(svg, "██████████████████████████", "48213075", code);
    assert_string_equal(code, "secret-unreadable");
}

static void test_signs_stay_as_they_are(void **state)
{
    static const char *const secrets[] = { "fiflffifflft", "!=->=<>www--", "0O1lI|`'\"", "AVAVToTo", "12 34", " 1" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
        assert_code(SVG("<text x='5' y='20'>{{secret}}</text><text x='5' y='30'>{{secret.digits}}</text>"),
                    secrets[i], "");
    /* Two that make one sign, and one that is written from right to left. */
    assert_code(SVG("<text x='5' y='20'>{{secret}}</text>"), "12e\u030134", "secret-altered");
}

static void test_secrets_are_not_broken(void **state)
{
    static const char box[] = SVG("<text style='shape-inside:url(#box)'>{{secret}}</text>");
    static const char shrinks[] =
        SVG("<text style='shape-inside:url(#box)' data-min-font-size='2'>{{secret}}</text>");
    static const char breaks[] = SVG("<text style='shape-inside:url(#box);overflow-wrap:anywhere'>{{secret}}</text>");
    static const char *const secrets[] = { "12345678-12345678-12345678", "ABCDEFGH/ABCDEFGH/ABCDEFG",
                                           "1234 5678 1234 5678 12", "ABCDEFGHIJKLMNOPQRSTUVW" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        assert_code(box, secrets[i], "overflow");
        assert_code(shrinks, secrets[i], "");
        assert_code(breaks, secrets[i], "");
    }
    /* Its forms have blanks of their own. */
    assert_code(SVG("<text style='shape-inside:url(#box)'>{{secret.grouped}}</text>"), "12345678123456781234567812",
                "");
    assert_code(SVG("<text style='shape-inside:url(#box)'>{{secret.digits}}</text>"), "12345678123456781234567812",
                "");
}

/* As long as an event can have it, in the letters that are installed. */
static void test_the_longest_secret(void **state)
{
    static const char *const names[] = { "letter.svg", "letter-us.svg", "mailer.svg" };
    char secret[65];

    (void)state;
    memset(secret, 'W', 64);
    secret[64] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct letter *l = NULL;
        struct problem p = { .message = "" };
        struct sample s;

        assert_int_equal(letter_load(TEMPLATES, names[i], NULL, &l, &p), 0);
        sample_init(&s, "Åsa", "en", SECRET_PIN, secret);
        assert_int_equal(letter_pdf(l, &s.filling, &s.document, &s.trouble), 0);
        sample_release(&s);
        letter_free(l);
    }
}

static void note_finding(void *userdata, const struct problem *p, bool is_warning)
{
    const char **expected = userdata;

    if (*expected && strcmp(p->code, *expected) == 0 && is_warning == (strcmp(p->code, "secret-length") == 0))
        *expected = NULL;
}

static void assert_check_finds(const char *svg, const char *code)
{
    const char *expected = code;
    struct folder f;

    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    assert_true(template_check(f.path, "letter.svg", NULL, note_finding, &expected) >= 0);
    assert_null(expected);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
}

static void test_what_the_check_finds(void **state)
{
    (void)state;
    assert_check_finds(SVG("<text x='5' y='20'>{{secret}}</text>"), "secret-length");
    assert_check_finds(SVG("<text x='5' y='20' fill='none'>{{secret}}</text>"), "secret-unreadable");
    assert_check_finds(SVG("<text x='5' y='20' fill='#fff'>{{secret}}</text>"), "secret-unreadable");
    assert_check_finds(SVG("<text x='5' y='20' display='none'>{{secret}}</text>"), "no-secret");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_that_are_seen),  cmocka_unit_test(test_secrets_that_are_not_seen),
        cmocka_unit_test(test_a_name_over_the_secret), cmocka_unit_test(test_signs_stay_as_they_are),
        cmocka_unit_test(test_secrets_are_not_broken), cmocka_unit_test(test_the_longest_secret),
        cmocka_unit_test(test_what_the_check_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
