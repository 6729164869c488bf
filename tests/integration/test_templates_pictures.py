"""What is drawn is what other programs show, or it is refused by name: the templates of looks.py, each beside
rsvg-convert's picture of the same drawing."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import picture  # noqa: E402
from dispatcher import Dispatcher, card_event, program  # noqa: E402
from looks import LOOKS, SAME  # noqa: E402

import json  # noqa: E402

CODE = "48-13*75"
PAGES = 8  # that a letter can have: so many templates are drawn at once
DPI = 144
# Of the pixels that have ink in either picture, the share that may differ by more than half of black on white.
BOUND = 0.06


def ink(page, paper=255):
    return sum(value < 255 - 64 for row in page.rows for value in row)


def difference(ours, theirs):
    return ours.difference(theirs, 128) * ours.width * ours.height / max(ink(ours), ink(theirs), 1)


class Pictures(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pindispatch-pictures-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def check(self, names):
        """What `template check` finds: {name: codes}."""
        folder = self.folder / "check"
        folder.mkdir()
        for name in names:
            (folder / f"{name}.svg").write_text(LOOKS[name][1])
        done = subprocess.run([program("pindispatchctl"), "template", "check", folder], capture_output=True, text=True,
                              timeout=120, check=False)
        found = {}
        for name, code in re.findall(r"/([\w-]+)\.svg(?::\d+)*: error: .*\[([\w-]+)\]$", done.stdout + done.stderr, re.M):
            found.setdefault(name, []).append(code)
        return found

    def test_what_cannot_be_drawn_so_is_refused(self):
        refused = [name for name, (code, _) in LOOKS.items() if code != SAME]
        self.assertGreater(len(refused), 30)
        found = self.check(LOOKS)
        for name, (code, _) in LOOKS.items():
            with self.subTest(name=name):
                self.assertEqual(set(found.get(name, [])), {code} - {SAME} if name != "text-path" else {code, "svg-text"})

    def letter(self, names):
        """One page for each."""
        folder = self.folder / names[0]
        folder.mkdir()
        for i, name in enumerate(names):
            (folder / ("letter.svg" if i == 0 else f"letter-{i + 1}.svg")).write_text(LOOKS[name][1])
        event = folder / "event.json"
        event.write_text(json.dumps(card_event("look", pin=CODE)))
        desk = Dispatcher(folder / "d", "print", templates={"directory": folder}, print={"template": "letter.svg"})
        desk.prepare().ctl("preview", event, "--method", "print", "--reveal", "-o", folder / "ours.pdf")
        return folder / "ours.pdf"

    def theirs(self, name):
        svg = self.folder / f"{name}.svg"
        svg.write_text(LOOKS[name][1].replace("{{secret}}", CODE))
        subprocess.run(["rsvg-convert", "-f", "pdf", "-o", self.folder / f"{name}.pdf", svg], timeout=60, check=True)
        return picture.of_pdf(self.folder / f"{name}.pdf", DPI)

    def test_what_is_drawn_is_what_others_show(self):
        names = [name for name, (code, _) in LOOKS.items() if code == SAME]
        self.assertGreater(len(names), 60)
        for start in range(0, len(names), PAGES):
            some = names[start:start + PAGES]
            pdf = self.letter(some)
            for i, name in enumerate(some):
                with self.subTest(name=name):
                    share = difference(picture.of_pdf(pdf, DPI, i + 1), self.theirs(name))
                    print(f"{name}: {share:.3f}", file=sys.stderr)
                    self.assertLess(share, BOUND)


if __name__ == "__main__":
    unittest.main()
