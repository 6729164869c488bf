"""One event at a time on an idle dispatcher, from its submission to the sink's "250"; beside what no mail can do without."""

import contextlib
import time

from harness import Figure
from parts import Control, Issuer, Sink, dispatcher_of, make_events

NAME, UNIT, SIZE = "latency", "ms", 200


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


def one_by_one(bench, prefix, parts, n):
    """Seconds of each; nothing is in hand when the next one begins."""
    issuer, control, sink = parts
    delivered, taken = control.deliveries("delivered"), sink.tally.read()[0]
    times = []
    for turn, line in enumerate(make_events(bench, prefix, n).splitlines(keepends=True), 1):
        start = time.monotonic()
        issuer.hand_in(line)
        times.append(sink.tally.wait(taken + turn, pause=0.0002) - start)
        control.wait_delivered(delivered + turn)
    return times


def bare(bench, sink, n):
    lines = bench.tool("bench_peer_step", sink.port, sink.first, bench.folder / "log", n)
    return [int(line) / 1e9 for line in lines.splitlines()]


def mail_dispatcher(bench, name, sink, **settings):
    email = {"server": f"127.0.0.1:{sink.port}", "tls": "none-on-loopback"}
    return dispatcher_of(bench, name, pin="email", email=email, **settings)


def run(bench):
    n, tails = bench.size(SIZE), Tails()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        dispatcher = stack.enter_context(mail_dispatcher(bench, "latency", sink))
        parts = (stack.enter_context(Issuer(dispatcher)), stack.enter_context(Control(dispatcher)), sink)
        one_by_one(bench, "warm", parts, 20)
        values = bench.rounds(NAME, UNIT, {
            "latency": lambda turn: tails.median("latency", one_by_one(bench, f"one-{turn}", parts, n)),
            "fdatasync+smtp": lambda _: tails.median("fdatasync+smtp", bare(bench, sink, n))})
    return [Figure("latency", UNIT, values.pop("latency"), values),
            Figure("latency-p99", UNIT, tails.values.pop("latency"), tails.values)]
