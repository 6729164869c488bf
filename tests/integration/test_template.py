"""Templates as an administrator meets them: template check and gallery, test-print and test-mail, letters with bar codes,
several pages and images, and names that look like markup."""

import email
import email.header
import email.policy
import email.utils
import html
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, card_event, program  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from tls import Authority  # noqa: E402

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"
HOSTILE = '{{pin}} & <b>$1</b> "x"'
# Latin, Cyrillic, Greek, Hebrew, Arabic.
SCRIPTS = ["Smörgåsgatan 1", "Большая Ордынка 2", "Οδός Σταδίου 3", "רחוב הרצל", "شارع الملك"]

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" viewBox="0 0 210 297"
  font-family="DejaVu Sans" font-size="4">
%s
</svg>
"""
SECRET = '<text x="20" y="20">{{secret}}</text>'


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False,
                          **options)


def text_of(pdf, *options):
    return subprocess.run(["pdftotext", *options, str(pdf), "-"], check=True, capture_output=True, text=True).stdout


def png(width, height, red, green, blue):
    """The bytes of a PNG of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes((red, green, blue)) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class TemplateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-template-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.templates = self.dir / "templates"
        self.templates.mkdir()

    def write(self, name, text):
        path = self.templates / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def check(self, folder=None, config=None):
        if config is None:
            done = run(program("pindispatchctl"), "--json", "template", "check", folder or self.templates)
        else:
            path = self.dir / "check.conf"
            path.write_text(f'templates: {{ directory = "{self.templates}"; }};\n{config}')
            done = run(program("pindispatchctl"), "--config", path, "--json", "template", "check")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def preview(self, event, name, method="print", secret="pin", templates=None):
        config = self.dir / "pindispatch.conf"
        config.write_text(f'templates: {{ directory = "{templates or self.templates}"; full_card_number = true; }};\n')
        source, output = self.dir / "event.json", self.dir / name
        source.write_text(json.dumps(event))
        done = run(program("pindispatchctl"), "--config", config, "preview", source, "--method", method, "--secret",
                   secret, "--reveal", "-o", output)
        self.assertEqual(done.returncode, 0, done.stderr)
        return output

    def refused(self, event):
        config = self.dir / "pindispatch.conf"
        config.write_text(f'templates: {{ directory = "{self.templates}"; }};\n')
        (self.dir / "event.json").write_text(json.dumps(event))
        done = run(program("pindispatchctl"), "--config", config, "preview", self.dir / "event.json", "--method",
                   "print", "-o", self.dir / "no.pdf")
        self.assertEqual(done.returncode, 1)
        return done.stderr


