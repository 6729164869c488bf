/* The HTML of mails: what would load, run or send something, values where they could become markup, and secrets that
 * their reader would not see; each in many spellings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fields.h"
#include "secrecy.h"

static int check(const char *text, struct problem *p)
{
    const struct mustache_source s = {
        .text = text, .size = strlen(text), .file = "t", .line = 1, .names = fields_all
    };
    struct mustache *m = NULL;
    struct findings f = { .first = p };
    int r;

    *p = (struct problem){ .code = "" };
    assert_int_equal(mustache_parse(&s, &m, &f), 0);
    r = secrecy_check_html(m, &s, &f);
    mustache_free(m);
    return r;
}

static void assert_all(const char *const *texts, size_t n, const char *code)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct problem p;

        check(texts[i], &p);
        if (strcmp(p.code, code) == 0)
            continue;
        print_error("\"%s\" instead of \"%s\" (%s): %s\n", p.code, code, p.message, texts[i]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void test_values_become_no_markup(void **state)
{
    static const char *const bad[] = {
        "<p style=\"color:{{card.type}}\">x</p>",
        "<style>p{color:{{card.type}}}</style>",
        "<p title={{card.type}}>x</p>",
        "<p title=a{{card.type}}>x</p>",
        "<p title= {{card.type}}>x</p>",
        "<p {{card.type}}>x</p>",
        "<p {{card.type}}=\"x\">x</p>",
        "<p title=\"x\"{{card.type}}>x</p>",
        "<{{card.type}}>x",
        "<p{{card.type}}>x</p>",
        "</{{card.type}}>",
        "<a href=\"{{card.type}}\">x</a>",
        "<a href=\"https://x/?c={{card.id}}\">x</a>",
        "<img src=\"data:image/png;base64,{{card.type}}\">",
        "<td background=\"{{card.type}}\">",
        "<p class=\"{{card.type}}\">x</p>",
        "<p id='{{card.type}}'>x</p>",
        "<p width='{{card.type}}'>x</p>",
        "<font color='{{card.type}}'>x</font>",
        "<!-- {{card.type}} -->",
        "<!{{card.type}}>",
        "{{{holder.name}}}",
        "{{&holder.name}}",
        "<p title=\"{{&holder.name}}\">x</p>",
        "<p {{#pin}}title=\"{{/pin}}{{card.type}}\">",
        "<p title=\"{{#pin}}\">{{/pin}}",
        "<p title={{#pin}}\"a\"{{/pin}}>x</p>",
        "<p style=\"{{#pin}}display:none{{/pin}}\">x</p>",
        "<style>{{#pin}}p{color:red}{{/pin}}</style>",
        "<{{#pin}}script{{/pin}}>",
        "{{#pin}}<div>{{/pin}}x",
        "<div>{{#pin}}</div>{{/pin}}x",
        "<a href=\"{{#pin}}java{{/pin}}script:x\">x</a>",
        "<title></tit{{#pin}}x{{/pin}}le><b>x</b></title>",
        "{{#holder.address}}<b>{{/holder.address}}",
    };
    static const char *const good[] = {
        "<p title=\"{{card.type}}\" lang='en'>{{holder.name}}</p>",
        "<img alt='{{card.type}}' src=\"data:image/png;base64,AAAA\">",
        "<title>{{card.short}}</title>",
        "{{#pin}}<li>a{{/pin}}{{#puk}}<li>b</li>{{/puk}}",
        "<p{{! a comment }}>x</p>",
        "<p {{#puk}}lang=\"sv\"{{/puk}}>x</p>",
        "1 < 2 {{card.type}} & <b>{{date}}</b>",
    };

    (void)state;
    assert_all(bad, 30, "html-value");
    assert_all(bad + 32, 1, "html-value");
    assert_all(good, sizeof(good) / sizeof(good[0]), "");
    for (size_t i = 30; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct problem p;

        assert_int_equal(check(bad[i], &p), 1);
    }
}

static void test_nothing_is_loaded(void **state)
{
    static const char *const bad[] = {
        "<p style=\"background:&#117;rl(https://x/a.png)\">",
        "<p style=\"background:&#x75 rl(https://x/a.png)\">",
        "<p style=\"background:&#x75;rl(https://x/a.png)\">",
        "<p style=\"background:url&lpar;https://x/a.png)\">",
        "<p style=\"background:u\\72l(https://x/a.png)\">",
        "<p style=\"background:u\\000072 l(https://x/a.png)\">",
        "<p style=\"background:\\u\\r\\l(https://x/a.png)\">",
        "<p style=\"background:UrL('https://x/a.png')\">",
        "<p style=\"background:url(/**/data:image/png;x)\">",
        "<p style=\"background:url(//x/a.png)\">",
        "<p style=\"background:url(a.png)\">",
        "<p style=\"background:image-set('https://x/a.png' 1x)\">",
        "<p style=\"background:-webkit-image-set(url(https://x/a.png) 1x)\">",
        "<p style=\"background:image('https://x/a.png')\">",
        "<p style=\"background:src('https://x/a.png')\">",
        "<p style=\"background:cross-fade(url(data:image/png;base64,A), 'https://x')\">",
        "<p style=\"width:expression(alert(1))\">",
        "<p style=\"behavior:x\">",
        "<p style=\"-moz-binding:x\">",
        "<style>@import 'https://x/a.css';</style>",
        "<style>@\\69mport 'https://x/a.css';</style>",
        "<style>@IMPORT/**/url(data:text/css,x);</style>",
        "<style>@namespace 'https://x';</style>",
        "<style>@font-face{font-family:a;src:url(https://x/a.woff)}</style>",
        "<style>p{background:url(data:text/html;x)}</style>",
        "<img src=\"https://x/a.png\">",
        "<img src=https&#58;//x/a.png>",
        "<img src=\" cid:x\">",
        "<img src=\"data:image/png;base64,A\" srcset=\"https://x/a.png\">",
        "<img srcset=\"data:image/png;base64,A 1x, https://x/a.png 2x\">",
        "<img lowsrc=\"https://x/a.png\">",
        "<img dynsrc=\"https://x/a.png\">",
        "<table background=\"https://x/a.png\">",
        "<table BACKGROUND = 'https://x/a.png'>",
        "<body background=//x/a.png>",
        "<a ping=\"https://x\" href=\"https://x\">",
        "<a href=\"java&#115;cript:x\">",
        "<a href=\"java&Tab;script:x\">",
        "<a href=\"\x01javascript:x\">",
        "<a href=\"java\nscript:x\">",
        "<a href=\"javascript&colon;x\">",
        "<a href=\"vbscript:x\">",
        "<a href=\"data:text/html,x\">",
        "<html manifest=\"https://x\">",
        "<p xlink:href=\"https://x\">",
        "<blockquote cite=\"https://x\">",
        "<p itemtype=\"https://x\">",
        "<p srcdoc=\"x\">",
    };
    static const char *const elements[] = {
        "<script>x</script>",
        "<SCRIPT src=x>",
        "<link rel=stylesheet href=x>",
        "<base href=x>",
        "<svg>",
        "<math>",
        "<video poster=\"https://x\">",
        "<audio>",
        "<source>",
        "<track>",
        "<picture>",
        "<object>",
        "<embed>",
        "<iframe>",
        "<frame>",
        "<frameset>",
        "<form>",
        "<input type=image>",
        "<button>",
        "<bgsound src=x>",
        "<applet>",
        "<portal>",
        "<template>",
        "<dialog>",
        "<details>",
        "<noscript>",
        "<textarea>",
        "<select>",
        "<marquee>",
        "<v:image src=x>",
        "<xml>",
        "<meta http-equiv=refresh content='0;url=https://x'>",
        "<meta http-equiv=\"r&#101;fresh\">",
        "<p onclick=x>",
        "<p OnMouseOver='x'>",
        "<p/onclick=x>",
        "<!--[if mso]><img src=\"https://x\"><![endif]-->",
        "<![if mso]>",
        "<?xml-stylesheet href=x?>",
        "<!--x",
        "<p title=\"x",
        "<!-->--><script>",
    };
    static const char *const good[] = {
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>a</title></head><body>x</body></html>",
        "<a href=\"https://x/?a=1&copy=2\">x</a><a href=mailto:a@b>x</a><a href='#x'>x</a><a href='tel:1'>x</a>",
        "<p style=\"background:url('data:image/png;base64,AAAA')\">x</p>",
        "<style>@media (max-width:600px){.a{width:100%!important}} p > b:not(.x){color:rgb(1,2,3)}</style>",
        "<style>/* a comment */ a{color:#123456}</style><!-- a comment -->",
        "<ul><li>a<li>b</ul><p>a<p>b<table><tr><td>x<td>y</table>",
        "<div data-x=\"1\" aria-hidden='true' style='scroll-behavior:smooth'>x</div>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct problem p;

        check(bad[i], &p);
        if (strcmp(p.code, "html-reference") != 0)
            print_error("\"%s\": %s\n", p.code, bad[i]);
        assert_string_equal(p.code, "html-reference");
    }
    assert_all(elements, sizeof(elements) / sizeof(elements[0]), "html-element");
    assert_all(good, sizeof(good) / sizeof(good[0]), "");
}

