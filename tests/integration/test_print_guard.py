"""The spool guard against a real cupsd: queues that are unsafe for PINs are told, or letters wait."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402


class GuardTest(unittest.TestCase):
    def begin(self, guard="warn", printer="pin", **cups):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-guard-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.cups = PrivateCups(self.dir / "cups", **cups).start()
        self.addCleanup(lambda: self.cups.stop())
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="print", workers={"print": 1}, print={
            "server": self.cups.server, "printer": printer, "spool_guard": guard})
        self.addCleanup(self.dispatcher.stop)

    def lpadmin(self, *options, printer="pin"):
        self.cups._run("lpadmin", "-p", printer, *options)

    def deliver(self, event_id="1", state="delivered"):
        (answer,) = self.dispatcher.submit(card_event(event_id, canary(6)))
        (delivery,) = [d["id"] for d in answer["deliveries"] if d["method"] == "print"]
        return delivery, self.dispatcher.wait_state(delivery, state)["outcome"]

    def findings(self):
        return [f["code"] for f in self.dispatcher.channel("print").get("findings", [])]

    def trouble(self):
        return (self.dispatcher.channel("print").get("trouble") or {}).get("code")

    def assert_warned(self, code, command):
        """The letter comes out, and both `status` and the letter's evidence name what is wrong."""
        self.dispatcher.start()
        _, outcome = self.deliver()
        self.assertEqual(outcome["evidence"]["guard"], [code])
        self.assertEqual(self.findings(), [code])
        self.assertRegex(self.dispatcher.ctl("status").stdout, rf"print is unsafe: .*{command}")
        self.assertIn("print is unsafe", self.dispatcher.log())
        self.assertEqual(len(self.cups.printed()), 1)


class Warn(GuardTest):
    def test_clean_queue(self):
        self.begin()
        self.dispatcher.start()
        _, outcome = self.deliver()
        self.assertEqual(outcome["evidence"]["document"], "gone")
        self.assertNotIn("guard", outcome["evidence"])
        self.assertEqual(self.dispatcher.channel("print")["findings"], [])
        self.assertNotIn("unsafe", self.dispatcher.ctl("status").stdout)

    def test_banner(self):
        self.begin()
        self.lpadmin("-o", "job-sheets-default=standard,none")
        self.assert_warned("queue-banner", "job-sheets-default=none,none")

    def test_error_policy(self):
        self.begin()
        self.lpadmin("-o", "printer-error-policy=retry-job")
        self.assert_warned("queue-reprints", "printer-error-policy=abort-job")

    def test_shared(self):
        self.begin()
        self.lpadmin("-o", "printer-is-shared=true")
        self.assert_warned("queue-shared", "printer-is-shared=false")

    def test_class(self):
        self.begin(printer="letters")
        self.cups._run("lpadmin", "-p", "pin", "-c", "letters")
        self.cups._run("cupsaccept", "letters")
        self.cups._run("cupsenable", "letters")
        self.cups._run("lpadmin", "-p", "letters", "-o", "printer-is-shared=false")
        self.dispatcher.start()
        _, outcome = self.deliver()
        self.assertIn("queue-class", outcome["evidence"]["guard"])
        self.assertIn("queue-class", self.findings())

    def test_kept_documents(self):
        self.begin(defaults=True)
        self.dispatcher.start()
        _, outcome = self.deliver("1")
        self.assertEqual(outcome["evidence"]["document"], "kept")
        _, outcome = self.deliver("2")
        self.assertEqual(outcome["evidence"]["guard"], ["spool-keeps-documents"])
        self.assertEqual(self.findings(), ["spool-keeps-documents"])

    def test_what_is_mended_is_no_longer_told(self):
        self.begin()
        self.lpadmin("-o", "printer-error-policy=retry-job")
        self.dispatcher.start()
        self.deliver("1")
        self.assertEqual(self.findings(), ["queue-reprints"])
        self.lpadmin("-o", "printer-error-policy=abort-job")
        _, outcome = self.deliver("2")
        self.assertNotIn("guard", outcome["evidence"])
        self.assertEqual(self.findings(), [])


class Require(GuardTest):
    def assert_refused(self, code):
        (answer,) = self.dispatcher.submit(card_event("waits", canary(6)))
        wait_until(lambda: self.trouble() == code, f"{code} to be told")
        self.assertEqual(self.cups.jobs(), [])
        return answer["deliveries"][0]["id"]

    def test_clean_queue(self):
        self.begin("require")
        self.dispatcher.start()
        self.deliver()

    def test_letters_wait_until_the_queue_is_mended(self):
        self.begin("require")
        self.lpadmin("-o", "printer-error-policy=retry-current-job")
        self.dispatcher.start()
        delivery = self.assert_refused("queue-reprints")
        self.assertEqual(self.cups.printed(), [])
        self.lpadmin("-o", "printer-error-policy=abort-job")
        self.dispatcher.wait_state(delivery, "delivered")

    def test_no_letter_goes_over_the_network_in_clear(self):
        self.begin("require")
        backend = self.dir / "cups/bin/backend"
        shutil.copy(backend / "capture", backend / "socket")  # lpadmin wants to see one; none is ever run
        self.lpadmin("-v", "socket://192.0.2.1:9100")
        self.dispatcher.start()
        self.assert_refused("device-unencrypted")

    def test_kept_documents_stop_the_next_letter(self):
        self.begin("require", defaults=True)
        self.dispatcher.start()
        _, outcome = self.deliver("1")  # nothing has ended here yet: this one shows it
        self.assertEqual(outcome["evidence"]["document"], "kept")
        delivery = self.assert_refused("spool-keeps-documents")
        self.assertEqual(len(self.cups.printed()), 1)
        # Another session sees it before its first letter.
        self.dispatcher.stop()
        self.dispatcher.start()
        wait_until(lambda: self.trouble() == "spool-keeps-documents", "the new worker to find it")
        self.assertEqual(len(self.cups.printed()), 1)
        # With PreserveJobFiles No, cupsd removes what it kept, and the letter goes out by itself.
        self.cups.stop()
        self.cups.defaults = False
        self.cups.start()
        self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual(self.findings(), [])


if __name__ == "__main__":
    unittest.main()