class Check(TemplateTest):
    def found(self, code):
        return [(f["where"].removeprefix(f"{self.templates}/"), f["message"])
                for f in self.check()[1] if f["code"] == code]

    def test_shipped_templates_are_good(self):
        status, findings = self.check(TEMPLATES)
        self.assertEqual([f for f in findings if f["severity"] == "error" or f["code"] == "preview-line"], [])
        self.assertEqual(status, 0)

    def test_every_error_is_told_with_its_place(self):
        self.write("letter.svg", SVG % "\n".join([
            '<text x="20" y="30">{{holder.nmae}} {{#holder.adress}}x{{/holder.adress}}</text>',   # line 3
            '<image x="1" y="1" width="9" height="9" href="https://example.com/logo.png"/>',       # line 4
            '<image x="1" y="1" width="9" height="9" href="missing.png"/>',                        # line 5
            '<text x="20" y="50">{{card.id}} {{secret}}</text>',                                   # line 6
            '<rect class="qr" x="5" y="5" width="9" height="9" data-value="pin"/>',                # line 7
            '  <text x="20" y="60">{{pin}}{{puk}}</text>',                                         # line 8
        ]))
        self.write("mail.subject", "Your {{secret}}\n")
        self.write("mail.txt", "{{#pin}}\n{{pin}}\n")
        self.write("mail.html", '<p>{{secret}}</p>\n<img src="http://example.com/x.png">\n<a href="/?{{secret}}">x</a>\n')
        status, findings = self.check()
        self.assertEqual(status, 1)
        places = {(f["where"].removeprefix(f"{self.templates}/"), f["code"]) for f in findings}
        for place in [("letter.svg:3:23", "unknown-variable"), ("letter.svg:3:40", "unknown-variable"),
                      ("letter.svg:4:1", "svg-reference"), ("letter.svg:5:1", "svg-image"),
                      ("letter.svg:6:1", "secrecy"), ("letter.svg:7:1", "secrecy"), ("letter.svg:8:32", "secrecy"),
                      ("mail.subject:1:8", "secret"), ("mail.txt:1:4", "template"),
                      ("mail.html:2:6", "html-reference"), ("mail.html:3:14", "secrecy")]:
            self.assertIn(place, places)

    def test_text_that_leaves_its_box(self):
        narrow = ('<defs><rect id="b" x="20" y="40" width="50" height="6"/></defs>\n'
                  '<text style="shape-inside:url(#b)"%s>{{holder.name}}</text>\n' + SECRET)
        self.write("letter.svg", SVG % (narrow % ""))
        self.assertIn("letter.svg:4:1", [where for where, _ in self.found("overflow")])
        self.write("letter.svg", SVG % (narrow % ' data-min-font-size="1"'))
        self.assertEqual(self.found("overflow"), [])

    def test_fonts_that_are_missing(self):
        self.write("letter.svg", SVG % ('<text x="20" y="30" font-family="No Such Font">x</text>' + SECRET))
        self.assertEqual(self.found("font-missing"),
                         [("letter.svg:3:1", 'no font of the family "No Such Font" is installed')])

    def test_a_full_card_number(self):
        """In no page, bar code, subject or cover, however it is written, unless a setting allows it."""
        self.write("letter.svg", SVG % SECRET)
        self.write("letter-2.svg", SVG % '<text x="20" y="20">{{#card}}{{id}}{{/card}}</text>\n'
                   '<rect class="qr" x="20" y="40" width="30" height="30" data-value="card.id"/>')
        self.write("mail.subject", "PIN {{card.id}}")
        self.write("mail.txt", "{{secret}}")
        self.write("mail.html", "<p>{{secret}}</p><p>{{card.short}}</p>")
        self.write("mail-cover.subject", "PIN")
        self.write("mail-cover.txt", "{{card.id}}")
        self.write("mail-cover.html", "<p>x</p>")
        self.assertEqual([where for where, _ in self.found("secrecy")],
                         ["letter-2.svg:3:32", "letter-2.svg:4:1", "mail-cover.txt:1:3", "mail.subject:1:7"])
        allowed = f'templates: {{ directory = "{self.templates}"; full_card_number = true; }};\n'
        (self.dir / "allowed.conf").write_text(allowed)
        done = run(program("pindispatchctl"), "--config", self.dir / "allowed.conf", "template", "check")
        self.assertEqual(done.returncode, 0, done.stdout)
        done = run(program("pindispatchd"), "--config", self.dir / "allowed.conf", "--check-config")
        self.assertIn("templates.full_card_number", done.stdout + done.stderr)

    def test_the_page_is_the_paper(self):
        sizes = {"210mm 297mm 210 297": "iso_a4_210x297mm", "215.9mm 279.4mm 215.9 279.4": "na_letter_8.5x11in",
                 "595.28px 841.89px 595.28 841.89": None, "297mm 210mm 297 210": "iso_a4_210x297mm"}
        for size, paper in sizes.items():
            width, height, w, h = size.split()
            self.write("letter.svg", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                       f'viewBox="0 0 {w} {h}" font-family="DejaVu Sans" font-size="9">{SECRET}</svg>')
            for media in ("iso_a4_210x297mm", "na_letter_8.5x11in"):
                status, findings = self.check(config=f'print: {{ media = "{media}"; }};\n')
                sizes_found = [f["code"] for f in findings if f["severity"] == "error"]
                self.assertEqual(sizes_found, [] if media == paper else ["page-size"], (size, media))
                self.assertEqual(status, 0 if media == paper else 1)
        (self.dir / "media.conf").write_text('print: { media = "nonsense"; };\n')
        done = run(program("pindispatchd"), "--config", self.dir / "media.conf", "--check-config")
        self.assertEqual(done.returncode, 2)
        self.assertIn("print.media", done.stderr)

    def test_a_byte_order_mark_is_left_out(self):
        mark = "\N{ZERO WIDTH NO-BREAK SPACE}"
        self.write("letter.svg", mark + '<?xml version="1.0" encoding="UTF-8"?>\n' + SVG % SECRET)
        self.write("mail.subject", mark + "PIN for {{holder.name}}")
        self.write("mail.txt", mark + "x " * 200 + "{{secret}}")
        self.write("mail.html", mark + "<!DOCTYPE html><p>" + "x " * 200 + "{{secret}}")
        status, findings = self.check()
        self.assertEqual({f["severity"] for f in findings}, {"warning"}, findings)
        self.assertEqual([(f["code"], f["where"].rsplit("/")[-1]) for f in findings if f["code"] != "secret-length"],
                         [("byte-order-mark", name) for name in ("letter.svg", "mail.subject", "mail.txt", "mail.html")])
        self.assertEqual(status, 0)
        event = card_event("1", pin="1234", locale="en")
        raw = self.preview(event, "mail.eml", "email").read_bytes()
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertTrue(mail["Subject"].startswith("PIN"))
        for part in mail.walk():
            self.assertNotIn(mark, part.get_content() if part.get_content_maintype() == "text" else "")
        self.assertIn("1234", text_of(self.preview(event, "letter.pdf")))

    def test_what_is_no_file_is_not_waited_for(self):
        self.write("letter.svg", SVG % (SECRET + '<image width="9" height="9" href="logo.png"/>'))
        self.write("mail.subject", "PIN")
        self.write("mail.html", "<p>{{secret}}</p>")
        (self.templates / "sv").mkdir()
        for name in ("other.svg", "logo.png", "mail.txt", "sv/letter.svg"):
            os.mkfifo(self.templates / name)
        found = {(where.split(":")[0], message) for code in ("template", "svg-image") for where, message in self.found(code)}
        self.assertEqual(found, {("other.svg", "this is no regular file"), ("mail.txt", "this is no regular file"),
                                 ("sv/letter.svg", "this is no regular file"),
                                 ("letter.svg", '"logo.png" is no regular file')})

    def test_what_lists_of_mails_show(self):
        words = "0123456789 " * 19
        for text, html_text, expected in (
                ("{{secret}}", words + "{{secret}}", ["mail.txt"]),
                (words + "{{secret.digits}}", f"<head><title>{words}</title></head><p>{{{{secret}}}}</p>", ["mail.html"]),
                (words + "{{secret.words}}", f"<style>/* {words} */</style><!-- {words} --><b>{words[:-22]}</b>{{{{secret}}}}",
                 ["mail.html"]),
                (words.replace(" ", "\n  ") + "{{secret}}", f"<p>{words}</p>{{{{secret.grouped}}}}", [])):
            self.write("mail.subject", "PIN")
            self.write("mail.txt", text)
            self.write("mail.html", html_text)
            self.assertEqual([where for where, _ in self.found("preview-line")], expected)

    def test_languages_have_the_same_variables(self):
        self.write("letter.svg", SVG % ('<text x="20" y="30">{{holder.name}} {{date}}</text>' + SECRET))
        self.write("sv/letter.svg", SVG % ('<text x="20" y="30">{{holder.name}}</text>'
                                           '<text x="20" y="40">{{secret.words}}</text>'))
        self.write("sv/letter-2.svg", SVG % "")
        self.assertEqual(self.found("variables"),
                         [("sv/letter.svg", "it lacks {{date}}, which the default language has")])
        self.assertEqual(len(self.found("pages")), 1)


