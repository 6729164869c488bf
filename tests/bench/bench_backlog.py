"""A dispatcher whose store has seen a million deliveries and has 100,000 waiting, beside one with an empty store."""

import contextlib
import pathlib
import time

from bench_latency import One, mail_dispatcher, one_by_one, percentile
from harness import Figure, say
from parts import Control, Sink, deliver, make_events

NAME, UNIT, SIZE = "backlog", "mails/s", 1000000
WAITING = 10    # one in so many still waits, for a printer that is away
EVENTS = 2000   # a round at most, for the rate
SINGLE = 50     # a round, one after the other
ASKED = 20      # times that status is asked


def memory(pid):
    """The most that it had resident, in MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0


class Side:
    """One of the two dispatchers; what it shows is kept by the figure's name."""

    def __init__(self, bench, name, sink):
        self.bench, self.name, self.sink = bench, name, sink
        self.events = min(EVENTS, bench.size(EVENTS))
        self.dispatcher = mail_dispatcher(bench, name, sink, print={"server": bench.folder / "no-cups.sock"},
                                          retry={"first": "30s", "max": "1h"})
        self.parts = None
        self.values = {}

    def fill(self, finished, waiting):
        """The store's bytes a delivery."""
        store = self.dispatcher.dir / "store" / "store.db"
        store.parent.mkdir()
        say(f"backlog: filling in {finished:,} finished deliveries and {waiting:,} that wait")
        self.bench.tool("bench_fill", store, finished, waiting, timeout=3600)
        return store.stat().st_size / (finished + waiting)

    def start(self, stack):
        begun = time.monotonic()
        self.dispatcher.start()
        self.note("backlog-ready", (time.monotonic() - begun) * 1000)
        stack.callback(self.dispatcher.stop)
        self.parts = (stack.enter_context(One(self.bench, self.dispatcher)),
                      stack.enter_context(Control(self.dispatcher)), self.sink)
        one_by_one(self.bench, f"warm-{self.name}", self.parts, 20)

    def note(self, figure, value):
        self.values.setdefault(figure, []).append(value)

    def slowest_status(self):
        times = []
        for _ in range(ASKED):
            begun = time.monotonic()
            self.parts[1].ask(command="status")
            times.append(time.monotonic() - begun)
        return max(times) * 1000

    def run(self, turn):
        """A round: the rate; the rest is noted."""
        control = self.parts[1]
        times = one_by_one(self.bench, f"one-{turn}", self.parts, SINGLE)
        self.note("backlog-latency", percentile(times, 0.5))
        lines = make_events(self.bench, f"many-{turn}", self.events)
        rate = self.events / deliver(self.dispatcher, control, lines, self.sink.tally)
        self.note("backlog-status", self.slowest_status())
        self.note("backlog-memory", memory(self.dispatcher.process.pid))
        self.note("backlog-worker", max(memory(pid) for pid in self.dispatcher.workers()))
        return rate


def run(bench):
    finished = bench.size(SIZE)
    waiting = max(finished // WAITING, 1)
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        full, empty = Side(bench, "full", sink), Side(bench, "empty", sink)
        size = full.fill(finished, waiting)
        full.start(stack)
        empty.start(stack)
        values = bench.rounds(NAME, UNIT, {"backlog": full.run, "empty": empty.run}, times=4)
    figures = [Figure("backlog", UNIT, values["backlog"], {"empty": values["empty"]})]
    for name, unit in (("backlog-latency", "ms"), ("backlog-ready", "ms"), ("backlog-status", "ms"),
                       ("backlog-memory", "MiB"), ("backlog-worker", "MiB")):
        figures.append(Figure(name, unit, full.values[name], {"empty": empty.values[name]}))
    return [*figures, Figure("backlog-store", "B/delivery", [size])]
