"""Mails, from the event to the server: a real dispatcher, a real Postfix for the ordinary, a scripted server for the
odd."""

import email
import email.policy
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402
from postfix import PrivatePostfix  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from tls import Authority  # noqa: E402

POSTFIX = pathlib.Path(__file__).resolve().parents[1] / "support" / "postfix.py"


def parse(mail):
    return email.message_from_bytes(mail, policy=email.policy.default)


def body_of(message, kind):
    return message.get_body((kind,)).get_content()


class EmailTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-pki-")
        cls.addClassCleanup(folder.cleanup)
        cls.pki = Authority(folder.name).make()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-email-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o755)
        self.record = self.dir / "record"
        self.dispatcher = None

    def serve(self, certificate="good", port=0, **script):
        """A scripted server; its certificate's name, None: without STARTTLS."""
        if certificate:
            script["tls"] = {"cert": self.pki.path(f"{certificate}.pem"), "key": self.pki.path(f"{certificate}.key")}
        server = ScriptedServer(script, self.record, self.dir / "kept", port).start()
        self.addCleanup(server.stop)
        return server

    def dispatch(self, port, puk="nopuk", **settings):
        settings = {"server": f"localhost:{port}", "ca_file": self.pki.path("ca.pem"),
                    "from": "PIN service <pin@example.com>", "timeout": "10s", **settings}
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", puk=puk, email=settings)
        self.addCleanup(self.assert_clean_end)
        return self.dispatcher

    def assert_clean_end(self):
        self.dispatcher.stop()
        for trouble in ("ERROR: AddressSanitizer", "runtime error:"):
            self.assertNotIn(trouble, self.dispatcher.log())

    def submit(self, *events):
        """The ids of the deliveries by mail."""
        answers = self.dispatcher.submit(*events)
        self.assertEqual({a["result"] for a in answers}, {"accepted"}, answers)
        return [d["id"] for a in answers for d in a["deliveries"] if d["method"] == "email"]

    def wait_delivered(self, deliveries, seconds=60):
        """Asks for all at once: each question takes a process."""
        def all_delivered():
            states = {item["id"]: item["state"] for item in self.dispatcher.json("list", "--limit", 1000)}
            return all(states.get(d) == "delivered" for d in deliveries)
        wait_until(all_delivered, "all to be delivered", seconds)

    def rows(self):
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

    def messages(self):
        return [parse(row["message"].encode("latin-1")) for row in self.rows() if "message" in row]

    def trouble(self):
        return self.dispatcher.channel("email").get("trouble") or {}

    def wait_trouble(self, code):
        wait_until(lambda: self.trouble().get("code") == code, f"the trouble {code}; it is {self.trouble()}")

    def assert_nowhere(self, secret):
        found = subprocess.run(["grep", "-raF", secret, str(self.dispatcher.dir)], capture_output=True, check=False)
        self.assertEqual(found.returncode, 1, found.stdout[:300])