class Gallery(TemplateTest):
    def test_gallery(self):
        self.write("letter.svg", SVG % ('<defs><rect id="b" x="20" y="40" width="60" height="6"/></defs>'
                                        '<text style="shape-inside:url(#b)">{{holder.name}}</text>' + SECRET))
        self.write("letter-2.svg", SVG % "")
        for name in ("mail.subject", "mail.txt", "mail.html"):
            shutil.copy(TEMPLATES / name, self.templates)
        shutil.copytree(TEMPLATES / "sv", self.templates / "sv", ignore=shutil.ignore_patterns("*.svg"))
        output = self.dir / "gallery"
        done = run(program("pindispatchctl"), "template", "gallery", "-o", output, self.templates)
        self.assertEqual(done.returncode, 0, done.stderr)
        index = (output / "index.html").read_text()
        shown = re.findall(r'src="([^"]+)"', index)
        self.assertTrue(all((output / name).stat().st_size > 0 for name in shown))
        self.assertIn("letter.svg-default-ordinary-pin-1.png", shown)
        self.assertIn("letter.svg-default-ordinary-puk-2.png", shown)
        self.assertIn("mail-sv-cjk-pin.html", shown)
        self.assertRegex(index, r'class="bad"><figcaption>long-name, pin</figcaption>overflow: holder.name')
        self.assertIn("********", (output / "mail-sv-cjk-pin.txt").read_text())


