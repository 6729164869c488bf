"""What all processes do in a minute in which nothing is due: CPU and wake-ups."""

import contextlib
import pathlib
import time

from bench_latency import mail_dispatcher
from bench_print import CountingCups
from dispatcher import wait_until
from harness import Figure, say
from parts import Control, Sink, cpu, deliver, make_events

NAME, SIZE = "idle", 200  # letters before, and as many mails
MINUTE = 60


def used(pids):
    """(ms of CPU, wake-ups) of these processes since they began. A wake-up ends a wait that the process chose."""
    ms = wakes = 0
    for pid in pids:
        proc = pathlib.Path(f"/proc/{pid}")
        ms += cpu(pid) / 1000
        for line in (proc / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                wakes += int(line.split()[1])
    return ms, wakes


def work(bench, dispatcher, control, tallies):
    """Letters and mails, so that every worker is there and has opened what it opens."""
    n = bench.size(SIZE)
    for method, tally in tallies.items():
        dispatcher.ctl("method", method)
        deliver(dispatcher, control, make_events(bench, f"idle-{method}", n), tally)
        wait_until(lambda m=method: dispatcher.channel(m)["workers"]["running"] > 0, f"a worker for {method}")


def come_to_rest(dispatcher):
    """A second without a wake-up, or ten of them."""
    for _ in range(10):
        before = used([dispatcher.process.pid, *dispatcher.workers()])
        time.sleep(1)
        if used([dispatcher.process.pid, *dispatcher.workers()]) == before:
            return


def run(bench):
    seconds = bench.options.seconds
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        cups = stack.enter_context(CountingCups(bench))
        dispatcher = stack.enter_context(mail_dispatcher(bench, "idle", sink, print={"server": cups.server}))
        control = stack.enter_context(Control(dispatcher))
        work(bench, dispatcher, control, {"email": sink.tally, "print": cups.tally()})
        come_to_rest(dispatcher)
        pids = [dispatcher.process.pid, *dispatcher.workers()]
        before = used(pids)
        say(f"idle: {len(pids)} processes, which have used {before[0]:.0f} ms so far; looking on for {seconds:g} s")
        time.sleep(seconds)
        after = used(pids)
    ms, wakes = ((b - a) * MINUTE / seconds for a, b in zip(before, after))
    return [Figure("idle", "ms CPU/min", [ms]), Figure("idle-wakes", "wakes/min", [wakes])]
