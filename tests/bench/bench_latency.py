"""One event at a time on an idle dispatcher, from its submission to the sink's "250"; beside what no mail can do without."""

import contextlib
import time

from harness import Figure
from parts import Child, Control, Sink, dispatcher_of, make_events

NAME, UNIT, SIZE = "latency", "ms", 200
IDLE = 0.003  # seconds before each: neither finds the processor as it left it


def percentile(times, share):
    """The time that SHARE of them did not exceed, in ms."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


class Tails:
    """Remembers the 99th percentiles beside the medians, which a round returns."""

    def __init__(self):
        self.values = {}

    def median(self, name, times):
        self.values.setdefault(name, []).append(percentile(times, 0.99))
        return percentile(times, 0.5)


class Stepper(Child):
    """Takes a step for each line and prints a number when it is taken."""

    def step(self, line=b"\n"):
        """The number, which is nanoseconds, in seconds."""
        self.process.stdin.write(line)
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) / 1e9


class One(Stepper):
    """An issuer with one event at a time (issue.c); a step is when it began to hand it in."""

    def __init__(self, bench, dispatcher):
        super().__init__(bench.tools / "bench_issue", dispatcher.dir / "submit.sock")


class Bare(Stepper):
    """bench_peer_step; a step is what it took."""

    def __init__(self, bench, sink, *how):
        super().__init__(bench.tools / "bench_peer_step", sink.port, sink.first, bench.folder / "log", *how)
        self.times = []

    def run(self):
        time.sleep(IDLE)
        self.times.append(self.step())

    def take(self):
        """The seconds of each since the last time."""
        times, self.times = self.times, []
        return times


def one_by_one(bench, prefix, parts, n, beside=lambda: None):
    """Seconds of each; nothing is in hand when the next one begins. BESIDE takes its turn after each."""
    one, control, sink = parts
    delivered = control.deliveries("delivered")
    times = []
    for turn, line in enumerate(make_events(bench, prefix, n).splitlines(keepends=True), 1):
        taken = sink.tally.read()[0]
        time.sleep(IDLE)
        start = one.step(line)
        times.append(sink.tally.wait(taken + 1, pause=IDLE) - start)  # who looks too often is in the way
        control.wait_delivered(delivered + turn)
        beside()
    return times


def mail_dispatcher(bench, name, sink, **settings):
    email = {"server": f"127.0.0.1:{sink.port}", "tls": "none-on-loopback"}
    return dispatcher_of(bench, name, pin="email", email=email, **settings)


def run(bench):
    n, tails = bench.size(SIZE), Tails()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        dispatcher = stack.enter_context(mail_dispatcher(bench, "latency", sink))
        parts = (stack.enter_context(One(bench, dispatcher)), stack.enter_context(Control(dispatcher)), sink)
        one_by_one(bench, "warm", parts, 20)
        peers = {"fdatasync+smtp": stack.enter_context(Bare(bench, sink)),
                 "fdatasync+pipelined": stack.enter_context(Bare(bench, sink, "pipelined"))}

        def step():
            for bare in peers.values():
                bare.run()

        def ours(turn):
            return tails.median("latency", one_by_one(bench, f"one-{turn}", parts, n, step))
        values = bench.rounds(NAME, UNIT, {"latency": ours, **{
            name: lambda _, name=name: tails.median(name, peers[name].take()) for name in peers}})
    return [Figure("latency", UNIT, values.pop("latency"), values),
            Figure("latency-p99", UNIT, tails.values.pop("latency"), tails.values)]
