"""The parts that several figures are measured with: a sink for mail, a pipelined issuer, a kept control connection."""

import json
import mmap
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

from harness import ROOT, say

SUPPORT = ROOT / "tests" / "support"
WRITE_AT_ONCE = 64 * 1024  # bytes: the socket's buffer takes them
PATIENCE = 300  # seconds without an end: something hangs


class Child:
    """A program that ends with its standard input."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Server(Child):
    """One that prints its port first."""

    def __init__(self, *command):
        super().__init__(*command)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            self.stop()
            raise RuntimeError(f"{pathlib.Path(command[0]).name} does not start")
        self.port = int(line)


class Tally:
    """A count that another process keeps (tally.h): how many, and when the last one was (time.monotonic())."""

    def __init__(self, path):
        with open(path, "a+b") as file:  # whoever counts may not have begun
            file.truncate(16)
            self.map = mmap.mmap(file.fileno(), 16, prot=mmap.PROT_READ)

    def read(self):
        n, last = struct.unpack("QQ", self.map[:16])
        return n, last / 1e9

    def wait(self, n, patience=PATIENCE, pause=0.001):
        """When the N-th came. Who looks on takes the processor from those who work: ever more seldom."""
        start = time.monotonic()
        while self.read()[0] < n:
            waited = time.monotonic() - start
            if waited > patience:
                raise RuntimeError(f"only {self.read()[0]} of {n} arrived within {patience} s")
            time.sleep(max(pause, waited / 200))
        return self.read()[1]


class Sink(Server):
    """bench_sink. `first` is the file with the first message that it got."""

    def __init__(self, bench):
        self.first = bench.folder / "first.eml"
        path = bench.folder / "sink.tally"
        super().__init__(bench.tools / "bench_sink", path, self.first)
        self.tally = Tally(path)


class Postfix(Server):
    """A private Postfix that relays everything to PORT. What a relay has in hand is synced to the disk, as Postfix
    does as it comes; the brake on its intake (in_flow_delay) is off in its favour."""

    def __init__(self, bench, port):
        super().__init__(sys.executable, SUPPORT / "postfix.py", "serve", bench.folder / "postfix",
                         "--set", "virtual_mailbox_domains=", "--set", f"relayhost=[127.0.0.1]:{port}")


class Control:
    """One connection to the control socket."""

    def __init__(self, dispatcher):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(dispatcher.dir / "control.sock"))
        self.stream = self.socket.makefile("rw", newline="\n")

    def ask(self, **request):
        self.stream.write(json.dumps(request) + "\n")
        self.stream.flush()
        return json.loads(self.stream.readline())

    def deliveries(self, state):
        return self.ask(command="status")["status"]["store"]["deliveries"][state]

    def wait_delivered(self, n, patience=PATIENCE):
        """When the N-th outcome was durable: the store's own counters say so after the commit."""
        deadline = time.monotonic() + patience
        while self.deliveries("delivered") < n:
            if time.monotonic() > deadline:
                states = self.ask(command="status")["status"]["store"]["deliveries"]
                raise RuntimeError(f"not delivered within {patience} s: {states}")
            time.sleep(0.002)
        return time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


class Issuer:
    """A kept connection to the submit socket."""

    def __init__(self, dispatcher):
        self.socket = socket.socket(socket.AF_UNIX)
        # Not settimeout(), which asks the kernel before each call whether it would wait.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))
        self.socket.connect(str(dispatcher.dir / "submit.sock"))

    def hand_in(self, lines):
        """Writes these bytes as fast as they are taken, while the answers are read. Each must be "accepted"."""
        if len(lines) <= WRITE_AT_ONCE:
            self.socket.sendall(lines)
            return self.answers(lines)
        writer = threading.Thread(target=self.socket.sendall, args=(lines,), daemon=True)
        writer.start()
        self.answers(lines)
        return writer.join()

    def answers(self, lines):
        n, answers, accepted, rest = lines.count(b"\n"), 0, 0, b""
        while answers < n:
            bytes_ = self.socket.recv(WRITE_AT_ONCE)
            if not bytes_:
                raise RuntimeError("the dispatcher hung up")
            whole, _, rest = (rest + bytes_).rpartition(b"\n")
            answers += bytes_.count(b"\n")
            accepted += whole.count(b'"accepted"')
        if accepted != n:
            raise RuntimeError(f"{accepted} of {n} events were accepted; the last answer: {whole[-300:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def deliver(dispatcher, control, lines, tally):
    """Seconds from handing in these events to the last one's durable outcome. Until TALLY, kept at the destination,
    has counted them all the dispatcher is not asked."""
    n, before, arrived = lines.count(b"\n"), control.deliveries("delivered"), tally.read()[0]
    with Issuer(dispatcher) as issuer:
        start = time.monotonic()
        issuer.hand_in(lines)
        tally.wait(arrived + n)
        return control.wait_delivered(before + n) - start


class Meter:
    """The CPU that one delivery costs, by process: unlike a rate it says something on a busy machine too."""

    def __init__(self, dispatcher, **others):
        self.dispatcher = dispatcher
        self.others = others  # name -> pid
        self.before = self.read()

    def read(self):
        """Microseconds since each began; workers that are gone count as well."""
        pid = self.dispatcher.process.pid
        gone = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
        ticks = sum(map(int, gone)) / os.sysconf("SC_CLK_TCK")
        workers = sum(cpu(worker) for worker in self.dispatcher.workers()) + ticks * 1e6
        return {"dispatcher": cpu(pid), "workers": workers, **{name: cpu(pid) for name, pid in self.others.items()}}

    def tell(self, what, n):
        """For N deliveries since it was made."""
        words = [f"{name} {(spent - self.before[name]) / n:,.0f}" for name, spent in self.read().items()]
        say(f"{what}: CPU µs each: {', '.join(words)}")


def cpu(pid):
    """Microseconds that it ran; one that has just ended: 0."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000
    except (FileNotFoundError, ProcessLookupError):
        return 0


def make_events(bench, prefix, n, dispatcher=None):
    """N events as the bytes that an issuer writes; sealed to DISPATCHER's key when there is one."""
    key = [dispatcher.dir / "seal.pub.jwk"] if dispatcher else []
    return bench.tool("bench_events", prefix, n, *key).encode()


def dispatcher_of(bench, name, **settings):
    """A private dispatcher (tests/support) that is not started yet; everything that is not said is at its default."""
    os.environ["PINDISPATCH_BIN"] = str(bench.bin)
    from dispatcher import Dispatcher  # it reads the environment
    return Dispatcher(bench.folder / name, **settings).prepare()
