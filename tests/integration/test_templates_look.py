"""The templates that are installed, as they look: every language and stationery as a letter, after Inkscape saved it,
and the mails in a browser. Whether texts fit their boxes is the matter of `template check` in test_template.py."""

import email
import email.policy
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import picture  # noqa: E402
from desktop import inkscape_save, screenshot  # noqa: E402
from dispatcher import Dispatcher, card_event, program  # noqa: E402

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"
# By the language's folder: words of the letter's title for a PIN, and for a PUK.
TITLES = {
    "": ("The PIN for your card", "The PUK for your card"),
    "sv": ("PIN-koden till ditt kort", "PUK-koden till ditt kort"),
    "de": ("Die PIN zu Ihrer Karte", "Die PUK zu Ihrer Karte"),
    "fr": ("Le code PIN de votre carte", "Le code PUK de votre carte"),
    "es": ("El PIN de su tarjeta", "El PUK de su tarjeta"),
    "ar": ("رمز PIN لبطاقتك", "رمز PUK لبطاقتك"),
    "ja": ("カードのPINコードのお知らせ", "カードのPUKコードのお知らせ"),
}
# In points.
PAPER = {"letter.svg": (595.28, 841.89), "letter-us.svg": (612, 792), "mailer.svg": (595.28, 841.89)}
MAIL = ("mail.subject", "mail.txt", "mail.html")
NAMES = ("Åsa Öberg", "Maria Magdalena Wilhelmina von Schwarzenberg-Hohenlohe-Langenburg zu Waldburg")
CODE = "0O1lI8B5"
SVG = "{http://www.w3.org/2000/svg}"


def plain(text):
    """Without the blanks of line breaks and the marks of direction, which differ from page to page."""
    return re.sub(r"[\s\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", unicodedata.normalize("NFKC", text))


def words(path):
    """The words of a PDF with their places: (text, left, top, right, bottom) in points."""
    page = subprocess.run(["pdftotext", "-bbox", str(path), "-"], capture_output=True, text=True, timeout=60,
                          check=True).stdout
    found = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>', page)
    return [(html.unescape(word), *map(float, place)) for *place, word in found]


class LookTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pindispatch-look-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.prepared = {}

    def dispatcher(self, templates, template):
        """A configuration with that letter; the key pair is made once."""
        key = (templates, template)
        if key not in self.prepared:
            self.prepared[key] = Dispatcher(self.folder / f"d{len(self.prepared)}", "print",
                                            templates={"directory": templates}, print={"template": template}).prepare()
        return self.prepared[key]

    def preview(self, output, template="letter.svg", language="", secret="pin", code=CODE, templates=TEMPLATES,
                method="print", name=NAMES[0], **holder):
        body = card_event("look", name=name, locale=language or "en", **{secret: code}, **holder)
        path = self.folder / "event.json"
        path.write_text(json.dumps(body))
        self.dispatcher(templates, template).ctl("preview", path, "--method", method, "--secret", secret, "--reveal",
                                                 "-o", self.folder / output)
        return self.folder / output


class Sets(LookTest):
    def test_every_language_is_complete(self):
        for language in TITLES:
            for name in (*PAPER, *MAIL):
                self.assertTrue((TEMPLATES / language / name).is_file(), f"{language}/{name}")
        folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()}
        self.assertEqual(folders, set(TITLES) - {""})

    def test_languages_differ_in_words_only(self):
        """The same variables as often, and the same boxes: none was left out in translating."""
        for name in (*PAPER, *MAIL):
            expected = sorted(re.findall(r"{{.*?}}", (TEMPLATES / name).read_text()))
            for language in TITLES:
                text = (TEMPLATES / language / name).read_text()
                self.assertEqual(sorted(re.findall(r"{{.*?}}", text)), expected, f"{language}/{name}")
        for name in PAPER:
            expected = self.sizes(TEMPLATES / name)
            for language in TITLES:
                self.assertEqual(self.sizes(TEMPLATES / language / name), expected, f"{language}/{name}")

    @staticmethod
    def sizes(path):
        return {rect.get("id"): (rect.get("width"), rect.get("height"))
                for rect in ElementTree.parse(path).getroot().iter(SVG + "rect") if rect.get("id")}

    def test_gallery_of_all_has_no_failure(self):
        done = subprocess.run([program("pindispatchctl"), "template", "gallery", "-o", self.folder / "gallery",
                               TEMPLATES], capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r" 0 that would not be delivered")
        index = (self.folder / "gallery" / "index.html").read_text()
        for language in TITLES:
            for template in PAPER:
                self.assertIn(f"{template}-{language or 'default'}-long-name-puk-1.png", index)


