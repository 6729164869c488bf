"""Events submitted, to the letters completed by the printer; beside a bare loop of libcups and one of commands. With the
spool in memory, and on the disk."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import time

import users
from cups import PrivateCups
from harness import ROOT, Figure
from parts import Control, Meter, Tally, deliver, dispatcher_of, make_events

UNIT, SIZE = "letters/s", 1000
WINDOW = 48  # print.window's default: as many jobs at the spooler as we keep there
COMMANDS = 20  # the loop of commands prints this fraction


class CountingCups(PrivateCups):
    """A cupsd with the settings that README.md advises, whose printer only counts (backend.c)."""

    def __init__(self, bench, name="cups", **places):
        super().__init__(bench.folder / name, **places)
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


class Queue:
    """A cupsd, our dispatcher for it, and its peers; MEMORY is where what is not to be on the disk is."""

    def __init__(self, bench, name, n, stack, memory, spool):
        self.bench, self.name, self.n = bench, name, n
        self.cups = CountingCups(bench, f"{name}-cups", cache=memory / f"{name}-cache", spool=spool)
        stack.enter_context(self.cups)
        self.dispatcher = dispatcher_of(bench, name, pin="print", print={"server": self.cups.server})
        stack.enter_context(self.dispatcher)
        self.control = stack.enter_context(Control(self.dispatcher))
        self.tally = self.cups.tally()
        self.deliver("warm", WINDOW)
        self.letter = self._prepare_letter()

    def deliver(self, prefix, n):
        lines = make_events(self.bench, prefix, n)
        return deliver(self.dispatcher, self.control, lines, self.tally)

    def _prepare_letter(self):
        """The letter of one event as a PDF of ours, for the peer that draws none."""
        event, pdf = self.bench.folder / "event.json", self.bench.folder / "letter.pdf"
        event.write_bytes(make_events(self.bench, "sample", 1))
        self.dispatcher.ctl("preview", event, "--method", "print", "--reveal", "-o", pdf)
        return pdf

    def ours(self, turn):
        meter = Meter(self.dispatcher, cupsd=self.cups.process.pid)
        seconds = self.deliver(f"letter-{turn}", self.n)
        meter.tell(self.name, self.n)
        return self.n / seconds

    def two_step(self, _):
        tool = "bench_peer_print", self.cups.server, "pin", self.letter, self.n, WINDOW
        return self.n / float(self.bench.tool(*tool))

    def commands(self, letter):
        """What a script would do for each letter; the values are in the SVG already."""
        command = f"rsvg-convert -f pdf {letter} | lp -h {self.cups.server} -d pin -o job-sheets=none,none -"
        n = max(self.n // COMMANDS, 1)

        def run(_):
            before = self.tally.read()[0]
            start = time.monotonic()
            for _ in range(n):
                subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
            return n / (self.tally.wait(before + n) - start)
        return run

    def contestants(self, svg):
        return {self.name: self.ours, f"{self.name}: libcups": self.two_step,
                f"{self.name}: rsvg-convert|lp": self.commands(svg)}

    def figure(self, values):
        peers = {peer: values[f"{self.name}: {peer}"] for peer in ("libcups", "rsvg-convert|lp")}
        return Figure(self.name, UNIT, values[self.name], peers)


def run(bench):
    import bench_render
    n = bench.size(SIZE)
    with contextlib.ExitStack() as stack:
        # Cupsd looks up who asks, which takes long where nobody has that name; where this is installed, the account exists.
        stack.enter_context(users.installed(ROOT / "packaging" / "systemd" / "sysusers.conf"))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pindispatch-bench-", dir="/dev/shm"))
        memory = pathlib.Path(folder)
        queues = [Queue(bench, "print", n, stack, memory, memory / "spool"),
                  Queue(bench, "print-disk", n, stack, memory, None)]
        svg = bench_render.filled_letter(bench)
        values = bench.rounds("print", UNIT, {name: run for q in queues for name, run in q.contestants(svg).items()})
    return [q.figure(values) for q in queues]