class Letters(TemplateTest):
    def test_bar_codes_are_read(self):
        self.write("letter.svg", SVG % (
            SECRET + '<rect class="qr" x="20" y="40" width="30" height="30" fill="none"/>'
            '<g transform="translate(20 100)"><rect class="code128" width="90" height="15" data-value="card.id"/></g>'
            '{{#puk}}<rect class="qr" x="120" y="40" width="30" height="30" data-value="event.id"/>{{/puk}}'))
        event = card_event("ev-7", pin="123456", puk="12345678")
        codes = {kind: set(run("zbarimg", "-q", self.preview(event, f"{kind}.png", secret=kind)).stdout.split())
                 for kind in ("pin", "puk")}
        self.assertEqual(codes["pin"], {"QR-Code:000000000000", "CODE-128:C-ev-7"})
        self.assertEqual(codes["puk"], {"QR-Code:000000000000", "CODE-128:C-ev-7", "QR-Code:ev-7"})

    def test_codes_too_fine_to_be_read(self):
        self.write("letter.svg", SVG % (SECRET + '<rect class="code128" x="5" y="5" width="20" height="10"/>'))
        self.assertIn("overflow: delivery.reference is too long for its bar code", self.refused(card_event("1", pin="1234")))

    def test_several_pages(self):
        self.write("letter.svg", SVG % SECRET)
        self.write("letter-2.svg", SVG.replace("297mm", "148.5mm").replace("210 297", "210 148.5") %
                   '<text x="20" y="20">back {{holder.name}}</text>')
        pdf = self.preview(card_event("1", pin="123456"), "letter.pdf")
        self.assertEqual([page.strip() for page in text_of(pdf).split("\f")], ["123456", "back Åsa Öberg", ""])
        self.assertIn("Pages:           2", run("pdfinfo", pdf).stdout)

    def test_images_come_from_the_templates_folder_only(self):
        image = '<image x="10" y="100" width="100" height="100" href="%s"/>' + SECRET
        (self.templates / "logo.png").write_bytes(png(4, 4, 255, 0, 0))
        (self.dir / "outside.png").write_bytes(png(4, 4, 0, 0, 255))
        (self.templates / "link.png").symlink_to(self.dir / "outside.png")
        self.write("letter.svg", SVG % (image % "logo.png"))
        self.write("sv/letter.svg", SVG % (image % "../logo.png"))
        for locale in ("en", "sv"):
            pdf = self.preview(card_event("1", pin="1234", locale=locale), "letter.pdf")
            self.assertIn(" 4     4 ", run("pdfimages", "-list", pdf).stdout)
        for name in ("../outside.png", str(self.dir / "outside.png"), "link.png"):
            self.write("letter.svg", SVG % (image % name))
            self.assertIn("templates' folder", self.refused(card_event("1", pin="1234")))

    def test_forms_of_a_secret(self):
        self.write("letter.svg", SVG % (
            '<text x="20" y="20">{{secret}}|{{secret.grouped}}|{{secret.digits}}|{{secret.words}}</text>'
            '<text x="20" y="40">{{card.short}} {{date}}</text>'))
        for language in ("fr", "ja"):
            shutil.copytree(self.templates, self.templates / language, ignore=shutil.ignore_patterns("??"))
        event = card_event("000123", pin="482913")
        text = text_of(self.preview({**event, "data": {**event["data"], "holder": {"name": "A", "locale": "en"}}}, "a.pdf"))
        self.assertIn("482913|482 913|4 8 2 9 1 3|four eight two nine one three", text)
        self.assertIn("…0123 ", text)
        event["data"]["holder"] = {"name": "A", "locale": "fr-CA"}
        self.assertIn("quatre huit deux neuf un trois", text_of(self.preview(event, "b.pdf")))
        event["data"]["holder"] = {"name": "A", "locale": "ja"}
        event["data"]["pin"] = "12345678"
        text = text_of(self.preview(event, "c.pdf"))
        self.assertIn("12345678|1234 5678|", text)
        self.assertRegex(text, r"\d{4}年\d{1,2}月\d{1,2}日")

    def test_right_to_left(self):
        self.write("letter.svg", SVG % (SECRET + '<text x="190" y="40" direction="rtl">مرحبا PIN</text>'))
        words = re.findall(r'<word xMin="([\d.]+)"[^>]*xMax="([\d.]+)"[^>]*>([^<]+)',
                           text_of(self.preview(card_event("1", pin="1234"), "a.pdf"), "-bbox"))
        place = {word: (float(left), float(right)) for left, right, word in words}
        arabic = [place[word] for word in place if word not in ("PIN", "1234")]
        self.assertLess(place["PIN"][1], min(left for left, _ in arabic))
        self.assertAlmostEqual(max(right for _, right in arabic), 190 / 25.4 * 72, delta=0.5)


