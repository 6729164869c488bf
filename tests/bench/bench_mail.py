"""Events submitted, to the last mail accepted by the sink with each outcome durable; beside relays and loops."""

import contextlib
import subprocess
import time

from harness import figures_of
from parts import Control, Issuer, Postfix, Sink, dispatcher_of, make_events

NAME, UNIT, SIZE = "mail", "mails/s", 5000
PARALLEL = 10  # sessions that hand the mails to Postfix


def ours(bench, sink, dispatcher, control, n, sealed):
    """A contestant."""
    def run(turn):
        lines = make_events(bench, f"{'sealed' if sealed else 'clear'}-{turn}", n, dispatcher if sealed else None)
        before, arrived = control.deliveries("delivered"), sink.tally.read()[0]
        with Issuer(dispatcher) as issuer:
            start = time.monotonic()
            issuer.hand_in(lines)
            sink.tally.wait(arrived + n)  # the dispatcher is not asked while it works
            return n / (control.wait_delivered(before + n) - start)
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


def warm_up(bench, dispatcher, control):
    """The workers are there, and the first mail is kept: what the peers send."""
    with Issuer(dispatcher) as issuer:
        issuer.hand_in(make_events(bench, "warm", 100))
    control.wait_delivered(100)


def run(bench):
    n = bench.size(SIZE)
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(bench))
        email = {"server": f"127.0.0.1:{sink.port}", "tls": "none-on-loopback"}
        dispatcher = stack.enter_context(dispatcher_of(bench, "mail", pin="email", email=email))
        control = stack.enter_context(Control(dispatcher))
        relay = stack.enter_context(Postfix(bench, sink.port))
        warm_up(bench, dispatcher, control)
        values = bench.rounds(NAME, UNIT, {"clear": ours(bench, sink, dispatcher, control, n, False),
                                           "sealed": ours(bench, sink, dispatcher, control, n, True),
                                           "postfix": postfix(bench, sink, relay, n),
                                           "libesmtp": libesmtp(bench, sink, n)})
    return figures_of(values, UNIT, {"mail": "clear", "mail-sealed": "sealed"}, ["postfix", "libesmtp"])
