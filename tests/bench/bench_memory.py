"""Memory of the dispatcher and of its workers over many letters: where a quarter of them is done, and at the end."""

import contextlib
import pathlib
import re
import tempfile

import users
from bench_print import CountingCups
from harness import ROOT, Figure, say
from parts import Control, deliver, dispatcher_of, make_events

UNIT, SIZE = "KiB a letter", 20000
TURNS = 8  # as many looks


def anonymous(pid):
    """KiB of its own memory; one that has just ended: 0."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"RssAnon:\s+(\d+)", status)
    return int(found[1]) if found else 0


def look(dispatcher):
    """(dispatcher, the largest worker) in KiB."""
    return anonymous(dispatcher.process.pid), max(map(anonymous, dispatcher.workers()), default=0)


def run(bench):
    n = max(bench.size(SIZE) // TURNS, 1)
    looks = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(users.installed(ROOT / "packaging" / "systemd" / "sysusers.conf"))  # as bench_print
        memory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pindispatch-bench-", dir="/dev/shm")))
        cups = stack.enter_context(CountingCups(bench, cache=memory / "cache", spool=memory / "spool"))
        dispatcher = stack.enter_context(dispatcher_of(bench, "memory", pin="print", print={"server": cups.server}))
        control = stack.enter_context(Control(dispatcher))
        tally = cups.tally()
        for turn in range(TURNS):
            deliver(dispatcher, control, make_events(bench, f"memory-{turn}", n), tally)
            looks.append(look(dispatcher))
            say(f"memory: {(turn + 1) * n:,} letters: dispatcher {looks[-1][0]:,} KiB, worker {looks[-1][1]:,} KiB")
    quarter, rest = looks[TURNS // 4 - 1], (TURNS - TURNS // 4) * n
    return [Figure(f"memory-{who}", UNIT, [(looks[-1][i] - quarter[i]) / rest]) for i, who in enumerate(("dispatcher", "worker"))]
