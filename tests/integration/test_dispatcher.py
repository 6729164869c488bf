"""The dispatcher as a whole: identity of events, deadlines, kills, reload, --once, the dry run, size."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from cups import PrivateCups
from dispatcher import ROOT, Dispatcher, canary, card_event, end_worker, program, wait_until
from smtp_scripted import ScriptedServer


class DispatcherTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="pindispatch-test-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)

    def dispatcher(self, name="dispatcher", **options):
        d = Dispatcher(self.dir / name, **options)
        self.addCleanup(d.stop)
        return d

    def printing(self, **groups):
        """A dispatcher that prints on a private cupsd."""
        cups = PrivateCups(self.dir / "cups")
        self.addCleanup(cups.stop)
        cups.start()
        groups["print"] = {"server": cups.server, **groups.get("print", {})}
        return cups, self.dispatcher(pin="print", **groups)


class Identity(DispatcherTest):
    def test_the_same_event_again_is_a_duplicate(self):
        with self.dispatcher() as d:
            first = d.submit(card_event("e1", canary()))[0]
            again = d.submit(card_event("e1", canary()))[0]
            self.assertEqual(first["result"], "accepted")
            self.assertEqual(again["result"], "duplicate")
            self.assertEqual(first["deliveries"], again["deliveries"])
            self.assertEqual(len(d.json("list")), 1)

    def test_the_same_identity_for_another_card_is_a_conflict(self):
        with self.dispatcher() as d:
            d.submit(card_event("e1", canary()))
            other = d.submit(card_event("e1", canary(), name="Somebody Else"))[0]
            self.assertEqual((other["result"], other["code"]), ("rejected", "conflict"))
            self.assertEqual(len(d.json("list")), 1)

    def test_pin_and_puk_are_deliveries_of_their_own(self):
        with self.dispatcher() as d:
            answer = d.submit(card_event("e1", canary(), canary()))[0]
            self.assertEqual([(x["secret"], x["method"], x["state"]) for x in answer["deliveries"]],
                             [("pin", "nopin", "nopin"), ("puk", "nopuk", "nopin")])


class Configuration(DispatcherTest):
    SEED = """/*
Defines how the Card PIN is delivered to the end user.
Possible options:
 * print(default) - Prints out a PIN letter.
 * email - Sends the PIN as email.
 * nopin - No PIN delivery.
*/
CardsPINDeliveryMethod = "{}"
"""

    def check(self, text):
        path = self.dir / "seed.conf"
        path.write_text(text)
        return subprocess.run([program("pindispatchd"), "--config", str(path), "--check-config"], text=True,
                              capture_output=True, timeout=20, check=False)

    def test_a_public_key_that_is_missing_or_none_is_named(self):
        key = self.dir / "seal.pub.jwk"
        for content in (None, "junk", "{}"):
            if content is not None:
                key.write_text(content)
            done = self.check(f'seal: {{ public_key = "{key}"; }};\n')
            self.assertEqual(done.returncode, 2)
            self.assertIn(str(key), done.stderr)

    def test_the_seed_lines_are_a_configuration(self):
        self.dispatcher(pin="nopin").prepare()  # the key is all that they lack
        key = f'seal: {{ public_key = "{self.dir / "dispatcher" / "seal.pub.jwk"}"; }};\n'
        for value in ("print", "email", "nopin"):
            done = self.check(self.SEED.format(value) + key)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"PIN by {value}", done.stdout)

    def test_an_unknown_value_names_line_and_values(self):
        done = self.check(self.SEED.format("prnt"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{self.dir}/seed.conf:8:", done.stderr)
        for value in ("print", "email", "nopin"):
            self.assertIn(value, done.stderr.split("seed.conf:8:")[1])

    def test_a_reload_changes_what_is_accepted_from_then_on(self):
        d = self.dispatcher(pin="nopin")
        with d:
            d.submit(card_event("e1", canary()))
            d.ctl("method", "email")
            answer = d.submit(card_event("e2", canary()))[0]
            self.assertEqual(answer["deliveries"][0]["method"], "email")
            self.assertEqual(d.status()["methods"]["pin"], "email")
            self.assertEqual(d.submit(card_event("e1", canary()))[0]["deliveries"][0]["method"], "nopin")

    def test_a_reload_with_errors_keeps_the_old_configuration(self):
        d = self.dispatcher(pin="nopin")
        with d:
            good = d.config.read_text()
            d.config.write_text(good.replace('"nopin"', '"carrier-pigeon"'))
            d.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "was not reloaded" in d.log(), "the refusal in the log")
            self.assertEqual(d.submit(card_event("e1", canary()))[0]["deliveries"][0]["method"], "nopin")
            d.config.write_text(good)
            self.assertEqual(d.status()["generation"], 1)
            d.process.send_signal(signal.SIGHUP)
            wait_until(lambda: d.status()["generation"] == 2, "the second generation")

    def test_systemd_hands_over_its_sockets(self):
        d = self.dispatcher().prepare()
        code = ("import fcntl, os, sys, socket\n"
                "listening = [socket.socket(socket.AF_UNIX) for _ in range(2)]\n"
                "for s, path in zip(listening, sys.argv[1:3]):\n"
                "    s.bind(path); s.listen(8)\n"
                "high = [fcntl.fcntl(s, fcntl.F_DUPFD, 10) for s in listening]\n"
                "for n, fd in enumerate(high):\n"
                "    os.dup2(fd, 3 + n); os.close(fd)\n"
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='submit:control')\n"
                "os.execv(sys.argv[3], sys.argv[3:])\n")
        given = [str(self.dir / "given-submit"), str(self.dir / "given-control")]
        with open(d.log_path, "ab") as log:
            d.process = subprocess.Popen(["/usr/bin/python3", "-c", code, *given, program("pindispatchd"), "--config",
                                          str(d.config)], stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: " is ready: " in d.log(), "the dispatcher to be ready")
        self.assertFalse((d.dir / "submit.sock").exists())
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(given[0])
            s.sendall(json.dumps(card_event("e1", canary())).encode() + b"\n")
            self.assertEqual(json.loads(s.makefile().readline())["result"], "accepted")


class Reload(DispatcherTest):
    """What takes effect at the next start keeps its old value until then, in all programs."""

    def reload(self, d, change):
        """Changes the file and reloads; from then on D's commands go by the old file."""
        new = change(d.config.read_text())
        old = d.dir / "old.conf"
        old.write_text(d.config.read_text())
        d.config.write_text(new)
        d.config = old
        d.process.send_signal(signal.SIGHUP)
        wait_until(lambda: d.status()["generation"] == 2, "the second generation")

    def flagged(self):
        text = "".join(path.read_text() for path in (ROOT / "src").rglob("*.c"))
        return {row.split('"')[0] for row in text.split('{ .name = "')[1:] if ".restart = true" in row.split("},")[0]}

    def change_every_row(self, d):
        incoming, later = d.dir / "incoming", d.dir / "later"
        changes = {"store.path": (str(d.dir / "store" / "store.db"), str(later / "store.db")),
                   "submit.socket": (str(d.dir / "submit.sock"), str(later / "submit.sock")),
                   "control.socket": (str(d.dir / "control.sock"), str(later / "control.sock")),
                   "submit.directory": (str(incoming), str(later))}
        self.assertEqual(self.flagged(), {*changes, "dry_run", "store.backend"})  # that one has one value only

        def change(text):
            for old, new in changes.values():
                self.assertIn(f'"{old}"', text)
                text = text.replace(f'"{old}"', f'"{new}"')
            return text.replace("dry_run = false", "dry_run = true")

        self.reload(d, change)
        return {**changes, "dry_run": ("false", "true")}

    def test_every_row_that_waits_is_old_until_the_next_start(self):
        (self.dir / "dispatcher" / "incoming").mkdir(parents=True)
        server = ScriptedServer({}, self.dir / "record", self.dir / "kept").start()
        self.addCleanup(server.stop)
        d = self.dispatcher(pin="email", email={"server": f"localhost:{server.port}", "tls": "none-on-loopback"},
                            submit={"directory": self.dir / "dispatcher" / "incoming"})
        d.top = {"dry_run": False}
        d.prepare()
        d.groups["audit"] = {"private_key": d.dir / "audit.key.jwk", "public_key": d.dir / "audit.pub.jwk"}
        with d:
            changes = self.change_every_row(d)
            waiting = {row["setting"]: (row["in_force"], row["waiting"]) for row in d.status()["restart"]}
            self.assertEqual(waiting, changes)
            self.assertIn("waits for a restart: dry_run: false -> true", d.ctl("status").stdout)
            pin = canary()
            delivery = d.submit(card_event("e1", pin))[0]["deliveries"][0]["id"]
            self.assertEqual(d.wait_state(delivery, "delivered", "dry-run", "failed")["state"], "delivered")
            self.assertFalse((d.dir / "later").exists())
            self.assertGreater(d.json("audit", "verify")[0]["rows"], 0)

    def test_a_dry_run_stays_one_until_the_next_start(self):
        server = ScriptedServer({}, self.dir / "record", self.dir / "kept").start()
        self.addCleanup(server.stop)
        d = self.dispatcher(pin="email", email={"server": f"localhost:{server.port}", "tls": "none-on-loopback"})
        d.top = {"dry_run": True}
        with d:
            self.reload(d, lambda text: text.replace("dry_run = true", "dry_run = false"))
            self.assertEqual(d.status()["restart"], [{"setting": "dry_run", "in_force": "true", "waiting": "false"}])
            delivery = d.submit(card_event("e1", canary()))[0]["deliveries"][0]["id"]
            self.assertEqual(d.wait_state(delivery, "delivered", "dry-run", "failed")["state"], "dry-run")

    def test_status_tells_of_a_reload_that_was_refused(self):
        d = self.dispatcher(pin="nopin")
        with d:
            self.assertIsNone(d.status()["reload_refused"])
            good = d.config.read_text()
            (d.dir / "old.conf").write_text(good)
            d.config.write_text(good.replace('"nopin"', '"carrier-pigeon"'))
            written, d.config = d.config, d.dir / "old.conf"
            d.process.send_signal(signal.SIGHUP)
            refused = wait_until(lambda: d.status()["reload_refused"], "the refusal in status")
            self.assertEqual(refused["where"], f"{written}:1")
            self.assertIn("the last reload was refused at ", d.ctl("status").stdout)
            written.write_text(good)
            d.process.send_signal(signal.SIGHUP)
            wait_until(lambda: d.status()["reload_refused"] is None, "the refusal to be over")


