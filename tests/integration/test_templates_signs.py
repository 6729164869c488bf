"""The secret on the page, read back from the PDF by the places of its glyphs: its string, from left to right, whatever
stands beside it. With `--full` in PINDISPATCH_SIGNS all names in all letters, otherwise some of each."""

import html
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, card_event  # noqa: E402

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"
LAYOUTS = ("letter.svg", "letter-us.svg", "mailer.svg")
LANGUAGES = ("en", "sv", "de", "fr", "es", "ar", "ja")
SIGNS = "".join(map(chr, range(0x21, 0x7F)))
PINS = (SIGNS[:47], SIGNS[47:])
WORDS = ("محمد", "עברית 12", "Åsa", "(a) محمد 12-34", "٤٢ 42", "{{pin}} <b>", "A-B/C*D")
NAMES = [" ".join(pair) for pair in itertools.product(WORDS, WORDS)] + [*WORDS, "محمد,", "12 محمد 34", "[עברית]", "-محمد"]


def rows(path):
    """The text of each line, its glyphs in the order of their places."""
    page = subprocess.run(["mutool", "draw", "-q", "-F", "stext", "-o", "-", str(path)], capture_output=True, text=True,
                          timeout=60, check=True).stdout
    found = {}
    for x, y, sign in re.findall(r'<char quad="[^"]*" x="([-\d.]+)" y="([-\d.]+)"[^>]* c="([^"]*)"', page):
        found.setdefault(round(float(y)), []).append((float(x), html.unescape(sign)))
    return ["".join(sign for _, sign in sorted(row)).replace(" ", "") for row in found.values()]


class Signs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pindispatch-signs-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def letter(self, desk, name, language, pin):
        event = self.folder / "event.json"
        event.write_text(json.dumps(card_event("signs", pin=pin, name=name, locale=language)))
        desk.ctl("preview", event, "--method", "print", "--reveal", "-o", self.folder / "letter.pdf")
        return rows(self.folder / "letter.pdf")

    def test_signs_of_secrets_by_their_places(self):
        full = os.environ.get("PINDISPATCH_SIGNS") == "--full"
        names = itertools.cycle(NAMES)
        for layout in LAYOUTS:
            desk = Dispatcher(self.folder / layout, "print", templates={"directory": TEMPLATES}, print={"template": layout})
            desk.prepare()
            for language, pin in itertools.product(LANGUAGES, PINS):
                for name in NAMES if full else [next(names)]:
                    with self.subTest(layout=layout, language=language, name=name):
                        self.assertIn(pin, self.letter(desk, name, language, pin))

    def test_secrets_beside_names(self):
        """In one line with a name, in each of its forms."""
        forms = {"secret": "48-29(13)", "secret.grouped": "48-29(13)", "secret.digits": "48-29(13)"}
        texts = "".join(f'<text x="10" y="{20 + 20 * i}" {way}>The PIN of {{{{holder.name}}}}: {{{{{form}}}}}</text>'
                        if not way else f'<text x="190" y="{20 + 20 * i}" {way}>{{{{holder.name}}}} {{{{{form}}}}}</text>'
                        for i, (form, way) in enumerate(itertools.product(forms, ("", 'direction="rtl"'))))
        (self.folder / "letter.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" viewBox="0 0 210 297" '
            f'font-family="DejaVu Sans" font-size="4">{texts}</svg>')
        desk = Dispatcher(self.folder / "d", "print", templates={"directory": self.folder}, print={"template": "letter.svg"})
        desk.prepare()
        for name in ("محمد", "עברית", "Åsa", "محمد 12"):
            found = self.letter(desk, name, "en", "48-29(13)")
            self.assertEqual(sum("48-29(13)" in row for row in found), 2 * len(forms), found)


if __name__ == "__main__":
    unittest.main()