class Ordinary(EmailTest):
    def test_event_becomes_mail(self):
        pin = canary(10)
        self.dispatch(self.serve().port).start()
        (delivery,) = self.submit(card_event("1", pin))
        evidence = self.dispatcher.wait_state(delivery, "delivered")["outcome"]["evidence"]
        (mail,) = self.messages()
        self.assertEqual(mail["To"].addresses[0].display_name, "Åsa Öberg")
        self.assertEqual(mail["To"].addresses[0].addr_spec, "asa.oberg@example.com")
        self.assertEqual(mail["From"].addresses[0].addr_spec, "pin@example.com")
        self.assertNotIn(pin, mail["Subject"])
        self.assertIn(pin, body_of(mail, "plain"))
        self.assertIn(pin, body_of(mail, "html"))
        self.assertEqual(mail["Message-ID"], f"<{evidence['message_id']}>")
        self.assertEqual((evidence["code"], evidence["tls"]["version"]), (250, "TLSv1.2"))
        self.assert_nowhere(pin)

    def test_pin_and_puk_are_two_mails(self):
        pin, puk = canary(10), canary(10)
        self.dispatch(self.serve().port, puk="email").start()
        self.wait_delivered(self.submit(card_event("1", pin, puk)))
        bodies = [body_of(mail, "plain") for mail in self.messages()]
        self.assertEqual(sorted((pin in b, puk in b) for b in bodies), [(False, True), (True, False)])

    def test_many_share_a_connection(self):
        self.dispatch(self.serve().port).start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(300)))
        self.wait_delivered(deliveries)
        self.assertEqual(len(self.messages()), 300)
        self.assertLess(len({row["connection"] for row in self.rows()}), 60)

    def test_once(self):
        server = self.serve()
        self.dispatch(server.port, hello="once.example").start()
        self.dispatcher.stop()
        server.stop()
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        self.dispatcher.wait_state(delivery, "deferred")
        self.dispatcher.stop()
        self.assertEqual(self.dispatcher.once(), 1)
        self.serve(port=server.port)
        time.sleep(1.1)  # the longest pause between two tries here
        self.assertEqual(self.dispatcher.once(), 0)
        self.assertEqual(len(self.messages()), 1)

    def test_login(self):
        password = self.dir / "password"
        secret = canary(16)
        password.write_text(secret + "\n")
        port = self.serve(login={"user": "pin-service", "password": secret}).port
        self.dispatch(port, username="pin-service", password_file=password).start()
        self.wait_delivered(self.submit(card_event("1", canary(6))))
        self.assert_nowhere(secret)

    def test_refused_recipient_fails_and_retry_delivers(self):
        self.dispatch(self.serve(rcpt=["550 5.1.1 Unknown", None]).port).start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        outcome = self.dispatcher.wait_state(delivery, "failed")["outcome"]
        self.assertEqual(outcome["code"], "smtp-550")
        self.assertIn("5.1.1 Unknown", outcome["reason"])
        self.dispatcher.ctl("retry", delivery)
        self.dispatcher.wait_state(delivery, "delivered")

    def test_greylisting_only_delays(self):
        self.dispatch(self.serve(rcpt=["450 4.2.0 Greylisted", None]).port).start()
        self.wait_delivered(self.submit(card_event("1", canary(6))))
        self.assertEqual(self.trouble(), {})


class Trouble(EmailTest):
    """What must keep every mail here, deferred, with its reason in `status`; and then it is repaired. What TLS must
    refuse is the table of tests/tls-cases."""

    def keep_and_repair(self, code, certificate="good", repaired=None, **script):
        pin = canary(10)
        server = self.serve(certificate, **script)
        self.dispatch(server.port).start()
        deliveries = self.submit(card_event("1", pin), card_event("2", pin))
        self.wait_trouble(code)
        for delivery in deliveries:
            shown = self.dispatcher.wait_state(delivery, "deferred", "queued")
            self.assertIn(shown["state"], ("deferred", "queued"))
        kept = self.record.read_text()
        for word in (pin, "MAIL FROM", "asa.oberg@example.com"):
            self.assertNotIn(word, kept)
        server.stop()
        self.serve(port=server.port)
        self.wait_delivered(deliveries)
        self.assertEqual(self.trouble(), {})
        self.assertEqual(len(self.messages()), 2)

    def test_expired_certificate(self):
        self.keep_and_repair("tls-expired", "expired")

    def test_server_closes_for_a_while(self):
        self.keep_and_repair("smtp-421", greeting="421 4.3.2 Back soon")

    def test_server_is_away_for_a_while(self):
        server = self.serve()
        server.stop()
        self.dispatch(server.port).start()
        deliveries = self.submit(*(card_event(str(n), canary(6)) for n in range(5)))
        self.wait_trouble("connect")
        self.serve(port=server.port)
        self.wait_delivered(deliveries)
        self.assertEqual(len(self.messages()), 5)

    def test_login_refused(self):
        password = self.dir / "password"
        password.write_text("artificial")
        port = self.serve(login={"user": "pin-service", "password": "another"}).port
        self.dispatch(port, username="pin-service", password_file=password).start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        self.wait_trouble("auth")
        self.dispatcher.wait_state(delivery, "deferred", "queued")
        self.assertNotIn("MAIL FROM", self.record.read_text())


