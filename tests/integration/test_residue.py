"""What is left of PINs: nothing, in no form, wherever one could look for them after they were delivered or were not.

All PINs of a test are random and share a stem (residue.py). In each place where it is looked for, a mark is looked for
by the same means, and must be found; and with the wiping turned off (nowipe.c) PINs must be found in memory."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import residue  # noqa: E402
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, card_event, wait_until  # noqa: E402
from holders import Holders  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from tls import Authority  # noqa: E402

LAST_WORDS = """<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" viewBox="0 0 210 297"
    font-family="DejaVu Sans Mono" font-size="4"><text x="25" y="30">{{holder.name}}</text>
    <text x="25" y="60">{{secret}}</text></svg>"""
FINAL = ("delivered", "failed", "nopin", "dry-run", "cancelled", "in-doubt")


class ResidueTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-pki-")
        cls.addClassCleanup(folder.cleanup)
        cls.pki = Authority(folder.name).make()
        cls.holders = Holders(folder.name + "/holders").make()

    def setUp(self):
        self.stem, self.mark = residue.make_stem(), residue.make_stem()
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-residue-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o755)
        # Its path holds the mark, and settings hold the path: on the heap of dispatcher and workers.
        self.site = self.dir / self.mark
        (self.site / "tmp").mkdir(parents=True)
        self.environment = {"TMPDIR": str(self.site / "tmp"), "PINDISPATCH_TEST_MARK": self.mark}
        self.dispatcher = self.cups = None

    def secret(self):
        return residue.make_secret(self.stem)

    def events(self, first, count=1, puk=False):
        return [card_event(f"{self.mark}-{first}-{i}", self.secret(), self.secret() if puk else None)
                for i in range(count)]

    def protected_events(self, first, count, puk=False):
        events = self.events(first, count, puk)
        for event in events:
            event["data"]["holder"]["certificate"] = self.holders.text("rsa")
            event["data"]["password"] = self.secret() + "-password"  # never the PIN itself
        return events

    def start_cups(self):
        self.cups = PrivateCups(self.site / "cups").start()
        self.addCleanup(lambda: self.cups.stop())
        return {"server": self.cups.server}

    def start_mail(self, **script):
        script["tls"] = {"cert": self.pki.path("good.pem"), "key": self.pki.path("good.key")}
        server = ScriptedServer(script, self.dir / "mailbox", self.dir / "mails").start()
        self.addCleanup(server.stop)
        # The connection is still open when the memory is looked at: what the library keeps for it is looked at too.
        return {"server": f"localhost:{server.port}", "ca_file": self.pki.path("ca.pem"), "timeout": "10s",
                "keep": "1m"}

    def start(self, pin, puk="nopuk", *options, **groups):
        groups = {"workers": {"print": 1, "email": 1}, **groups}
        self.dispatcher = Dispatcher(self.site / "dispatcher", pin=pin, puk=puk, **groups)
        self.addCleanup(self.dispatcher.stop)
        self.dispatcher.start(*options, environment=self.environment)

    def deliver(self, *events, states=FINAL):
        answers = self.dispatcher.submit(*events)
        self.assertEqual({a["result"] for a in answers}, {"accepted"}, answers)
        deliveries = [d["id"] for a in answers for d in a["deliveries"]]
        return [self.dispatcher.wait_state(d, *states, seconds=60)["state"] for d in deliveries]

    # -- looking

    def processes(self):
        return [self.dispatcher.process.pid, *self.dispatcher.workers()]

    def wait_quiet(self):
        """Until no process does anything: a worker wipes after it has told what it did."""
        def times():
            return [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0:14:11]
                    for pid in self.processes()]
        before = None
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now = times()
            if now == before and all(state == "S" for state, _ in now):
                return
            before = now
            time.sleep(0.2)

    def memory(self):
        self.wait_quiet()
        pids = self.processes()
        self.assertGreater(len(pids), 1)
        for stem in (self.stem, self.mark):
            yield residue.ask_root(stem, pids)

    def assert_memory_clean(self):
        found, control = self.memory()
        self.assertEqual({pid: hits for pid, hits in found["memory"].items() if hits}, {})
        self.assertEqual(found["surfaces"], {})
        for pid, hits in control["memory"].items():
            self.assertTrue(any("plain" in hit for hit in hits if "[stack]" not in hit), f"{pid}: the mark is missed")
            self.assertIn("plain", control["surfaces"].get(f"/proc/{pid}/environ", []), "the mark is missed")
        self.assertIn("plain", control["surfaces"].get(f"/proc/{self.processes()[0]}/cmdline", []))

    def assert_files_clean(self):
        """All but the paper itself: what the printer printed."""
        paper = str(self.site / "cups" / "printed")
        found = residue.scan_files(self.site, self.stem)
        self.assertEqual({path: forms for path, forms in found.items() if not path.startswith(paper)}, {})
        control = residue.scan_files(self.site / "dispatcher" / "store", self.mark)
        # Names of files hold the mark too; the store holds it a second time, in its rows.
        self.assertTrue(any(path.endswith(("store.db", "store.db-wal")) for path in control))
        self.assertIn(self.mark.encode(), b"".join(p.read_bytes() for p in (self.site / "dispatcher" / "store").iterdir()))

    def assert_nothing_left(self):
        self.assert_memory_clean()
        self.assert_files_clean()


class Delivered(ResidueTest):
    def test_letters(self):
        self.start("print", "print", print=self.start_cups())
        self.assertEqual(set(self.deliver(*self.events("letter", 4, puk=True))), {"delivered"})
        self.assertEqual(len(self.cups.printed()), 8)
        self.assert_nothing_left()

    def test_letters_that_end_with_the_pin(self):
        # The library that sets lines keeps the glyphs of the last ones.
        templates = self.dir / "templates"
        templates.mkdir()
        (templates / "letter.svg").write_text(LAST_WORDS)
        self.start("print", print=self.start_cups(), templates={"directory": str(templates)})
        self.assertEqual(set(self.deliver(*self.events("last", 2))), {"delivered"})
        self.assert_nothing_left()

    def test_mails(self):
        self.start("email", "email", email=self.start_mail())
        self.assertEqual(set(self.deliver(*self.events("mail", 4, puk=True))), {"delivered"})
        # The mailbox is where PINs must be.
        self.assertTrue(residue.scan_files(self.dir, self.stem), "no PIN arrived")
        self.assert_nothing_left()
        for pid in self.processes():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.assertRegex(status, r"VmLck:\s+[1-9]", f"{pid} locks nothing")
            self.assertRegex(status, r"VmSwap:\s+0 kB")

    def protected(self, protection, **settings):
        self.start("email", "email", email={**self.start_mail(), "protection": protection, **settings})
        self.assertEqual(set(self.deliver(*self.protected_events(protection, 4, puk=True))), {"delivered"})
        # Not even what arrived shows a PIN, or a password.
        self.assertEqual(len(list((self.dir / "mails").iterdir())), 8)
        self.assertEqual(residue.scan_files(self.dir, self.stem), {})
        self.assert_nothing_left()

    def test_mails_by_smime(self):
        self.protected("smime")

    def test_mails_by_smime_authenticated(self):
        self.protected("smime", smime_cipher="aes-256-gcm")

    def test_mails_with_a_pdf(self):
        self.protected("pdf")

    def test_nopin(self):
        self.start("nopin")
        self.assertEqual(set(self.deliver(*self.events("nopin", 20))), {"nopin"})
        self.assert_nothing_left()

    def test_dry_run_masks(self):
        self.start("print", "email", "--dry-run")
        self.assertEqual(set(self.deliver(*self.events("dry", 2, puk=True))), {"dry-run"})
        folder = self.site / "dispatcher" / "store" / "dry-run"
        self.assertEqual(len(list(folder.glob("*.pdf")) + list(folder.glob("*.eml"))), 4)
        texts = [subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True).stdout
                 for pdf in folder.glob("*.pdf")]
        self.assertTrue(all(b"****" in b"".join(text.split()) for text in texts))
        self.assertFalse(any(residue.find_names(text, residue.forms(self.stem)) for text in texts))
        self.assert_memory_clean()
        self.assertEqual(residue.scan_files(self.site, self.stem), {})

    def test_the_scanner_finds_each_form(self):
        """Or a test that finds nothing says nothing."""
        pin = self.secret()
        groups = " ".join(pin[i:i + 4] for i in range(0, len(pin), 4))
        forms = {"plain": pin.encode(), "reversed": pin[::-1].encode(), "hex": pin.encode().hex().encode(),
                 "utf-16-le": pin.encode("utf-16-le"), "utf-16-be": pin.encode("utf-16-be"),
                 "utf-32-le": pin.encode("utf-32-le"), "utf-32-be": pin.encode("utf-32-be"),
                 "quoted-printable": b"".join(b"=%02X" % ord(c) for c in pin), "groups-of-4": groups.encode(),
                 "glyphs-20": b"".join((int(c) + 19).to_bytes(4, "little") + bytes(16) for c in pin)}
        for skip in range(3):
            whole = residue.base64.b64encode(b"xyz"[:skip] + pin.encode() + b"tail")
            self.assertTrue(residue.find_names(whole, residue.forms(self.stem)), whole)
        for name, form in forms.items():
            self.assertIn(name, residue.find_names(b"..." + form + b"...", residue.forms(self.stem)))
        self.assertEqual(residue.find_names(self.secret()[::2].encode() * 9, residue.forms(self.stem)), [])


class NotDelivered(ResidueTest):
    def test_failures_and_retries(self):
        mail = self.start_mail(rcpt=["451 4.3.0 Later", "550 5.1.1 Nobody of that name", None],
                               end=[None, "452 4.3.1 Full"])
        self.start("email", "print", email=mail, print=self.start_cups(),
                   retry={"first": "100ms", "max": "200ms", "give_up_after": "5s"})
        fault = self.site / "cups" / "printed" / "pin" / "fault"
        fault.write_text("fail\n")
        states = self.deliver(*self.events("trouble", 3, puk=True))
        self.assertIn("failed", states)
        self.assert_nothing_left()
        fault.unlink()
        for item in self.dispatcher.json("list", "--state", "failed"):
            self.dispatcher.ctl("retry", item["id"])
            self.dispatcher.wait_state(item["id"], *FINAL, seconds=60)
        self.assert_nothing_left()

    def test_refused_events(self):
        self.start("email", email=self.start_mail())
        good = self.events("refused")[0]
        wrong = [{**good, "type": "card.lost"}, {**good, "data": {**good["data"], "surplus": self.secret()}},
                 {**good, "data": {**good["data"], "pin": [self.secret()]}}, {**good, "id": self.secret() * 30},
                 self.secret(), '{"data":{"pin":"' + self.secret(), '{"pin":"' + self.secret() + '\\u0000"}',
                 "x" * 70000 + self.secret()]
        self.deliver(*self.events("taken"))
        answers = self.dispatcher.submit(*wrong)
        self.assertEqual({a["result"] for a in answers}, {"rejected"}, answers)
        self.assert_nothing_left()

    def test_cancelled_before_its_turn(self):
        self.start("email", email={"server": "localhost:1", "tls": "required", "timeout": "1s"})
        answer, = self.dispatcher.submit(*self.events("cancelled"))
        delivery = answer["deliveries"][0]["id"]
        self.dispatcher.wait_state(delivery, "deferred", "queued")
        wait_until(lambda: self.dispatcher.ctl("cancel", delivery, check=False).returncode == 0, "the cancel")
        self.dispatcher.wait_state(delivery, "cancelled")
        self.assert_nothing_left()


class Crashed(ResidueTest):
    def setUp(self):
        super().setUp()
        before = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        here = os.getcwd()
        os.chdir(self.site / "tmp")
        self.addCleanup(os.chdir, here)

    def die(self, pid, number):
        os.kill(pid, number)
        wait_until(lambda: pid not in self.processes()[1:] or not pathlib.Path(f"/proc/{pid}").exists(), "a death")

    def test_kills_and_cores(self):
        self.start("print", "email", print=self.start_cups(), email=self.start_mail(end={"delay": 0.3}))
        fault = self.site / "cups" / "printed" / "pin" / "fault"
        fault.write_text("slow 0.3\n")
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT):
            self.dispatcher.submit(*self.events(f"kill-{number}-{time.monotonic_ns()}", 3, puk=True))
            time.sleep(0.25)
            for pid in self.dispatcher.workers():
                os.kill(pid, number)
            time.sleep(0.25)
            self.dispatcher.process.send_signal(number)
            self.dispatcher.process.wait(20)
            self.dispatcher.start(environment=self.environment)
        fault.unlink()

        def settled():
            return all(item["state"] in FINAL for item in self.dispatcher.json("list", "--limit", 100))
        wait_until(settled, "all to be settled", 60)
        self.assertEqual([p for p in self.site.rglob("core*") if p.is_file()], [])
        self.assert_nothing_left()

    def test_none_can_be_read_or_dumped(self):
        self.start("nopin")
        self.wait_quiet()
        for pid in self.processes():
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            # Not dumpable: its files in /proc are root's even if the process is not.
            self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.assertIn("NoNewPrivs:\t1", status)


class Counterproof(ResidueTest):
    def start_unwiped(self, pin, puk, **groups):
        library = pathlib.Path(os.environ["PINDISPATCH_BIN"]).parent / "tests" / "libnowipe.so"
        self.assertTrue(library.exists(), f"{library} is not built (target nowipe)")
        self.environment["LD_PRELOAD"] = str(library)
        self.start(pin, puk, **groups)

    def test_without_wiping_pins_are_found(self):
        self.start_unwiped("print", "email", print=self.start_cups(), email=self.start_mail())
        self.assertEqual(set(self.deliver(*self.events("left", 2, puk=True))), {"delivered"})
        found, _ = self.memory()
        dispatcher, *workers = (found["memory"][str(pid)] for pid in self.processes())
        self.assertTrue(dispatcher, "nothing is found in the dispatcher")
        self.assertTrue(all(workers), "nothing is found in a worker")
        with self.assertRaises(AssertionError):
            self.assert_memory_clean()

    def assert_found_unwiped(self, protection):
        self.start_unwiped("email", "nopuk", email={**self.start_mail(), "protection": protection})
        self.assertEqual(set(self.deliver(*self.protected_events(protection, 2))), {"delivered"})
        found, _ = self.memory()
        _, *workers = (found["memory"][str(pid)] for pid in self.processes())
        self.assertTrue(any(workers), "nothing is found in a worker")

    def test_without_wiping_mails_by_smime_are_found(self):
        self.assert_found_unwiped("smime")

    def test_without_wiping_mails_with_a_pdf_are_found(self):
        self.assert_found_unwiped("pdf")


if __name__ == "__main__":
    unittest.main()
