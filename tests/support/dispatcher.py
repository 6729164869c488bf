"""A private dispatcher for tests and the demo: pindispatchd below a folder of its own, driven as users drive it.

The programs are taken from $PINDISPATCH_BIN, the templates from the source tree.
"""

import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program(name):
    return str(pathlib.Path(os.environ["PINDISPATCH_BIN"]) / name)


def wait_until(condition, what, seconds=30):
    """The condition's first true value; waits for it, with a bound."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def canary(digits=12):
    """A random PIN, long enough to be searched for."""
    return "".join(secrets.choice("0123456789") for _ in range(digits))


def card_event(event_id, pin=None, puk=None, **holder):
    """A card event as an issuer writes it; HOLDER overrides the holder's members (None: leaves one out)."""
    who = {"name": "Åsa Öberg", "email": "asa.oberg@example.com", "locale": "sv",
           "address": ["Storgatan 1", "111 22 Stockholm", "Sweden"], **holder}
    data = {"card": {"id": f"C-{event_id}", "type": "employee"},
            "holder": {name: value for name, value in who.items() if value is not None}}
    if pin:
        data["pin"] = pin
    if puk:
        data["puk"] = puk
    return {"specversion": "1.0", "id": event_id, "source": "/identity-manager/test", "type": "card.issued",
            "time": "2026-11-22T10:00:00Z", "subject": f"card/C-{event_id}", "datacontenttype": "application/json",
            "data": data}


class Dispatcher:
    """One dispatcher below FOLDER. SETTINGS are lines of the configuration, by group."""

    def __init__(self, folder, pin="nopin", puk="nopuk", **groups):
        self.dir = pathlib.Path(folder).absolute()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.config = self.dir / "pindispatch.conf"
        self.log_path = self.dir / "log"
        self.process = None
        self.prefix = []  # of the command that starts it: another user, a tracer
        self.pin, self.puk, self.groups, self.top = pin, puk, groups, {}

    # -- configuration

    def write_config(self):
        groups = {"store": {"path": self.dir / "store" / "store.db"},
                  "seal": {"public_key": self.dir / "seal.pub.jwk", "private_key": self.dir / "seal.key.jwk"},
                  "submit": {"socket": self.dir / "submit.sock"}, "control": {"socket": self.dir / "control.sock"},
                  "templates": {"directory": ROOT / "templates"},
                  "retry": {"first": "200ms", "max": "1s"}}
        for name, values in self.groups.items():
            groups[name] = {**groups.get(name, {}), **values}
        lines = [f'CardsPINDeliveryMethod = "{self.pin}"', f'CardsPUKDeliveryMethod = "{self.puk}"']
        lines += [f"{name} = {literal(value)}" for name, value in self.top.items()]
        for name, values in groups.items():
            lines += [f"{name}:", "{"] + [f"    {key} = {literal(value)};" for key, value in values.items()] + ["};"]
        self.config.write_text("\n".join(lines) + "\n")

    def prepare(self):
        self.write_config()
        if not (self.dir / "seal.pub.jwk").exists():
            self.ctl("keygen")
        return self

    # -- life

    def start(self, *options, environment=None):
        self.prepare()
        before = self.log().count(" is ready: ")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, program("pindispatchd"), "--config", str(self.config),
                                             *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})

        def ready():
            if self.process.poll() is not None:
                raise AssertionError("pindispatchd did not start:\n" + self.log())
            return self.log().count(" is ready: ") > before

        wait_until(ready, "the dispatcher to be ready")
        return self

    def once(self, *options):
        """The exit status of --once."""
        self.prepare()
        with open(self.log_path, "ab") as log:
            return subprocess.run([program("pindispatchd"), "--config", str(self.config), "--once", *options],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60,
                                  check=False).returncode

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        status = self.process.returncode if self.process else 0
        self.process = None
        return status

    def kill(self):
        workers = self.workers()
        self.process.kill()
        self.process.wait()
        self.process = None
        for pid in workers:  # a stopped one sees only when it goes on that its dispatcher is gone, and ends
            end_worker(pid, signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def workers(self):
        """The pids of the worker processes that the dispatcher started."""
        pids = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids]

    def kill_workers(self):
        for pid in self.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it ended meanwhile

    # -- as users drive it

    def ctl(self, *arguments, data=None, check=True, text=True):
        done = subprocess.run([program("pindispatchctl"), "--config", str(self.config), *map(str, arguments)],
                              input=data, capture_output=True, text=text, timeout=60, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"pindispatchctl {arguments[0]} ended with {done.returncode}: {done.stderr}")
        return done

    def json(self, *arguments, check=True):
        lines = self.ctl("--json", *arguments, check=check).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def submit(self, *events):
        """Hands events (objects, or texts taken as lines) to the socket; the answers, in order."""
        lines = [e if isinstance(e, str) else json.dumps(e) for e in events]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(str(self.dir / "submit.sock"))
            with s.makefile("rw", encoding="utf-8", newline="\n") as stream:
                for line in lines:
                    stream.write(line + "\n")
                stream.flush()
                s.shutdown(socket.SHUT_WR)
                return [json.loads(answer) for answer in stream]

    def status(self):
        return self.json("status")[0]

    def channel(self, method):
        return next(c for c in self.status()["channels"] if c["method"] == method)

    def show(self, delivery):
        return self.json("show", delivery)[0]

    def state(self, delivery):
        return self.show(delivery)["state"]

    def wait_state(self, delivery, *states, seconds=30):
        """The delivery once it is in one of STATES."""
        def look():
            shown = self.show(delivery)
            return shown if shown["state"] in states else None
        return wait_until(look, f"{delivery} to be {' or '.join(states)}; it is {self.state(delivery)}", seconds)


def end_worker(pid, number=signal.SIGKILL):
    """False when there is no such worker any more: numbers are used again, and nobody else may be hit."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("pindispatch-wor"):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def literal(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(literal(v) for v in value) + " ]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
