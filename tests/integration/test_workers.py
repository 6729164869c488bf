"""Workers as the packaged service has them: systemd starts one for each connection, with the key as a credential."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402
from listener import close_listener  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402


class Activated(unittest.TestCase):
    """systemd-socket-activate does here what pindispatch-worker.socket and its template service do."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.cups = PrivateCups(self.dir / "cups", ["pin"]).start()
        self.addCleanup(self.cups.stop)
        self.socket = self.dir / "worker.sock"
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="print", print={"server": self.cups.server},
                                     workers={"socket": self.socket, "print": 1, "email": 1})
        self.dispatcher.prepare()
        credentials = self.dir / "credentials"
        credentials.mkdir()
        # The dispatcher has no private key any more: only whoever systemd gives it to.
        (self.dispatcher.dir / "seal.key.jwk").rename(credentials / "seal.key.jwk")
        self.credentials = credentials

    def activate(self):
        # --inetd makes the connection standard error too, hence the shell.
        listener = subprocess.Popen(
            ["systemd-socket-activate", "--accept", "--inetd", "-l", str(self.socket), "-E",
             f"CREDENTIALS_DIRECTORY={self.credentials}", "-E", "G_SLICE=always-malloc",
             "/bin/sh", "-c", f"exec {program('pindispatch-worker')} 2>/dev/null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (listener.terminate(), listener.wait(20)))
        wait_until(self.socket.exists, "the workers' socket")

    def start(self):
        self.dispatcher.start()
        self.addCleanup(self.dispatcher.stop)

    def test_a_letter_by_a_worker_that_is_no_child(self):
        self.activate()
        self.start()
        pin = canary(8)
        delivery = self.dispatcher.submit(card_event("1", pin))[0]["deliveries"][0]["id"]
        shown = self.dispatcher.wait_state(delivery, "delivered", "failed")
        self.assertEqual(shown["state"], "delivered")
        self.assertEqual(self.dispatcher.workers(), [])
        (job, path), = self.cups.printed()
        self.assertEqual(job, shown["job_uuid"])
        text = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True).stdout
        self.assertIn(pin, text.replace(" ", ""))

    def test_without_workers_letters_wait_and_status_says_so(self):
        self.start()
        delivery = self.dispatcher.submit(card_event("1", canary(8)))[0]["deliveries"][0]["id"]
        wait_until(lambda: self.dispatcher.channel("print")["trouble"], "trouble of the channel")
        self.assertIn(self.dispatcher.state(delivery), ("queued", "deferred"))
        self.activate()
        self.dispatcher.wait_state(delivery, "delivered", seconds=60)


class Priority(unittest.TestCase):
    def test_who_draws_letters_steps_back(self):
        """It leaves the processor to the spooler; who sends mails stays where the dispatcher is."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        dispatcher = Dispatcher(folder.name, "print", "email", workers={"print": 1, "email": 1}).start()
        self.addCleanup(dispatcher.stop)
        for delivery in dispatcher.submit(card_event("1", canary(8), canary(8)))[0]["deliveries"]:
            dispatcher.wait_state(delivery["id"], "deferred")  # where it would go to, nobody is
        own, *workers = (os.getpriority(os.PRIO_PROCESS, pid)
                         for pid in [dispatcher.process.pid, *dispatcher.workers()])
        self.assertEqual(sorted(workers), [own, max(10, own)])
        self.assertEqual(own, os.getpriority(os.PRIO_PROCESS, 0))


class Between:
    """Stands between the dispatcher and its workers. CHANGE gets each order to the first worker for mails and returns
    those that it shall hear instead; None: its connection ends. `said` is what that worker said."""

    def __init__(self, path, change):
        self.change, self.said, self.first = change, [], None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                dispatcher = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.connect, args=(dispatcher,), daemon=True).start()

    def connect(self, dispatcher):
        ours, theirs = socket.socketpair()
        process = subprocess.Popen([program("pindispatch-worker")], stdin=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        threading.Thread(target=self.listen, args=(process, ours, dispatcher), daemon=True).start()
        for line in dispatcher.makefile():
            order = json.loads(line)
            if order.get("method") == "email" and not self.first:
                self.first = process
            orders = self.change(order) if process is self.first else [order]
            if orders is None:
                break
            for one in orders:
                ours.sendall(json.dumps(one).encode() + b"\n")
        ours.shutdown(socket.SHUT_RDWR)

    def listen(self, process, ours, dispatcher):
        for line in ours.makefile():
            if process is self.first:
                self.said.append(json.loads(line))
            dispatcher.sendall(line.encode())
        process.wait()
        dispatcher.close()

    def stop(self):
        close_listener(self.listener)


class Ahead(unittest.TestCase):
    """A worker may be handed a delivery before its claim is committed: it composes the mail, and waits."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.server = ScriptedServer({}, self.dir / "record", self.dir / "kept").start()
        self.addCleanup(self.server.stop)

    def mails(self):
        lines = map(json.loads, (self.dir / "record").read_text().splitlines())
        return sum(line.get("line", "").startswith("MAIL") for line in lines)

    def deliver(self, change):
        """Hands in one event, whose orders CHANGE changes; its id."""
        between = Between(self.dir / "worker.sock", change)
        self.addCleanup(between.stop)
        dispatcher = Dispatcher(self.dir / "dispatcher", pin="email",
                                email={"server": f"localhost:{self.server.port}", "tls": "none-on-loopback"},
                                workers={"socket": self.dir / "worker.sock", "email": 1}).start()
        self.addCleanup(dispatcher.stop)
        wait_until(lambda: {"say": "ready"} in between.said, "the worker to be ready")
        delivery = dispatcher.submit(card_event("1", canary(8)))[0]["deliveries"][0]["id"]
        return dispatcher, between, delivery

    def assert_sent_once_by_the_next(self, dispatcher, delivery):
        shown = dispatcher.wait_state(delivery, "delivered")
        self.assertEqual((shown["attempts"], self.mails()), (2, 1))

    def test_what_is_dropped_is_not_sent_and_not_told_of(self):
        looked = threading.Event()

        def drop(order):
            if order["do"] == "claimed":
                return [{"do": "dropped"}, {"do": "tidy"}]
            return [order] if not looked.is_set() else None

        dispatcher, between, delivery = self.deliver(drop)
        wait_until(lambda: {"say": "tidied", "clean": True} in between.said, "the worker to have passed it")
        self.assertEqual(self.mails(), 0)
        self.assertEqual([word["say"] for word in between.said], ["ready", "tidied"])
        looked.set()
        between.first.kill()
        self.assert_sent_once_by_the_next(dispatcher, delivery)

    def test_nothing_is_sent_when_the_dispatcher_is_gone(self):
        dispatcher, between, delivery = self.deliver(lambda order: None if order["do"] == "claimed" else [order])
        wait_until(lambda: between.first.poll() is not None, "the end of the worker")
        self.assertNotIn("outcome", [word["say"] for word in between.said])
        self.assert_sent_once_by_the_next(dispatcher, delivery)


if __name__ == "__main__":
    unittest.main()
