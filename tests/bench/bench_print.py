"""Events submitted, to the letters completed by the printer; beside a bare loop of libcups and one of commands."""

import contextlib
import shutil
import subprocess
import tempfile
import time

from cups import PrivateCups
from harness import figures_of
from parts import Control, Meter, Tally, deliver, dispatcher_of, make_events

NAME, UNIT, SIZE = "print", "letters/s", 1000
WINDOW = 48  # print.window's default: as many jobs at the spooler as we keep there
COMMANDS = 20  # the loop of commands prints this fraction


class CountingCups(PrivateCups):
    """A cupsd with the settings that README.md advises, whose printer only counts (backend.c)."""

    def __init__(self, bench, cache=None):
        super().__init__(bench.folder / "cups", cache=cache)
        self.backend = bench.tools / "bench_backend"

    def _make_serverbin(self):
        super()._make_serverbin()
        place = self.dir / "bin" / "backend" / "capture"
        shutil.copyfile(self.backend, place)
        place.chmod(0o755)

    def tally(self):
        path = self.dir / "printed" / "pin" / "tally"
        tally = Tally(path)
        path.chmod(0o666)  # the printer's account writes it
        return tally


def ours(bench, dispatcher, control, n, cups):
    def run(turn):
        lines = make_events(bench, f"letter-{turn}", n)
        meter = Meter(dispatcher, cupsd=cups.process.pid)
        seconds = deliver(dispatcher, control, lines, cups.tally())
        meter.tell(NAME, n)
        return n / seconds
    return run


def two_step(bench, cups, pdf, n):
    return lambda _: n / float(bench.tool("bench_peer_print", cups.server, "pin", pdf, n, WINDOW))


def commands(cups, letter, tally, n):
    """What a script would do for each letter; the values are in the SVG already."""
    command = f"rsvg-convert -f pdf {letter} | lp -h {cups.server} -d pin -o job-sheets=none,none -"

    def run(_):
        before = tally.read()[0]
        start = time.monotonic()
        for _ in range(n):
            subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
        return n / (tally.wait(before + n) - start)
    return run


def prepare_letter(bench, dispatcher):
    """The letter of one event as a PDF of ours, for the peer that draws none."""
    event, pdf = bench.folder / "event.json", bench.folder / "letter.pdf"
    event.write_bytes(make_events(bench, "sample", 1))
    dispatcher.ctl("preview", event, "--method", "print", "--reveal", "-o", pdf)
    return pdf


def warm_up(bench, cups, dispatcher, control):
    deliver(dispatcher, control, make_events(bench, "warm", WINDOW), cups.tally())


def run(bench):
    import bench_render
    n = bench.size(SIZE)
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(tempfile.TemporaryDirectory(prefix="pindispatch-bench-", dir="/dev/shm"))
        cups = stack.enter_context(CountingCups(bench, memory))
        dispatcher = stack.enter_context(dispatcher_of(bench, "print", pin="print", print={"server": cups.server}))
        control = stack.enter_context(Control(dispatcher))
        warm_up(bench, cups, dispatcher, control)
        pdf = prepare_letter(bench, dispatcher)
        svg = bench_render.filled_letter(bench)
        values = bench.rounds(NAME, UNIT, {"print": ours(bench, dispatcher, control, n, cups),
                                           "libcups": two_step(bench, cups, pdf, n),
                                           "rsvg-convert|lp": commands(cups, svg, cups.tally(),
                                                                       max(n // COMMANDS, 1))})
    return figures_of(values, UNIT, {"print": "print"}, ["libcups", "rsvg-convert|lp"])