class Names(TemplateTest):
    """What looks like a tag, or like markup, is a name."""

    def setUp(self):
        super().setUp()
        self.own = self.dir / "own"
        shutil.copytree(TEMPLATES, self.own)
        for subject in self.own.rglob("mail.subject"):
            subject.write_text(subject.read_text().replace("card.short", "card.id"))

    EVENT = card_event("ev-1", pin="482913", name=HOSTILE, address=SCRIPTS, locale="en")

    def test_in_a_letter(self):
        text = text_of(self.preview(self.EVENT, "letter.pdf", templates=TEMPLATES), "-layout")
        self.assertIn(HOSTILE, text)
        self.assertIn("482913", text)
        for line in SCRIPTS[:3]:
            self.assertIn(line, text)
        # poppler gives what runs right to left in the order of reading, within marks of direction.
        plain = re.sub("[\u200e\u200f\u202a-\u202e]", "", text)
        for line in SCRIPTS[3:]:
            for word in line.split():
                self.assertTrue(word in plain or word[::-1] in plain, (word, plain))

    def test_in_a_mail(self):
        mail = email.message_from_bytes(self.preview(self.EVENT, "mail.eml", "email", templates=TEMPLATES).read_bytes(),
                                        policy=email.policy.default)
        self.assertEqual(mail["To"].addresses[0].display_name, HOSTILE)
        self.assertIn(HOSTILE, mail.get_body(("plain",)).get_content())
        page = mail.get_body(("html",)).get_content()
        self.assertNotIn("<b>$1", page)
        self.assertIn(HOSTILE, html.unescape(re.sub("<[^>]*>", "", page)))


    def test_in_headers(self):
        """Python's reader sees in each header what the event says, in lines that RFC 2047 allows."""
        for name in ("=?utf-8?q?evil?= <eve@evil.example>", '"=?utf-8?b?ZXZl?=" x', "Åsa" + " Öberg" * 25, "a, b; c: (d) <e>",
                     "株式会社" * 16, 'back\\slash "quote', "x" * 190, "A  B", "\u200fمحمد"):
            for locale in ("en", "ja", "ar"):
                event = card_event("ev-1", pin="482913", name=name, locale=locale)
                for which in ("=?utf-8?q?=50IN_9999?= 株", "C-1", "N" * 100):
                    event["data"]["card"]["id"] = which
                    raw = self.preview(event, "mail.eml", "email", templates=self.own).read_bytes()
                    head = raw.split(b"\r\n\r\n")[0]
                    mail = email.message_from_bytes(raw, policy=email.policy.default)
                    # This reader puts spaces between encoded words of a name; the older one does not.
                    self.assertEqual(["".join(a.display_name.split()) for a in mail["To"].addresses],
                                     ["".join(name.split())])
                    old = email.message_from_bytes(raw)
                    shown = email.utils.parseaddr(re.sub(r"\r?\n", "", old["To"]))[0]
                    self.assertEqual(str(email.header.make_header(email.header.decode_header(shown))), name)
                    self.assertIn(which, str(email.header.make_header(email.header.decode_header(old["Subject"]))))
                    self.assertEqual(len(mail["From"].addresses), 1)
                    self.assertIn(which, mail["Subject"])
                    self.assertEqual([d for part in mail.values() for d in getattr(part, "defects", [])], [])
                    for word in re.findall(rb"=\?[^?\s]*\?.\?[^?\s]*\?=", head):
                        self.assertTrue(word.startswith(b"=?UTF-8?Q?"), word)
                        self.assertLessEqual(len(word), 75)
                    for line in head.split(b"\r\n"):
                        self.assertTrue(len(line) <= 76 or b"=?" not in line, line)


