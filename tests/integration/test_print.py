"""Letters, from the event to the paper: a real dispatcher, a real cupsd, a printer that keeps what it prints."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import cups_relay  # noqa: E402
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402

# A server that does not let us subscribe, and prints.
NO_SUBSCRIPTIONS = """\
DefaultPolicy closed
<Policy closed>
  JobPrivateAccess default
  JobPrivateValues default
  SubscriptionPrivateAccess default
  SubscriptionPrivateValues default
  <Limit Create-Printer-Subscription Get-Subscriptions>
    AuthType Basic
    Require user @SYSTEM
    Order deny,allow
  </Limit>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""


def text_of(pdf):
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout


class PrintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-print-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.cups = PrivateCups(self.dir / "cups").start()
        self.addCleanup(lambda: self.cups.stop())
        self.dispatcher = self.make_dispatcher()

    def make_dispatcher(self, puk="nopuk", **groups):
        groups = {"print": {"server": self.cups.server}, **groups}
        dispatcher = Dispatcher(self.dir / "dispatcher", pin="print", puk=puk, **groups)
        self.addCleanup(dispatcher.stop)
        return dispatcher

    def submit(self, *events):
        """The ids of the deliveries of EVENTS."""
        answers = self.dispatcher.submit(*events)
        self.assertEqual({a["result"] for a in answers}, {"accepted"}, answers)
        return [d["id"] for a in answers for d in a["deliveries"] if d["method"] == "print"]

    def begin_slowly(self, seconds, *events):
        """Deliveries: the first is being printed, which takes so long, the others are at the spooler."""
        self.cups.fault(f"slow {seconds}")
        deliveries = self.submit(*events)
        wait_until(lambda: len(self.cups.jobs()) == len(events), "all to be at the spooler")
        wait_until(lambda: "now printing" in self.cups.lpstat("-p", "pin"), "the first to be printed")
        return deliveries

    def wait_delivered(self, deliveries, seconds=60):
        """One question for all: asking for each takes a process each."""
        def all_delivered():
            states = {item["id"]: item["state"] for item in self.dispatcher.json("list", "--limit", 1000)}
            return {states.get(d) for d in deliveries} == {"delivered"}
        wait_until(all_delivered, "all to be delivered", seconds)

    def prints_of(self, *deliveries):
        printed = [job for job, _ in self.cups.printed()]
        return [printed.count(d) for d in deliveries]

    def assert_each_printed_once(self, deliveries):
        self.assertEqual(self.prints_of(*deliveries), [1] * len(deliveries))


class Letter(PrintTest):
    def test_event_becomes_letter(self):
        pin = canary(8)
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", pin))
        shown = self.dispatcher.wait_state(delivery, "delivered")
        ((job, pdf),) = self.cups.printed()
        self.assertEqual(job, delivery)
        text = text_of(pdf)
        self.assertIn("Åsa Öberg", text)
        self.assertIn(pin, "".join(text.split()))
        evidence = shown["outcome"]["evidence"]
        self.assertEqual(evidence["job_uuid"], f"urn:uuid:{delivery}")
        self.assertEqual(evidence["printer"], "pin")
        self.assertEqual(evidence["job_state"], "completed")
        self.assertEqual((evidence["sheets"], evidence["proof"], evidence["released"]), (1, "sheets", True))

    def test_pin_and_puk_are_two_letters(self):
        self.dispatcher = self.make_dispatcher(puk="print")
        pin, puk = canary(8), canary(8)
        self.dispatcher.start()
        deliveries = self.submit(card_event("1", pin, puk))
        self.assertEqual(len(deliveries), 2)
        self.wait_delivered(deliveries)
        texts = ["".join(text_of(pdf).split()) for _, pdf in self.cups.printed()]
        self.assertEqual(sorted((pin in t, puk in t) for t in texts), [(False, True), (True, False)])

    def test_nothing_of_the_pin_stays_anywhere_but_on_paper(self):
        pin = canary()
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", pin))
        self.dispatcher.wait_state(delivery, "delivered")
        for folder in ("dispatcher", "cups/spool", "cups/cache", "cups/log", "cups/tmp"):
            found = subprocess.run(["grep", "-raF", pin, str(self.dir / folder)], capture_output=True, check=False)
            self.assertEqual(found.returncode, 1, f"{folder}: {found.stdout[:200]} {found.stderr[:200]}")
        self.assertEqual(list((self.dir / "cups/spool").glob("d*")), [])

    def test_many_letters(self):
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(80)))
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)


