"""Letters a second from the shipped template in one process; beside other ways to draw the same letter."""

import html
import logging
import re
import subprocess
import time

from harness import ROOT, Figure

NAME, UNIT, SIZE = "render", "letters/s", 400
LETTER = "letter.svg"
VALUES = {"holder.name": "Åsa Öberg", "card.id": "C-000123", "card.type": "employee", "date": "22 November 2026",
          "delivery.reference": "c3d2a4b5e6f7", "secret": "482913", "pin": "482913"}
ADDRESS = ["Storgatan 1", "111 22 Stockholm", "Sweden"]


def fill(template):
    """The template with the values of one event, as another program would put them in."""
    text = re.sub(r"\{\{#puk\}\}.*?\{\{/puk\}\}", "", template, flags=re.S)
    text = re.sub(r"\{\{#test\}\}.*?\{\{/test\}\}", "", text, flags=re.S)
    text = re.sub(r"\{\{#holder\.address\}\}(.*?)\{\{/holder\.address\}\}",
                  lambda m: "".join(m[1].replace("{{.}}", line) for line in ADDRESS), text, flags=re.S)
    return re.sub(r"\{\{([^#^/!][\w.]*)\}\}", lambda m: html.escape(VALUES.get(m[1], "482913")),
                  re.sub(r"\{\{[#^/!].*?\}\}", "", text, flags=re.S))


def filled_letter(bench):
    path = bench.folder / LETTER
    path.write_text(fill((ROOT / "templates" / LETTER).read_text()))
    return path


def drawn(bench, n, *what):
    """A contestant of render_letters.c; the first letter, which finds the fonts, is not counted."""
    return lambda _: n / float(bench.tool("bench_render_letters", n, *what))


def timed(n, work):
    def run(_):
        work()  # fills caches
        start = time.monotonic()
        for _ in range(n):
            work()
        return n / (time.monotonic() - start)
    return run


def weasyprint(bench):
    import weasyprint as weasy  # Debian's python3-weasyprint
    from weasyprint.text.fonts import FontConfiguration
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    fonts, page = FontConfiguration(), fill((ROOT / "templates" / "mail.html").read_text())
    return lambda: weasy.HTML(string=page).write_pdf(bench.folder / "weasy.pdf", font_config=fonts)


def run(bench):
    n = bench.size(SIZE)
    few = max(n // 20, 2)
    svg = filled_letter(bench)
    convert = ["rsvg-convert", "-f", "pdf", "-o", bench.folder / "letter.pdf", svg]
    values = bench.rounds(NAME, UNIT, {
        "render": drawn(bench, n, "pindispatch", ROOT / "templates", LETTER),
        "pango+cairo": drawn(bench, n, "pango"),
        "librsvg": drawn(bench, max(n // 4, 2), "librsvg", svg),
        "rsvg-convert": timed(few, lambda: subprocess.run(convert, check=True)),
        "weasyprint": timed(few, weasyprint(bench))})
    ours = values.pop("render")
    return [Figure("render", UNIT, ours, values)]
