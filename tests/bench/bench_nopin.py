"""Events that need no delivery: durably accepted, with outcome and audit, over one pipelined socket."""

import time

from dispatcher import wait_until
from harness import ROOT, Figure
from parts import Issuer, Meter, dispatcher_of, make_events

NAME, UNIT, SIZE = "nopin", "events/s", 50000
BATCH = 100  # rows a commit in the peer's loop


def wait_workers(dispatcher):
    """They are for other deliveries, and take the processor only while they start."""
    def ready():
        workers = [channel["workers"] for channel in dispatcher.status()["channels"]]
        return all(w["running"] == w["wanted"] for w in workers)
    wait_until(ready, "the workers to be ready")


def ours(bench, n):
    """Into an empty store each time, as the peers."""
    def run(turn):
        lines = make_events(bench, f"nopin-{turn}", n)
        with dispatcher_of(bench, f"nopin-{turn}", pin="nopin") as dispatcher, Issuer(dispatcher) as issuer:
            wait_workers(dispatcher)
            meter = Meter(dispatcher)
            start = time.monotonic()
            issuer.hand_in(lines)  # an answer comes after the commit
            seconds = time.monotonic() - start
            meter.tell(NAME, n)
        return n / seconds
    return run


def sqlite(bench, n, *schema):
    return lambda _: n / float(bench.tool("bench_peer_rows", bench.folder / "rows.db", n, BATCH, *schema))


def run(bench):
    n = bench.size(SIZE)
    values = bench.rounds(NAME, UNIT, {"nopin": ours(bench, n),
                                       "sqlite": sqlite(bench, n, *sorted((ROOT / "src/store/sql").glob("*.sql"))),
                                       "sqlite-one-row": sqlite(bench, n)})
    return [Figure("nopin", UNIT, values.pop("nopin"), values)]