class Doubt(EmailTest):
    def test_retry_repeats_with_one_message_id(self):
        self.dispatch(self.serve(end=[{"drop": True}, None]).port).start()
        self.wait_delivered(self.submit(card_event("1", canary(6))))
        first, second = self.messages()
        self.assertEqual(first["Message-ID"], second["Message-ID"])

    def test_hold_waits_for_a_person(self):
        self.dispatch(self.serve(end=[{"drop": True}, None]).port, in_doubt="hold").start()
        (delivery,) = self.submit(card_event("1", canary(6)))
        self.dispatcher.wait_state(delivery, "in-doubt")
        time.sleep(1.5)
        self.assertEqual(len(self.messages()), 1)
        self.dispatcher.ctl("resolve", delivery, "delivered")
        self.assertEqual(self.dispatcher.state(delivery), "delivered")


class Interruption(EmailTest):
    def assert_all_arrived(self, pins):
        """Mail is at least once: none is missing, and what came twice has one Message-ID."""
        seen = {}
        for mail in self.messages():
            text = body_of(mail, "plain")
            (pin,) = [p for p in pins if p in text]
            seen.setdefault(pin, set()).add(mail["Message-ID"])
        self.assertEqual({pin: 1 for pin in pins}, {pin: len(ids) for pin, ids in seen.items()})

    def test_dispatcher_killed_at_any_moment(self):
        random.seed(2)
        self.dispatch(self.serve().port)
        pins, deliveries = [], []
        for turn in range(4):
            self.dispatcher.start()
            new = [canary(12) for _ in range(25)]
            pins += new
            deliveries += self.submit(*(card_event(f"{turn}-{n}", pin) for n, pin in enumerate(new)))
            time.sleep(random.uniform(0.02, 0.3))
            self.dispatcher.kill()
        self.dispatcher.start()
        self.wait_delivered(deliveries)
        self.assert_all_arrived(pins)

    def test_worker_killed_at_any_moment(self):
        random.seed(3)
        self.dispatch(self.serve().port).start()
        pins = [canary(12) for _ in range(100)]
        deliveries = self.submit(*(card_event(str(n), pin) for n, pin in enumerate(pins)))
        for _ in range(5):
            time.sleep(random.uniform(0.01, 0.2))
            self.dispatcher.kill_workers()
        self.wait_delivered(deliveries)
        self.assert_all_arrived(pins)

    def test_silent_server_harms_only_its_mails(self):
        self.dispatch(self.serve(mail=[{"stall": True}, None]).port, timeout="1s").start()
        self.wait_delivered(self.submit(*(card_event(str(n), canary(6)) for n in range(5))))


class Postfix(EmailTest):
    def start_postfix(self):
        command = [str(POSTFIX), "serve", str(self.dir / "postfix"), "--cert", self.pki.path("good.pem"),
                   "--key", self.pki.path("good.key")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.stdin.close)
        return int(process.stdout.readline())

    def test_mails_arrive(self):
        self.dispatch(self.start_postfix()).start()
        pins = [canary(12) for _ in range(50)]
        deliveries = self.submit(*(card_event(str(n), pin) for n, pin in enumerate(pins)))
        self.wait_delivered(deliveries)
        evidence = self.dispatcher.show(deliveries[0])["outcome"]["evidence"]
        self.assertIn("queued as", evidence["reply"])
        box = PrivatePostfix(self.dir / "postfix", port=1)
        wait_until(lambda: len(box.kept()) == 50, "the mails in the box")
        texts = [body_of(parse(path.read_bytes()), "plain") for path in box.kept()]
        self.assertEqual(sorted(pin for pin in pins for text in texts if pin in text), sorted(pins))


if __name__ == "__main__":
    unittest.main()
