"""The control socket of a running daemon, by its wire: what other programs and hostile ones may send."""
import json
import pathlib
import shutil
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from dispatcher import Dispatcher, card_event  # noqa: E402

MANY = 8000


class Caller:
    """A connection that speaks lines."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(daemon.dir / "control.sock"))
        self.file = self.socket.makefile("r", encoding="utf-8")

    def say(self, line):
        data = line if isinstance(line, bytes) else json.dumps(line).encode()
        self.socket.sendall(data + b"\n")

    def hear(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, **request):
        self.say(request)
        return self.hear()

    def close(self):
        self.file.close()
        self.socket.close()


class ControlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pindispatch-control-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.daemon = Dispatcher(cls.folder).start()
        cls.addClassCleanup(cls.daemon.stop)
        events = pathlib.Path(cls.folder) / "events.ndjson"
        events.write_text("".join(json.dumps(card_event(f"many-{i}", pin="000000")) + "\n" for i in range(MANY)))
        cls.daemon.ctl("submit", "--quiet", events)

    def setUp(self):
        self.caller = Caller(self.daemon)
        self.addCleanup(self.caller.close)

    def test_status_has_what_is_documented(self):
        status = self.caller.ask(command="status")["status"]
        for name in ("version", "pid", "started", "generation", "dry_run", "methods", "config", "intake", "channels",
                     "store"):
            self.assertIn(name, status)
        self.assertEqual(status["methods"], {"pin": "nopin", "puk": "nopuk"})
        self.assertEqual(status["pid"], self.daemon.process.pid)
        self.assertGreaterEqual(status["store"]["deliveries"]["nopin"], MANY)

    def test_goes_on_after_garbage(self):
        for garbage in (b"", b"}{", b"\x00\x01\xff", b"[" * 5000, b'{"command":"' + b"x" * 70000 + b'"}', b"null"):
            self.caller.say(garbage)
            self.assertEqual(self.caller.hear()["error"]["code"], "usage")
        self.assertTrue(self.caller.ask(command="status")["ok"])

    def test_answers_a_pipeline_in_order(self):
        self.caller.socket.sendall(b"".join(b'{"command":"states","ids":["%d"]}\n' % i for i in range(500)))
        for i in range(500):
            self.assertEqual(self.caller.hear()["states"], {str(i): None})

    def test_answers_one_who_said_all(self):
        self.caller.socket.sendall(b'{"command":"metrics"}')
        self.caller.socket.shutdown(socket.SHUT_WR)
        self.assertIn("pindispatch_deliveries", self.caller.hear()["text"])
        self.assertIsNone(self.caller.hear())

    def test_slow_reader_harms_nobody(self):
        slow = [Caller(self.daemon) for _ in range(8)]
        for s in slow:
            s.say({"command": "list", "limit": 1000000})
        time.sleep(1)
        began = time.monotonic()
        self.assertTrue(self.caller.ask(command="status")["ok"])
        self.assertLess(time.monotonic() - began, 2)
        for s in slow:
            items = 0
            while "item" in s.hear():
                items += 1
            self.assertGreaterEqual(items, MANY)
            s.close()

    def test_leaving_in_the_middle_harms_nobody(self):
        for _ in range(30):
            c = Caller(self.daemon)
            c.say({"command": "list", "limit": 1000000})
            c.close()
        self.assertTrue(self.caller.ask(command="status")["ok"])

    def test_export_is_the_whole_trail(self):
        self.caller.say({"command": "audit-export"})
        rows = []
        while "item" in (line := self.caller.hear()):
            rows.append(line["item"]["seq"])
        self.assertEqual(rows, list(range(1, len(rows) + 1)))
        self.assertEqual(self.caller.ask(command="audit-verify")["rows"], len(rows))


class AloneTest(unittest.TestCase):
    """Each with a dispatcher of its own."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="pindispatch-control-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.daemon = Dispatcher(folder, retry={"first": "1h", "max": "1h"}, email={"server": "127.0.0.1:9"})
        self.addCleanup(self.daemon.stop)

    def call(self):
        caller = Caller(self.daemon)
        self.addCleanup(caller.close)
        return caller

    def choose(self, method):
        self.daemon.pin = method
        self.daemon.write_config()

    def test_old_configuration_stays_when_the_new_one_is_wrong(self):
        self.daemon.start()
        caller = self.call()
        self.choose("prnt")
        error = caller.ask(command="reload")["error"]
        self.assertEqual(error["code"], "config")
        self.assertRegex(error["message"], r"pindispatch\.conf:1: ")
        self.assertEqual(caller.ask(command="status")["status"]["methods"]["pin"], "nopin")
        self.choose("email")
        self.assertEqual(caller.ask(command="reload")["generation"], 2)
        self.assertEqual(caller.ask(command="status")["status"]["methods"]["pin"], "email")

    def test_what_was_answered_survives_a_kill(self):
        self.daemon.pin = "email"
        self.daemon.start()
        for i in range(10):
            identity = self.daemon.submit(card_event(f"k{i}", pin="000000"))[0]["deliveries"][0]["id"]
            answer = self.call().ask(command="hold", id=identity)
            self.daemon.kill()
            self.daemon.start()
            if "ok" in answer:  # else a worker had it just then
                self.assertEqual(self.daemon.state(identity), "held")
            else:
                self.assertEqual(answer["error"]["code"], "refused")
        self.assertTrue(self.daemon.json("audit", "verify")[0]["ok"])


if __name__ == "__main__":
    unittest.main()
