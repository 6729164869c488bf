"""What goes wrong around the dispatcher: the store's disk, its file, the clock, a crowd, a stop. Nothing that was
acknowledged is lost, nothing is delivered twice, and it goes on by itself when the cause is gone."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402
from faults import Faults  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402

DAY = 86400


class FaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-faults-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.faults = Faults(self.dir)
        self.record = self.dir / "record"
        self.dispatcher = None

    def mailing(self, script=None, port=0, **groups):
        """A dispatcher under faults that mails to a server of ours."""
        server = ScriptedServer(script or {}, self.record, None, port).start()
        self.addCleanup(server.stop)
        email = {"server": f"127.0.0.1:{server.port}", "tls": "none-on-loopback", "timeout": "10s"}
        return server, self.start(pin="email", email={**email, **groups.pop("email", {})}, **groups)

    def come_back(self, port):
        self.addCleanup(ScriptedServer({}, self.record, None, port).start().stop)

    def start(self, top=None, **options):
        self.dispatcher = Dispatcher(self.dir / "dispatcher", **options)
        self.dispatcher.top.update(top or {})
        self.addCleanup(self.dispatcher.stop)
        return self.dispatcher.start(environment=self.faults.environment())

    def submit_until(self, result, first=0, code=None, most=5000):
        """Event after event until one is answered with RESULT; the ids that were accepted, and that answer."""
        accepted = []
        for number in range(first, first + most):
            (answer,) = self.dispatcher.submit(card_event(f"e{number}", canary()))
            if answer["result"] == "accepted":
                accepted.append(answer["id"])
            if answer["result"] == result and answer.get("code") == code:
                return accepted, answer
        raise AssertionError(f"{most} events, and none was {result} {code}")

    def wait_well(self):
        wait_until(lambda: self.dispatcher.status()["store"]["trouble"] is None, "the store to be well", 60)

    def trouble(self):
        return (self.dispatcher.status()["store"]["trouble"] or {}).get("code")

    def wait_all(self, state, number, seconds=60):
        wait_until(lambda: self.dispatcher.status()["store"]["deliveries"][state] == number,
                   f"{number} to be {state}; {self.dispatcher.status()['store']['deliveries']}", seconds)

    def mails(self):
        """How often each mail came, by its Message-ID."""
        counts = {}
        for line in self.record.read_text().splitlines():
            message = json.loads(line).get("message")
            if message:
                name = next(l for l in message.splitlines() if l.lower().startswith("message-id:"))
                counts[name] = counts.get(name, 0) + 1
        return counts

    def assert_all_there(self, event_ids):
        """All of these are in the store, each once, and the audit trail is whole."""
        answers = self.dispatcher.submit(*[card_event(event_id, canary()) for event_id in event_ids])
        self.assertEqual({answer["result"] for answer in answers}, {"duplicate"})
        self.assertEqual(self.dispatcher.ctl("audit", "verify").returncode, 0)


class FullDisk(FaultTest):
    def mount_small(self, path):
        """A file system of 16 MiB, where this user may mount one."""
        path.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(path)], capture_output=True,
                              check=False)
        if done.returncode == 0:
            self.addCleanup(subprocess.run, ["umount", "-l", str(path)], check=False)
        return done.returncode == 0

    def fill(self, path):
        with open(path, "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass

    def test_refused_while_full_and_nothing_lost(self):
        disk = self.dir / "disk"
        mounted = self.mount_small(disk)
        _, d = self.mailing({"content": {"delay": 0.05}}, store={"path": disk / "store.db"})
        pid = d.process.pid
        answers = d.submit(*[card_event(f"before-{n}", canary()) for n in range(40)])
        accepted = [a["id"] for a in answers if a["result"] == "accepted"]
        if mounted:
            self.fill(disk / "ballast")
        else:
            self.faults.write("ENOSPC")
        more, refused = self.submit_until("rejected", code="store")
        self.assertGreater(refused["retry_after"], 0)
        self.assertEqual(refused["source"], "/identity-manager/test")
        self.assertEqual(self.trouble(), "full")
        self.assertIn("No space left", d.ctl("status").stdout)
        self.assertIn("the store takes no changes", d.log())
        self.assertRegex(d.ctl("metrics").stdout, r'pindispatch_store_trouble\{code="full"\} 1')
        time.sleep(1.5)
        self.assertEqual(d.submit(card_event("full", canary()))[0]["code"], "store")
        if mounted:
            (disk / "ballast").unlink()
        else:
            self.faults.write()
        self.wait_well()
        self.assertEqual(d.submit(card_event("after", canary()))[0]["result"], "accepted")
        self.assertEqual(d.process.pid, pid)
        self.assertIsNone(d.process.poll())
        accepted += more + ["after"]
        self.wait_all("delivered", len(accepted))
        self.assert_all_there(accepted)
        self.assertEqual(set(self.mails().values()), {1})
        self.assertEqual(len(self.mails()), len(accepted))


class FailingDisk(FaultTest):
    def disturb(self, cause, code):
        """Events before, during and after the fault; all that were accepted arrive, each once."""
        _, d = self.mailing({"content": {"delay": 0.02}})
        pid = d.process.pid
        answers = d.submit(*[card_event(f"before-{n}", canary()) for n in range(60)])
        accepted = [a["id"] for a in answers if a["result"] == "accepted"]
        self.assertEqual(len(accepted), 60)
        cause()
        more, refused = self.submit_until("rejected", code="store")
        self.assertGreater(refused["retry_after"], 0)
        self.assertEqual(self.trouble(), code)
        time.sleep(2.5)
        self.faults.write()
        self.faults.sync()
        self.wait_well()
        again = d.submit(card_event("after", canary()), card_event(refused["id"], canary()))
        # What was refused may be on disk all the same: never acknowledged, it may be a duplicate now.
        self.assertEqual(again[0]["result"], "accepted")
        self.assertIn(again[1]["result"], ("accepted", "duplicate"))
        self.assertEqual(d.process.pid, pid)
        accepted += more + ["after", refused["id"]]
        self.wait_all("delivered", len(accepted))
        self.assert_all_there(accepted)
        self.assertGreater(self.faults.hits(), 0)
        self.assertEqual(set(self.mails().values()), {1})
        self.assertIn("the store takes changes again", d.log())
        d.stop()
        d.start()
        self.assert_all_there(accepted)

    def test_sync_fails(self):
        self.disturb(lambda: self.faults.sync("EIO"), "io")

    def test_writing_fails(self):
        self.disturb(lambda: self.faults.write("EIO"), "io")

    def test_read_only(self):
        self.disturb(lambda: self.faults.write("EROFS"), "read-only")

    def test_one_failed_sync_is_not_carried_over(self):
        _, d = self.mailing()
        self.assertEqual(d.submit(card_event("1", canary()))[0]["result"], "accepted")
        self.wait_all("delivered", 1)
        self.faults.sync("EIO", 1)
        self.assertEqual(d.submit(card_event("2", canary()))[0]["code"], "store")
        self.wait_well()
        self.assertIn(d.submit(card_event("2", canary()))[0]["result"], ("accepted", "duplicate"))
        self.wait_all("delivered", 2)
        self.assertEqual(list(self.mails().values()), [1, 1])


class File(FaultTest):
    def test_a_damaged_file_is_refused(self):
        d = self.start()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(200)])
        d.stop()
        path = d.dir / "store" / "store.db"
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        done = subprocess.run([program("pindispatchd"), "--config", str(d.config)], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("store.db", done.stderr)
        self.assertRegex(done.stderr, "damaged|malformed")

    def test_damage_while_it_runs_is_told(self):
        d = self.start()
        for first in range(0, 3000, 300):
            d.submit(*[card_event(f"e{n}", canary()) for n in range(first, first + 300)])
        d.stop()
        d.start(environment=self.faults.environment())
        path = d.dir / "store" / "store.db"
        with open(path, "r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))
        wait_until(lambda: d.submit(*[card_event(f"new-{n}", canary()) for n in range(20)])[-1].get("code") == "store",
                   "events to be refused")
        self.assertEqual(self.trouble(), "damaged")
        self.assertIn("damaged", d.ctl("status").stdout)
        time.sleep(3)
        self.assertEqual(self.trouble(), "damaged")
        self.assertEqual(d.submit(card_event("later", canary()))[0]["code"], "store")

    def test_a_second_daemon_is_refused(self):
        d = self.start()
        d.submit(card_event("1", canary()))
        done = subprocess.run([program("pindispatchd"), "--config", str(d.config)], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process has this store open", done.stderr)
        self.assertEqual(d.submit(card_event("2", canary()))[0]["result"], "accepted")
        self.assert_all_there(["1", "2"])

    def test_a_read_only_folder_is_refused(self):
        d = self.start()
        d.submit(card_event("1", canary()))
        d.stop()
        self.faults.write("EROFS")
        done = subprocess.run([program("pindispatchd"), "--config", str(d.config)], capture_output=True, text=True,
                              env={**os.environ, **self.faults.environment()}, timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("store.db", done.stderr)


class Clock(FaultTest):
    def test_forward_by_a_year_expires_nothing(self):
        server, d = self.mailing()
        port = server.port
        server.stop()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(5)])
        wait_until(lambda: d.channel("email")["trouble"], "the mail server's trouble")
        self.faults.clock(365 * DAY)
        wait_until(lambda: d.status() and "the clock went forward" in d.log(), "the jump in the log")
        time.sleep(1.5)
        self.assertEqual(d.status()["store"]["deliveries"]["expired"], 0)
        self.assertEqual(d.status()["clock"]["trouble"]["code"], "forward")
        self.assertIn("the clock went far ahead", d.ctl("status").stdout)
        self.faults.clock(0)
        wait_until(lambda: d.status() and "the clock went back" in d.log(), "the other jump in the log")
        self.assertIsNone(d.status()["clock"]["trouble"])
        self.come_back(port)
        self.wait_all("delivered", 5)

    def test_back_by_a_day_delays_nothing(self):
        self.faults.clock(DAY)
        server, d = self.mailing()
        port = server.port
        server.stop()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(5)])
        wait_until(lambda: d.channel("email")["trouble"], "the mail server's trouble")
        self.faults.clock(0)
        self.come_back(port)
        self.wait_all("delivered", 5, 30)
        self.assertEqual(d.ctl("audit", "verify").returncode, 0)

    def test_behind_at_the_start_delays_nothing(self):
        self.faults.clock(DAY)
        server, d = self.mailing()
        port = server.port
        server.stop()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(5)])
        wait_until(lambda: d.channel("email")["trouble"], "the mail server's trouble")
        d.stop()
        self.faults.clock(0)
        self.come_back(port)
        d.start(environment=self.faults.environment())
        self.wait_all("delivered", 5, 30)


class Pressure(FaultTest):
    def test_a_full_queue_is_busy(self):
        server, d = self.mailing(submit={"max_waiting": 10})
        port = server.port
        server.stop()
        answers = d.submit(*[card_event(f"e{n}", canary()) for n in range(15)])
        self.assertEqual([a["result"] for a in answers], 10 * ["accepted"] + 5 * ["rejected"])
        self.assertEqual({a["code"] for a in answers[10:]}, {"busy"})
        self.assertGreater(answers[10]["retry_after"], 0)
        self.come_back(port)
        self.wait_all("delivered", 10)
        answers = d.submit(*[card_event(f"e{n}", canary()) for n in range(10, 15)])
        self.assertEqual({a["result"] for a in answers}, {"accepted"})
        self.wait_all("delivered", 15)

    def test_a_stop_ends_within_its_bound(self):
        _, d = self.mailing({"mail": {"stall": True}}, top={"stop_after": "2s"})
        d.submit(card_event("1", canary()))
        wait_until(lambda: d.channel("email")["in_hand"] == 1, "the mail to be in hand")
        began = time.monotonic()
        self.assertEqual(d.stop(), 0)
        self.assertLess(time.monotonic() - began, 6)
        self.assertGreater(time.monotonic() - began, 1)
        self.assertIn("stop_after", d.log())


if __name__ == "__main__":
    unittest.main()
