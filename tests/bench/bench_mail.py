"""Events submitted, to the last mail accepted by the sink with each outcome durable; beside relays and loops."""

import contextlib
import subprocess
import time

from harness import figures_of
from parts import Control, Meter, Postfix, Sink, deliver, dispatcher_of, make_events

NAME, UNIT, SIZE = "mail", "mails/s", 5000
PARALLEL = 10  # sessions that hand the mails to Postfix


def ours(bench, sink, dispatcher, control, n, name):
    """A contestant; "sealed" by the issuer, or "clear"."""
    def run(turn):
        lines = make_events(bench, f"{name}-{turn}", n, dispatcher if name == "sealed" else None)
        meter = Meter(dispatcher, sink=sink.process.pid)
        seconds = deliver(dispatcher, control, lines, sink.tally)
        meter.tell(f"{NAME} ({name})", n)
        return n / seconds
    return run


def postfix(bench, sink, relay, n):
    """smtp-source hands the mails in faster than Postfix passes them on."""
    message = bench.folder / "postfix.eml"
    message.write_bytes(sink.first.read_bytes().replace(b"\r\n", b"\n"))
    command = ["/usr/sbin/smtp-source", "-s", str(PARALLEL), "-d", "-m", str(n), "-f", "pin@example.com", "-t",
               "holder@example.com", "-F", str(message), f"127.0.0.1:{relay.port}"]

    def run(_):
        before = sink.tally.read()[0]
        start = time.monotonic()
        subprocess.run(command, check=True, timeout=300)
        return n / (sink.tally.wait(before + n) - start)
    return run


def libesmtp(bench, sink, n):
    return lambda _: n / float(bench.tool("bench_peer_mail", f"127.0.0.1:{sink.port}", sink.first, n))


def warm_up(bench, sink, dispatcher, control):
    """The workers are there, and the first mail is kept: what the peers send."""
    deliver(dispatcher, control, make_events(bench, "warm", 100), sink.tally)


def run(bench):
    n = bench.size(SIZE)
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        email = {"server": f"127.0.0.1:{sink.port}", "tls": "none-on-loopback"}
        dispatcher = stack.enter_context(dispatcher_of(bench, "mail", pin="email", email=email))
        control = stack.enter_context(Control(dispatcher))
        relay = stack.enter_context(Postfix(bench, sink.port))
        warm_up(bench, sink, dispatcher, control)
        values = bench.rounds(NAME, UNIT, {"clear": ours(bench, sink, dispatcher, control, n, "clear"),
                                           "sealed": ours(bench, sink, dispatcher, control, n, "sealed"),
                                           "postfix": postfix(bench, sink, relay, n),
                                           "libesmtp": libesmtp(bench, sink, n)})
    return figures_of(values, UNIT, {"mail": "clear", "mail-sealed": "sealed"}, ["postfix", "libesmtp"])
