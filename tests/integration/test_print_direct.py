"""Letters straight to an IPP Everywhere printer, without a CUPS server and its spool: ippeveprinter."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import cups_relay  # noqa: E402
import pwg  # noqa: E402
import tls  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402
from ippeve import DirectPrinter  # noqa: E402


def text_of(pdf):
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout


def darkest_near(pixels, width, y, n):
    """Of each of N pixels of a row the darkest one around it: glyphs lie where their renderer rounds to."""
    rows = [pixels[k * width:][:n] for k in range(y - 2, y + 3)]
    column = bytes(map(min, *rows))
    white = b"\xff\xff"
    around = white + column + white
    return bytes(map(min, *(around[k:][:n] for k in range(5))))


class DirectTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-direct-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def begin(self, scheme="ipp", settings=None, groups=None, **printer):
        self.printer = DirectPrinter(self.dir / "printer", **printer)
        self.addCleanup(lambda: self.printer.stop())
        self.printer.start()
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="print", **{
            "print": {"printer": self.printer.uri(scheme), **(settings or {})}, **(groups or {})})
        self.addCleanup(self.dispatcher.stop)
        return self.dispatcher

    def submit(self, *events):
        answers = self.dispatcher.submit(*events)
        self.assertEqual({a["result"] for a in answers}, {"accepted"}, answers)
        return [d["id"] for a in answers for d in a["deliveries"] if d["method"] == "print"]

    def wait_all(self, deliveries, state="delivered", seconds=60):
        def all_there():
            states = {item["id"]: item["state"] for item in self.dispatcher.json("list", "--limit", 1000)}
            return {states.get(d) for d in deliveries} == {state}
        wait_until(all_there, f"all to be {state}", seconds)

    def wait_printing(self):
        wait_until(lambda: "Send-Document successful-ok" in self.printer.log(), "a letter to be at the printer")

    def assert_each_printed_once(self, deliveries):
        self.assertEqual(sorted(job for job, _ in self.printer.printed()), sorted(deliveries))


class Pdf(DirectTest):
    def test_letter(self):
        pin = canary(8)
        self.begin().start()
        (delivery,) = self.submit(card_event("1", pin))
        shown = self.dispatcher.wait_state(delivery, "delivered")
        ((job, path),) = self.printer.printed()
        self.assertEqual(job, delivery)
        self.assertIn(pin, "".join(text_of(path).split()))
        evidence = shown["outcome"]["evidence"]
        self.assertEqual((evidence["job_uuid"], evidence["job_state"]), (f"urn:uuid:{delivery}", "completed"))
        self.assertRegex(evidence["printer_job_uuid"], "^urn:uuid:")
        self.assertNotEqual(evidence["printer_job_uuid"], evidence["job_uuid"])
        self.assertNotIn(pin, self.printer.log())

    def test_over_tls(self):
        (self.dir / "tls").mkdir()
        tls.Authority(str(self.dir / "tls")).make()
        certificate = [self.dir / "tls" / "good.pem", self.dir / "tls" / "good.key"]
        self.begin("ipps", {"ca_file": self.dir / "tls" / "ca.pem"}, certificate=certificate).start()
        (delivery,) = self.submit(card_event("1", canary(8)))
        self.dispatcher.wait_state(delivery, "delivered")
        self.assert_each_printed_once([delivery])

    def test_a_printer_that_prints_one_letter_at_a_time(self):
        self.begin()
        self.printer.slow(0.3)
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(8)))
        self.wait_all(deliveries)
        self.assert_each_printed_once(deliveries)

    def test_printer_is_away_for_a_while(self):
        self.begin()
        self.printer.stop()
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        wait_until(lambda: self.dispatcher.channel("print").get("trouble"), "the trouble to be told")
        self.printer.start()
        self.dispatcher.wait_state(delivery, "delivered")
        self.assert_each_printed_once([delivery])

    def test_an_end_with_the_paper_in_the_tray(self):
        self.begin()
        (self.dir / "printer/fails").touch()
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        shown = self.dispatcher.wait_state(delivery, "in-doubt", "failed", "delivered")
        self.assertEqual((shown["state"], shown["outcome"]["code"]), ("in-doubt", "job-aborted"))
        self.assert_each_printed_once([delivery])

    def test_a_printer_that_takes_no_letters_is_named(self):
        self.begin(formats="image/jpeg").start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        trouble = wait_until(lambda: self.dispatcher.channel("print").get("trouble"), "the trouble to be told")
        self.assertEqual(trouble["code"], "printer-unfit")
        self.assertIn("neither PDF nor PWG Raster", trouble["reason"])
        self.assertEqual(self.dispatcher.wait_state(delivery, "deferred")["state"], "deferred")


class Raster(DirectTest):
    def expected(self, event):
        """The same letter as poppler draws its PDF."""
        path = self.dir / "event.json"
        path.write_text(json.dumps(event))
        self.dispatcher.ctl("preview", path, "--method", "print", "--reveal", "-o", self.dir / "letter.pdf")
        subprocess.run(["pdftoppm", "-gray", "-r", "300", self.dir / "letter.pdf", self.dir / "page"], check=True)
        (page,) = self.dir.glob("page*.pgm")
        magic, size, most, pixels = page.read_bytes().split(b"\n", 3)
        self.assertEqual((magic, most), (b"P5", b"255"))
        return *map(int, size.split()), pixels

    def test_letter_as_pwg_raster(self):
        pin = canary(8)
        event = card_event("1", pin)
        self.begin(formats="image/pwg-raster").start()
        (delivery,) = self.submit(event)
        self.dispatcher.wait_state(delivery, "delivered")
        ((job, path),) = self.printer.printed()
        self.assertEqual(job, delivery)
        (page,) = pwg.read(path.read_bytes())
        self.assertEqual((page.dpi, page.width, page.height, page.name), ((300, 300), 2480, 3507, "iso_a4_210x297mm"))
        width, height, pixels = self.expected(event)
        own = page.grey()
        dark, strange = 0, 0
        for y in range(3, page.height - 3, 3):  # each third row tells enough, and Python is slow
            for a, of, b, width_b in ((own, page.width, pixels, width), (pixels, width, own, page.width)):
                row = a[y * of:][:page.width]
                dark += sum(v < 64 for v in row)
                strange += sum(v < 64 and n > 192 for v, n in zip(row, darkest_near(b, width_b, y, page.width)))
        self.assertGreater(dark, 10000)
        self.assertLess(strange, dark / 60, (strange, dark))  # another PIN: dark / 28 and more


class Connection(DirectTest):
    """What becomes of a letter whose connection to the printer breaks."""

    def begin_broken(self, words):
        self.begin(groups={"workers": {"print": 1}})
        relay = cups_relay.Relay(("127.0.0.1", self.printer.port), ("127.0.0.1", 0), self.dir / "lose")
        port = relay.listener.getsockname()[1]
        self.dispatcher.groups["print"]["printer"] = f"ipp://127.0.0.1:{port}/ipp/print"
        (self.dir / "lose").write_text(words)
        self.dispatcher.start()

    def break_at(self, words, letters=1):
        self.begin_broken(words)
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(letters)))
        self.wait_all(deliveries)
        self.assertFalse((self.dir / "lose").exists(), "nothing was lost")
        self.assert_each_printed_once(deliveries)
        self.assertEqual(self.printer.jobs(), [])

    def test_breaks_before_the_job(self):
        self.break_at("0x0005 early")

    def test_answer_to_the_job_is_lost(self):
        self.break_at("0x0005")

    def test_breaks_before_the_document(self):
        self.break_at("0x0006 early", letters=2)

    def test_nobody_can_be_asked_what_came(self):
        """Once a letter counts as sent, a job that never got it is ended, and the letter has failed."""
        self.begin_broken("0x0006 early\n0x0009 early")
        (delivery,) = self.submit(card_event("1", canary(6)))
        outcome = self.dispatcher.wait_state(delivery, "failed")["outcome"]
        self.assertEqual(outcome["code"], "job-canceled")
        self.assertEqual((self.printer.printed(), self.printer.jobs()), ([], []))
        self.dispatcher.ctl("retry", delivery)
        self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual(len(self.printer.printed()), 1)

    def test_breaks_amid_the_document(self):
        self.break_at("0x0006 before", letters=2)

    def test_answer_to_the_document_is_lost(self):
        self.break_at("0x0006", letters=2)

    def test_question_for_a_job_is_lost(self):
        self.break_at("0x0009")


class Interruption(DirectTest):
    def test_letter_on_its_way_is_adopted(self):
        self.begin()
        self.printer.slow(2)
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        self.wait_printing()
        self.dispatcher.kill()
        self.dispatcher.start()
        self.dispatcher.wait_state(delivery, "delivered")
        self.assert_each_printed_once([delivery])

    def test_a_letter_that_takes_long_is_followed_later(self):
        self.begin()
        self.printer.slow(23)
        self.dispatcher.start()
        first, second = self.submit(card_event("1", canary(6)), card_event("2", canary(6)))
        wait_until(lambda: "spooled" in [d["state"] for d in self.dispatcher.json("list")], "a letter to be spooled")
        self.printer.slow(0)
        self.wait_all([first, second])
        self.assert_each_printed_once([first, second])

    def test_a_printer_that_forgot_leaves_doubt(self):
        self.begin()
        self.printer.slow(30)
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        self.wait_printing()
        self.printer.stop()
        self.printer.slow(0)
        self.printer.start()
        outcome = self.dispatcher.wait_state(delivery, "in-doubt")["outcome"]
        self.assertEqual(outcome["code"], "history-gone")
        (other,) = self.submit(card_event("2", canary(6)))
        self.dispatcher.wait_state(other, "delivered")
        self.assertEqual(self.dispatcher.wait_state(delivery, "in-doubt")["state"], "in-doubt")

    def test_workers_killed_at_any_moment(self):
        self.begin(groups={"workers": {"print": 1}})
        self.printer.slow(0.1)
        self.dispatcher.start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(10)))
        for n in range(1, 5):
            wait_until(lambda: len(self.printer.printed()) >= 2 * n, f"{2 * n} letters")
            self.dispatcher.kill_workers()
        self.wait_all(deliveries)
        self.assert_each_printed_once(deliveries)


if __name__ == "__main__":
    unittest.main()