class Kills(DispatcherTest):
    def test_a_stopped_worker_costs_one_attempt(self):
        cups, d = self.printing(workers={"print": 1, "email": 1, "deadline": "1s"})
        with d:
            wait_until(lambda: d.channel("print")["workers"]["running"] == 1, "the print worker")
            for pid in d.workers():
                os.kill(pid, signal.SIGSTOP)
            delivery = d.submit(card_event("e1", canary()))[0]["deliveries"][0]["id"]
            self.assertEqual(d.submit(card_event("e2"), card_event("e3", canary()))[1]["result"], "accepted")
            shown = d.wait_state(delivery, "delivered")
            self.assertEqual(len(cups.printed()), len({uuid for uuid, _ in cups.printed()}))
            self.assertIn("deadline", [row.get("detail", {}).get("code") for row in shown["audit"]])

    def stopped(self, d):
        """The workers, which have nothing in hand, and hang."""
        workers = wait_until(lambda: all(d.channel(m)["workers"]["running"] for m in ("print", "email")) and d.workers(),
                             "the workers")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        return workers

    def test_an_idle_worker_that_hangs_is_replaced(self):
        _, d = self.printing(workers={"print": 1, "email": 1, "deadline": "1s"})
        with d:
            hung = set(self.stopped(d))
            wait_until(lambda: hung - set(d.workers()), "its end by a sweep that is not answered")
            wait_until(lambda: d.channel("print")["workers"]["running"] == 1, "another worker")

    def test_no_worker_outlives_an_orderly_end(self):
        _, d = self.printing()
        for stop_after in ("30s", "0s"):
            d.top["stop_after"] = stop_after
            d.start()
            workers, start = self.stopped(d), time.monotonic()
            self.assertEqual(d.stop(), 0)
            self.assertLess(time.monotonic() - start, 20)
            self.assertEqual([pid for pid in workers if end_worker(pid)], [])

    def test_a_killed_worker_is_replaced(self):
        _, d = self.printing(workers={"print": 1, "email": 1})
        with d:
            wait_until(d.workers, "workers")
            d.kill_workers()
            delivery = d.submit(card_event("e1", canary()))[0]["deliveries"][0]["id"]
            d.wait_state(delivery, "delivered")

    def test_what_was_accepted_survives_a_kill(self):
        cups, d = self.printing()
        d.start()
        cups.pause()
        ids = []
        for round_number in range(3):
            answers = d.submit(*[card_event(f"e{round_number}-{n}", canary()) for n in range(10)])
            ids += [a["deliveries"][0]["id"] for a in answers]
            d.kill()
            d.start()
        self.assertEqual(len(d.json("list")), 30)
        cups.resume()
        for delivery in ids:
            self.assertEqual(d.wait_state(delivery, "delivered", "in-doubt", "failed")["state"], "delivered")
        uuids = [uuid for uuid, _ in cups.printed()]
        self.assertEqual(sorted(uuids), sorted(ids))

    def test_a_mail_in_hand_at_a_kill_is_sent_again_under_its_message_id(self):
        server = ScriptedServer({"end": {"stall": True}})
        server.start()
        self.addCleanup(server.stop)
        d = self.dispatcher(pin="email", email={"server": f"127.0.0.1:{server.port}", "tls": "none-on-loopback"})
        d.start()
        delivery = d.submit(card_event("e1", canary()))[0]["deliveries"][0]["id"]
        d.wait_state(delivery, "sending")
        d.kill()
        d.start()
        d.wait_state(delivery, "deferred", "sending")
        self.assertIn("restart", [row.get("detail", {}).get("code") for row in d.show(delivery)["audit"]])