class Trouble(PrintTest):
    def trouble(self):
        return (self.dispatcher.channel("print").get("trouble") or {}).get("code")

    def test_stopped_queue(self):
        self.cups.pause()
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(20)))
        wait_until(lambda: self.trouble() == "printer-stopped", "the trouble to be told")
        shown = self.dispatcher.ctl("status").stdout
        self.assertRegex(shown, r"(?m)^print +.* pin +printer-stopped")  # the queue and the cause
        self.assertRegex(shown, r"print since .*stopped")
        self.assertEqual(self.cups.jobs(), [])  # no letter lies in the spool of a printer that stands
        self.cups.resume()
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)
        self.assertIsNone(self.trouble())

    def test_server_is_away_for_a_while(self):
        self.cups.stop()
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(5)))
        wait_until(lambda: self.trouble() == "server-gone", "the trouble to be told")
        self.cups.start()
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)

    def test_jam_fails_and_retry_prints(self):
        """By a printer that counts its sheets, as an earlier letter has shown: none came out."""
        self.dispatcher.start()
        (first,) = self.submit(card_event("0", canary(6)))
        self.dispatcher.wait_state(first, "delivered")
        self.cups.fault("fail")
        (delivery,) = self.submit(card_event("1", canary(6)))
        shown = self.dispatcher.wait_state(delivery, "failed")
        self.assertEqual(shown["outcome"]["code"], "job-aborted")
        self.assertIn("jammed", shown["outcome"]["reason"])
        self.cups.fault()
        self.dispatcher.ctl("retry", delivery)
        shown = self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual(len(self.cups.printed()), 2)
        # A letter of its own, that nobody takes for the first.
        self.assertEqual(shown["copy"], 2)
        self.assertNotEqual(shown["job_uuid"], delivery)
        details = [row.get("detail") or {} for row in shown["audit"] if row["cause"] == "operator:retry"]
        self.assertEqual([(d.get("copy"), d.get("job_uuid")) for d in details], [(2, shown["job_uuid"])])

    def test_printer_that_ends_every_letter_is_in_outage(self):
        """Few letters believe in it; mended, all others come out by themselves."""
        self.dispatcher.start()
        self.cups.fault("fail")
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(200)))
        wait_until(lambda: self.trouble() in ("job-aborted", "recalled"), "the outage to be told")
        lost = ("failed", "in-doubt")
        wait_until(lambda: sum(self.count(state) for state in ("sending", "spooled")) == 0, "the printer to be left alone")
        self.assertLessEqual(sum(self.count(state) for state in lost), 10)
        self.cups.fault()
        wait_until(lambda: sum(self.count(state) for state in ("delivered", *lost)) == len(deliveries), "the rest to come out", 60)
        self.assertLessEqual(sum(self.count(state) for state in lost), 10)
        self.assertIsNone(self.trouble())

    def count(self, state):
        return self.dispatcher.status()["store"]["deliveries"][state]

    def test_letter_is_taken_back_from_the_printer(self):
        self.dispatcher.start()
        self.cups.fault("slow 6")
        (printing,) = self.submit(card_event("0", canary(6)))
        wait_until(lambda: "now printing" in self.cups.lpstat("-p", "pin"), "the letter to be printed")
        (waiting,) = self.submit(card_event("1", canary(6)))
        self.dispatcher.wait_state(waiting, "spooled")
        # Refused while a worker looks at it.
        wait_until(lambda: self.dispatcher.ctl("cancel", waiting, check=False).returncode == 0, "the letter to be back")
        self.assertEqual(self.dispatcher.show(waiting)["outcome"]["code"], "withdrawn")
        self.dispatcher.wait_state(printing, "delivered")
        self.assertEqual(self.prints_of(printing, waiting), [1, 0])
        self.assertEqual(self.cups.jobs(), [])

    def test_printer_stops_with_letters_in_its_queue(self):
        self.cups.fault("stop")
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(3)))
        wait_until(lambda: self.trouble() == "printer-stopped", "the trouble to be told")
        self.cups.fault()
        self.cups.resume()
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)