class Tests(TemplateTest):
    """test-print and test-mail go the whole way, whatever method is configured."""

    def dispatch(self, **groups):
        dispatcher = Dispatcher(self.dir / "dispatcher", pin="nopin", **groups)
        self.addCleanup(dispatcher.stop)
        return dispatcher.start()

    def test_print(self):
        cups = PrivateCups(self.dir / "cups").start()
        self.addCleanup(cups.stop)
        dispatcher = self.dispatch(print={"server": cups.server})
        for locale, mark in (("en", "TEST"), ("es", "PRUEBA"), ("ja", "テスト")):
            done = dispatcher.ctl("test-print", "--locale", locale, "--timeout", "60s")
            self.assertIn("delivered", done.stdout)
            printed = cups.printed()
            pdf = self.dir / "test.pdf"
            pdf.write_bytes(pathlib.Path(printed[-1][1]).read_bytes())
            # The mark runs across the page: poppler gives its letters apart, but in their order.
            text = "".join(text_of(pdf, "-raw").split())
            self.assertIn(mark, text.replace("TESTÅsa", "").replace("TESTStorgatan", ""))
            self.assertIn("123456", text)

    def test_mail(self):
        pki = Authority(self.dir / "pki").make()
        server = ScriptedServer({"tls": {"cert": pki.path("good.pem"), "key": pki.path("good.key")}},
                                self.dir / "record", self.dir / "kept", 0).start()
        self.addCleanup(server.stop)
        dispatcher = self.dispatch(email={"server": f"localhost:{server.port}", "ca_file": pki.path("ca.pem"),
                                          "from": "PIN service <pin@example.com>"})
        dispatcher.ctl("test-mail", "somebody@example.com", "--timeout", "60s")
        kept = sorted(path for path in (self.dir / "kept").rglob("*") if path.is_file())
        mail = email.message_from_bytes(kept[-1].read_bytes(), policy=email.policy.default)
        self.assertTrue(mail["Subject"].startswith("[TEST] "), mail["Subject"])
        self.assertTrue(mail.get_body(("plain",)).get_content().startswith("*** TEST ***"))
        self.assertRegex(mail.get_body(("html",)).get_content(), r"<body[^>]*><div[^>]*>TEST</div>")
        self.assertIn("somebody@example.com", mail["To"])

    def test_nobody_s_pin_goes_that_way(self):
        dispatcher = self.dispatch()
        event = {**card_event("t-1", pin="482913"), "type": "pindispatch.test.print"}
        self.assertEqual([(a["result"], a["path"]) for a in dispatcher.submit(event)], [("rejected", "$.data")])
        event = {**card_event("t-2", pin="123456"), "type": "pindispatch.test.pigeon"}
        self.assertEqual([(a["result"], a["path"]) for a in dispatcher.submit(event)], [("rejected", "$.type")])


if __name__ == "__main__":
    unittest.main()