static void test_the_secret_is_seen(void **state)
{
    static const char *const bad[] = {
        "<p style=\"display:none\">{{secret}}</p>",
        "<p style=\"DISPLAY : NONE !important\">{{secret}}</p>",
        "<p style=\"color:red;d\\69splay:/*x*/none\">{{secret}}</p>",
        "<p style=\"&#100;isplay:none\">{{secret}}</p>",
        "<div style=\"display:none\"><div><p>{{secret}}</p></div></div>",
        "<div style=\"visibility:hidden\">{{secret}}</div>",
        "<div style=\"visibility:collapse\">{{secret}}</div>",
        "<div style=\"opacity:0\">{{secret}}</div>",
        "<div style=\"opacity:.05\">{{secret}}</div>",
        "<div style=\"font-size:0\">{{secret}}</div>",
        "<div style=\"font-size:1px\">{{secret}}</div>",
        "<div style=\"font-size:0.1em\">{{secret}}</div>",
        "<div style=\"font:bold 0/0 Arial\">{{secret}}</div>",
        "<div style=\"font:1px Arial\">{{secret}}</div>",
        "<div hidden>{{secret}}</div>",
        "<div HIDDEN=''>{{secret}}</div>",
        "<div hidden=until-found>{{secret}}</div>",
        "<div style=\"max-height:0;overflow:hidden\">{{secret}}</div>",
        "<div style=\"height:0px\">{{secret}}</div>",
        "<div style=\"text-indent:-9999px\">{{secret}}</div>",
        "<div style=\"position:absolute;left:-999em\">{{secret}}</div>",
        "<div style=\"clip:rect(0 0 0 0)\">{{secret}}</div>",
        "<div style=\"mso-hide:all\">{{secret}}</div>",
        "<div style=\"color:transparent\">{{secret}}</div>",
        "<div style=\"color:rgba(0,0,0,0)\">{{secret}}</div>",
        "<div style=\"color:#fff\">{{secret}}</div>",
        "<div style=\"background:#000\">{{secret}}</div>",
        "<div style=\"color:white;background-color:rgb(250,250,250)\">{{secret}}</div>",
        "<font color=white>{{secret}}</font>",
        "<table bgcolor=black><tr><td>{{secret}}</td></tr></table>",
        "<body text=white>{{secret}}</body>",
        "<style>.x{display:none}</style><p class=\"a X\">{{secret}}</p>",
        "<p class=x>{{secret}}</p><style>.x{display:none}</style>",
        "<style>#x{visibility:hidden}</style><p id=x>{{secret}}</p>",
        "<style>p{opacity:0}</style><div><p>{{secret}}</p></div>",
        "<style>*{font-size:0}</style><p>{{secret}}</p>",
        "<style>div > p.x:first-child{display:none}</style><p class=x>{{secret}}</p>",
        "<style>@media print{.x{display:none}}</style><p class=x>{{secret}}</p>",
        "<style>.x{color:#fff}</style><p class=x>{{secret}}</p>",
        "<body hidden></body>{{secret}}",
        "<p style='display:none'>a<p>{{secret}}",
        "<p title=\"{{secret}}\">",
        "<title>{{secret}}</title>",
        "<!-- {{secret}} -->",
    };
    static const char *const good[] = {
        "<p style=\"display:block;font:bold 30px/1.4 Arial\">{{secret}}</p>",
        "<div style=\"display:none\">x</div><p>{{secret}}</p>",
        "<style>.x{display:none} p.y{opacity:0}</style><p class=z>{{secret}}</p><div class=y>{{secret}}</div>",
        "<td style=\"background:#000000;color:#fff\">{{secret}}</td>",
        "<div style=\"font-size:0\">x</div>{{secret}}",
        "<style>@media (prefers-color-scheme:dark){.c{color:#fff;background:#000}}</style><p class=c>{{secret}}</p>",
    };

    (void)state;
    assert_all(bad, sizeof(bad) / sizeof(bad[0]), "secrecy");
    assert_all(good, sizeof(good) / sizeof(good[0]), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_become_no_markup),
        cmocka_unit_test(test_nothing_is_loaded),
        cmocka_unit_test(test_the_secret_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