class Letters(LookTest):
    def text(self, path):
        return plain(subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, timeout=60,
                                    check=True).stdout)

    def test_every_letter_has_its_words(self):
        for template in PAPER:
            for language, titles in TITLES.items():
                for k, secret in enumerate(("pin", "puk")):
                    with self.subTest(template=template, language=language, secret=secret):
                        path = self.preview("letter.pdf", template, language, secret, name=NAMES[k])
                        text = self.text(path)
                        self.assertIn(plain(titles[k]), text)
                        self.assertNotIn(plain(titles[1 - k]), text)
                        self.assertEqual(text.count(CODE), 1)
                        for word in re.split("[ -]", NAMES[k]):
                            self.assertGreaterEqual(text.count(plain(word)), 2, "address and greeting")
                        self.assertIn("ook", text)  # the end of the card's number, and not the whole
                        self.assertNotIn("C-look", text)
                        self.check_paper(path, template)

    def check_paper(self, path, template):
        info = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertRegex(info, r"Pages: +1\n")
        width, height = map(float, re.search(r"Page size: +([\d.]+) x ([\d.]+)", info).groups())
        self.assertAlmostEqual(width, PAPER[template][0], delta=0.1)
        self.assertAlmostEqual(height, PAPER[template][1], delta=0.1)

    def test_letters_are_pictures_too(self):
        for template in PAPER:
            for language in TITLES:
                path = self.preview("letter.png", template, language)
                self.assertEqual(path.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_signs_of_a_code_cannot_be_confused(self):
        """0 and O, 1, l and I: each sign's picture differs from every other one's by more than a smudge."""
        for template in PAPER:
            for language in ("", "ar", "ja"):
                path = self.preview("letter.pdf", template, language)
                _, left, top, right, bottom = next(word for word in words(path) if word[0] == CODE)
                page, scale = picture.of_pdf(path, 300), 300 / 72
                step = (right - left) * scale / len(CODE)
                signs = [page.crop(round(left * scale + i * step), round(top * scale),
                                   round(left * scale + i * step) + int(step), round(bottom * scale))
                         for i in range(len(CODE))]
                for i, sign in enumerate(signs):
                    for other in signs[:i]:
                        self.assertGreater(sign.difference(other), 0.02)

    def test_arabic_runs_from_right_to_left(self):
        """The title begins at the right margin and goes on to the left, while the code is not turned around."""
        path = self.preview("letter.pdf", language="ar")
        found = words(path)
        latin = next(word for word in found if word[0] == "PIN")
        # Poppler's words are single letters where these are joined; the title begins with reh and ends with kaf.
        line = [word for word in found if abs(word[2] - latin[2]) < 20]
        first = next(word for word in line if word[0] == "ر")
        last = next(word for word in line if word[0] == "ك")
        self.assertGreater(first[1], latin[3])
        self.assertLess(last[3], latin[1])
        self.assertAlmostEqual(first[3], 185 / 25.4 * 72, delta=3)
        self.assertIn(CODE, [word[0] for word in found])

    def test_japanese_is_set_in_a_japanese_font(self):
        path = self.preview("letter.pdf", language="ja", name="山田 太郎", address=["〒100-0005", "東京都千代田区1-1"])
        fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertIn("IPAexGothic", fonts)
        self.assertIn(plain("山田 太郎 様"), self.text(path))


class Mailer(LookTest):
    """Panel 1 (0 to 99 mm) is outside; 2 and 3 lie face to face, both folded upside down on one another."""

    def test_patterns_cover_the_code(self):
        for language in TITLES:
            rects = [rect for rect in ElementTree.parse(TEMPLATES / language / "mailer.svg").getroot().iter(SVG + "rect")]

            def place(rect):
                return tuple(float(rect.get(name)) for name in ("x", "y", "width", "height"))

            x, y, width, height = place(next(rect for rect in rects if rect.get("id") == "secret"))
            patterns = [place(rect) for rect in rects if rect.get("fill") == "url(#camouflage)"]
            self.assertEqual(len(patterns), 2)
            for fold, (px, py, pwidth, pheight) in zip((198, 396), sorted(patterns, key=lambda p: p[1])):
                self.assertTrue(px <= x and px + pwidth >= x + width, language)
                self.assertTrue(py <= fold - y - height and py + pheight >= fold - y, language)

    def test_code_is_not_read_through_the_closed_form(self):
        """With light behind it a closed form hardly depends on its code, while an open one does."""
        closed, opened = zip(*(self.panels(code) for code in ("48213075", "77777771")))
        self.assertGreater(opened[0].difference(opened[1], 16), 0.02)
        self.assertLess(closed[0].difference(closed[1], 64), 0.006)

    def panels(self, code):
        page = picture.of_pdf(self.preview("mailer.pdf", "mailer.svg", code=code), 101.6)
        outside, inside, facing = (page.crop(0, top, 840, top + 396) for top in (0, 396, 792))
        closed = inside.under(facing.flipped()).under(outside.flipped())
        # The frame of the code, at four pixels a millimetre.
        return closed.crop(420, 108, 760, 268), inside.crop(420, 108, 760, 268)


class Inkscape(LookTest):
    def test_a_saved_letter_looks_as_before(self):
        """Opened and saved, as Inkscape's own SVG and as a plain one, in scripts of three kinds."""
        for language in ("", "ar", "ja"):
            for template in PAPER:
                for form in ("own", "plain"):
                    folder = self.folder / form
                    (folder / language).mkdir(parents=True, exist_ok=True)
                    inkscape_save(self.folder, TEMPLATES / language / template, folder / language / template,
                                  plain=form == "plain")
        for template in PAPER:
            for language in ("", "ar", "ja"):
                for secret, name in zip(("pin", "puk"), NAMES):
                    before = picture.of_pdf(self.preview("before.pdf", template, language, secret, name=name))
                    for form in ("own", "plain"):
                        with self.subTest(template=template, language=language, secret=secret, form=form):
                            path = self.preview("after.pdf", template, language, secret, name=name,
                                                templates=self.folder / form)
                            self.assertLess(before.difference(picture.of_pdf(path)), 0.0005)


class Browser(LookTest):
    """Mails in Chromium."""

    def pages(self, language, **more):
        path = self.preview("mail.eml", language=language, method="email", **more)
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        page = self.folder / "mail.html"
        page.write_text(message.get_body(("html",)).get_content())
        return page

    def shot(self, page, **options):
        target = self.folder / "shot.png"
        target.unlink(missing_ok=True)
        screenshot(self.folder, page, target, **options)
        return picture.of_png(target)

    def test_mails_are_readable_in_the_light_and_in_the_dark(self):
        for language in TITLES:
            with self.subTest(language=language):
                page = self.pages(language)
                light, dark = self.shot(page), self.shot(page, dark=True)
                # Ink on paper, and the other way round.
                self.assertGreater(light.mean(), 215)
                self.assertLess(light.darkest(), 60)
                self.assertLess(dark.mean(), 60)
                self.assertGreater(dark.brightest(), 220)
                # No light patch is left over in the dark.
                for row in dark.rows:
                    self.assertLess(sum(row) / dark.width, 185)

    def test_nothing_leaves_a_narrow_window(self):
        """At the right margin there is nothing but the page's own colour."""
        for language in ("", "de", "ja"):
            page = self.pages(language, name="Papadiamantopouloukonstantinou" * 3, code="0123456789012345678901")
            shot = self.shot(page, width=500, height=900)
            margin = shot.crop(shot.width - 10, 0, shot.width, shot.height)
            self.assertEqual(margin.darkest(), margin.brightest(), language)

    def test_mails_bring_all_that_they_show(self):
        for language in TITLES:
            text = (TEMPLATES / language / "mail.html").read_text()
            self.assertNotRegex(text, r"(?i)https?:|src=|<img|<link|@import|url\(|<script")
            self.assertIn("prefers-color-scheme:dark", text)


if __name__ == "__main__":
    unittest.main()