class Interruption(PrintTest):
    def test_dispatcher_killed_at_any_moment(self):
        random.seed(2)
        deliveries = []
        for turn in range(3):
            self.dispatcher.start()
            deliveries += self.submit(*(card_event(f"{turn}-{n}", canary(6)) for n in range(20)))
            time.sleep(random.uniform(0.02, 0.3))
            self.dispatcher.kill()
        self.dispatcher.start()
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)
        self.assertEqual(self.cups.jobs(), [])  # nothing is left held

    def test_letter_on_its_way_is_adopted(self):
        self.dispatcher.start()
        (delivery,) = self.begin_slowly(2, card_event("1", canary(6)))
        self.dispatcher.kill()
        self.dispatcher.start()
        shown = self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual(shown["outcome"]["code"], "printed")  # cupsd lived all the time
        self.assert_each_printed_once([delivery])

    def test_letter_that_was_printed_before_cupsd_was_restarted(self):
        self.dispatcher.start()
        (delivery,) = self.begin_slowly(1, card_event("1", canary(6)))
        self.dispatcher.kill()
        wait_until(lambda: not self.cups.jobs(), "its end")
        self.cups.stop(hard=True)
        self.cups.start()
        self.dispatcher.start()
        shown = self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual(shown["outcome"]["code"], "printed")
        self.assert_each_printed_once([delivery])

    def restart_amid_a_letter(self, seen=False):
        """The evidence. SEEN: we saw it being printed before."""
        self.dispatcher.start()
        (delivery,) = self.begin_slowly(3, card_event("1", canary(6)))
        wait_until(lambda: not seen or self.dispatcher.show(delivery)["outcome"]["code"] == "printing", "a look at it")
        began = int(time.time())
        wait_until(lambda: time.time() >= began + 1, "another second: beginnings are told in seconds")
        self.cups.stop(hard=True)
        self.cups.start()
        outcome = self.dispatcher.wait_state(delivery, "delivered")["outcome"]
        self.assertIn(self.prints_of(delivery), ([1], [2]))  # as far as the first one came
        self.assertEqual((outcome["code"], outcome["evidence"]["proof"]), ("maybe-twice", "reprint-possible"), outcome)
        self.assertIn("second letter", self.dispatcher.log())
        return outcome["evidence"]

    def test_letter_that_cupsd_prints_again_is_told(self):
        self.assertIn("/", self.restart_amid_a_letter()["life"])  # it told its start

    def test_the_same_where_nobody_may_subscribe(self):
        self.cups.stop()
        self.cups.extra = NO_SUBSCRIPTIONS
        self.cups.start()
        self.assertNotIn("life", self.restart_amid_a_letter(seen=True))  # another beginning tells

    def test_worker_killed_at_any_moment(self):
        random.seed(3)
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(40)))
        for _ in range(4):
            time.sleep(random.uniform(0.01, 0.2))
            self.dispatcher.kill_workers()
        self.wait_delivered(deliveries)
        self.assert_each_printed_once(deliveries)

    def test_requests_lost_amid_a_batch(self):
        relay = self.dir / "relay.sock"
        cups_relay.Relay(self.cups.server, relay, self.dir / "lose")
        self.dispatcher = self.make_dispatcher(print={"server": relay}, workers={"print": 1}, retry={"first": "50ms"})
        self.dispatcher.start()
        for operation in ("0x0005", "0x0006", "0x000a", "0x000d"):  # Create-Job, Send-Document, Get-Jobs, Release-Job
            for how in ("", " before", " early"):
                with self.subTest(operation + how):
                    (self.dir / "lose").write_text(operation + how)
                    deliveries = self.submit(*(card_event(f"{operation}{how}{n}", canary(6)) for n in range(5)))
                    self.wait_delivered(deliveries)
                    self.assertFalse((self.dir / "lose").exists(), "nothing was lost")
                    self.assert_each_printed_once(deliveries)
        self.assertEqual(self.cups.jobs(), [])

    def test_worker_that_hangs(self):
        self.dispatcher = self.make_dispatcher(workers={"deadline": "1s", "print": 1})
        self.dispatcher.start()
        (first,) = self.submit(card_event("0", canary(6)))
        self.dispatcher.wait_state(first, "delivered")
        for pid in self.dispatcher.workers():
            os.kill(pid, signal.SIGSTOP)
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(1, 4)))
        self.wait_delivered(deliveries)
        self.assert_each_printed_once([first, *deliveries])


if __name__ == "__main__":
    unittest.main()