class Operators(DispatcherTest):
    def test_a_letter_comes_back_from_the_spooler(self):
        cups, d = self.printing()
        with d:
            cups.fault("slow 8")
            printing, waiting = (d.submit(card_event(f"e{n}", canary()))[0]["deliveries"][0]["id"] for n in range(2))
            d.wait_state(printing, "spooled")
            d.wait_state(waiting, "spooled")
            done = d.ctl("cancel", "--reason", "wrong card", waiting)
            self.assertIn("cancelled", done.stdout)
            shown = d.show(waiting)
            self.assertEqual((shown["state"], shown["sealed"]), ("cancelled", False))
            self.assertEqual((shown["audit"][-1]["cause"], shown["audit"][-1]["words"]),
                             ("operator:cancel", "wrong card"))
            self.assertEqual(d.wait_state(printing, "delivered")["state"], "delivered")
            self.assertEqual([uuid for uuid, _ in cups.printed()], [printing])


class Once(DispatcherTest):
    def test_once_delivers_the_drop_directory_and_ends(self):
        drop = self.dir / "incoming"
        drop.mkdir()
        _, d = self.printing(submit={"directory": str(drop)})
        (drop / "cards.ndjson").write_text(json.dumps(card_event("e1", canary())) + "\n")
        self.assertEqual(d.once(), 0)
        self.assertEqual(list(drop.glob("*.ndjson")), [])
        with d:
            self.assertEqual([x["state"] for x in d.json("list")], ["delivered"])

    def test_once_says_when_something_is_left(self):
        d = self.dispatcher(pin="print", print={"server": str(self.dir / "nowhere.sock")})
        with d:
            d.submit(card_event("e1", canary()))
        self.assertEqual(d.once(), 1)


class DryRun(DispatcherTest):
    def test_it_renders_masked_and_leaves_the_real_store_alone(self):
        pin, puk = canary(), canary()
        d = self.dispatcher(pin="print", puk="email", print={"server": str(self.dir / "nowhere.sock")})
        with d:
            real = d.submit(card_event("real", canary()))[0]["deliveries"][0]["id"]
        d.start("--dry-run")
        answer = d.submit(card_event("e1", pin, puk))[0]
        for delivery in answer["deliveries"]:
            shown = d.wait_state(delivery["id"], "dry-run")
            document = pathlib.Path(shown["outcome"]["evidence"]["file"])
            self.assertEqual(document.parent, d.dir / "store" / "dry-run")
            self.assertEqual(document.stat().st_mode & 0o777, 0o600)
        text = subprocess.run(["pdftotext", str(next(document.parent.glob("*.pdf"))), "-"], capture_output=True,
                              text=True, check=True, timeout=20).stdout
        self.assertIn("Åsa Öberg", text)
        self.assertNotIn(pin, text.replace(" ", ""))
        mail = next(document.parent.glob("*.eml")).read_text()
        self.assertNotIn(puk, mail)
        d.stop()
        d.start()
        self.assertIn(d.state(real), ("queued", "deferred", "sending"))


class Size(DispatcherTest):
    def test_a_hundred_thousand_waiting_cost_little(self):
        d = self.dispatcher(pin="print", print={"server": str(self.dir / "nowhere.sock")})
        with d:
            lines = self.dir / "events.ndjson"
            event = json.dumps(card_event("EVENT-ID", "1234567"))
            with lines.open("w") as out:
                for n in range(100_000):
                    out.write(event.replace("EVENT-ID", f"e{n}") + "\n")
            done = d.ctl("submit", lines, check=True)
            self.assertIn("100000 accepted", done.stdout + done.stderr)
            started = time.monotonic()
            status = d.status()
            print(f"(status of 100,000 deliveries after {1000 * (time.monotonic() - started):.0f} ms)", end=" ")
            waiting = status["store"]["deliveries"]
            self.assertEqual(waiting["queued"] + waiting["deferred"] + waiting["sending"], 100_000)
            memory = pathlib.Path(f"/proc/{d.process.pid}/status").read_text()
            resident = int(memory.split("VmRSS:")[1].split()[0])
            print(f"({resident // 1024} MiB resident)", end=" ")
            self.assertLess(resident, 64 * 1024)


if __name__ == "__main__":
    unittest.main()
