"""Mail that only its holder can read: what goes over the wire is opened by other programs (openssl, pdftotext)."""

import base64
import email
import email.policy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import residue  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402
from holders import ADDRESS, UNFIT, Holders  # noqa: E402
from postfix import PrivatePostfix  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from tls import Authority  # noqa: E402

POSTFIX = pathlib.Path(__file__).resolve().parents[1] / "support" / "postfix.py"


class ProtectedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-pki-")
        cls.addClassCleanup(folder.cleanup)
        cls.pki = Authority(folder.name + "/servers").make()
        cls.holders = Holders(folder.name + "/holders").make()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-protected-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.stem = residue.make_stem()
        self.record = self.dir / "record"

    def start_server(self):
        script = {"tls": {"cert": self.pki.path("good.pem"), "key": self.pki.path("good.key")}}
        server = ScriptedServer(script, self.record, self.dir / "kept").start()
        self.addCleanup(server.stop)
        return server.port

    def start(self, protection, *options, puk="nopuk", port=None, **settings):
        settings = {"server": f"localhost:{port or self.start_server()}", "ca_file": self.pki.path("ca.pem"), "timeout": "10s",
                    "protection": protection, **settings}
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", puk=puk, email=settings)
        self.addCleanup(self.dispatcher.stop)
        self.dispatcher.start(*options)

    def event(self, event_id, pin, certificate=None, password=None):
        event = card_event(event_id, pin, certificate=certificate)
        if password:
            event["data"]["password"] = password
        return event

    def deliver(self, event, *states):
        (answer,) = self.dispatcher.submit(event)
        self.assertEqual(answer["result"], "accepted", answer)
        return self.dispatcher.wait_state(answer["deliveries"][0]["id"], *(states or ("delivered",)))

    def mails(self):
        rows = [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []
        return [row["message"].encode("latin-1") for row in rows if "message" in row]

    def mail(self):
        (mail,) = self.mails()
        return mail

    def assert_nowhere(self):
        """Neither on the wire nor in any file: the stem of all secrets of this test, in some twenty forms."""
        self.assertEqual(residue.scan_files(self.dir, self.stem), {})

    def secret(self):
        return residue.make_secret(self.stem)


class Smime(ProtectedTest):
    def assert_readable(self, name, form, **settings):
        pin = self.secret()
        self.start("smime", **settings)
        evidence = self.deliver(self.event("1", pin, self.holders.text(name)))["outcome"]["evidence"]
        outer = email.message_from_bytes(self.mail(), policy=email.policy.default)
        self.assertEqual((outer.get_content_type(), outer["Content-Type"].params["smime-type"]),
                         ("application/pkcs7-mime", form))
        inner = self.holders.decrypt(self.mail(), name)
        self.assertIn(pin, inner.get_body(("plain",)).get_content())
        self.assertIn(pin, inner.get_body(("html",)).get_content())
        for header in ("From", "To", "Subject", "Date", "Message-ID"):
            self.assertEqual(inner[header], outer[header])
        self.assertEqual(inner["Content-Type"].params["hp"], "cipher")
        self.assertIn(f"Subject: {inner['Subject']}", inner.get_all("HP-Outer"))
        self.assertEqual(evidence["protection"], "smime")
        printed = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in",
                                  self.holders.path(f"{name}.pem")], capture_output=True, text=True, check=True).stdout
        self.assertEqual(evidence["certificate"]["sha256"],
                         printed.strip().partition("=")[2].replace(":", "").lower())
        self.assertTrue(evidence["certificate"]["expires"].startswith("2049-12-31"))
        self.assert_nowhere()

    def test_rsa(self):
        self.assert_readable("rsa", "enveloped-data")

    def test_elliptic_curve(self):
        self.assert_readable("ec", "enveloped-data", certificates_ca_file=self.holders.path("ca.pem"))

    def test_authenticated(self):
        self.assert_readable("rsa", "authEnveloped-data", smime_cipher="aes-256-gcm")

    def test_address_in_another_case(self):
        self.assert_readable("capitals", "enveloped-data")

    def test_cipher_and_derivation(self):
        self.start("smime")
        self.deliver(self.event("1", self.secret(), self.holders.text("ec")))
        shown = subprocess.run(["openssl", "cms", "-cmsout", "-print", "-noout"], input=self.mail(),
                               capture_output=True, check=True).stdout.decode()
        self.assertIn("aes-256-cbc", shown)
        self.assertIn("dhSinglePass-stdDH-sha256kdf-scheme", shown)

    def test_certificate_in_base64(self):
        pin = self.secret()
        der = subprocess.run(["openssl", "x509", "-in", self.holders.path("rsa.pem"), "-outform", "DER"],
                             capture_output=True, check=True).stdout
        self.start("smime")
        self.deliver(self.event("1", pin, base64.b64encode(der).decode()))
        self.assertIn(pin, self.holders.decrypt(self.mail(), "rsa").get_body(("plain",)).get_content())

    def test_folder_of_certificates(self):
        folder = self.dir / "certificates"
        folder.mkdir()
        # A renewed one: the file has the old one still, and in front.
        (folder / f"{ADDRESS}.pem").write_text(self.holders.text("certificate-expired") + self.holders.text("rsa"))
        (folder / "x").mkdir()
        (folder / "x" / "outside@example.com.pem").write_text(self.holders.text("rsa"))
        pin = self.secret()
        self.start("smime", certificates=folder)
        self.deliver(self.event("1", pin))
        self.assertIn(pin, self.holders.decrypt(self.mail(), "rsa").get_body(("plain",)).get_content())
        for address in ("nobody@example.com", "x/outside@example.com"):
            event = self.event(address, self.secret())
            event["data"]["holder"]["email"] = address
            self.assertEqual(self.deliver(event, "failed")["outcome"]["code"], "certificate-missing")
        self.assertEqual(len(self.mails()), 1)
        self.assert_nowhere()

    def test_folder_that_cannot_be_read_keeps_all(self):
        folder = self.dir / "certificates"
        folder.mkdir()
        self.start("smime", certificates=folder)
        folder.rmdir()
        folder.write_text("no folder")
        shown = self.deliver(self.event("1", self.secret()), "deferred")
        self.assertEqual(shown["outcome"]["code"], "certificates")
        self.assertEqual(self.dispatcher.channel("email")["trouble"]["code"], "certificates")
        folder.unlink()
        folder.mkdir()
        (folder / f"{ADDRESS}.pem").write_text(self.holders.text("rsa"))
        self.dispatcher.wait_state(shown["id"], "delivered")

    def test_unfit_certificates(self):
        self.start("smime", certificates_ca_file=self.holders.path("ca.pem"))
        for name in UNFIT:
            outcome = self.deliver(self.event(name, self.secret(), self.holders.text(name)), "failed")["outcome"]
            self.assertEqual(outcome["code"], name.strip(), outcome)
        outcome = self.deliver(self.event("form", self.secret(), "MIIB"), "failed")["outcome"]
        self.assertEqual(outcome["code"], "certificate-form")
        self.assertEqual(self.mails(), [])
        self.assert_nowhere()

    def test_event_without_certificate_is_rejected(self):
        self.start("smime")
        (answer,) = self.dispatcher.submit(self.event("1", self.secret()))
        self.assertEqual((answer["result"], answer["code"], answer["path"]),
                         ("rejected", "missing", "$.data.holder.certificate"))


class Auto(ProtectedTest):
    def test_fit_certificate(self):
        pin = self.secret()
        self.start("auto")
        shown = self.deliver(self.event("1", pin, self.holders.text("rsa")))
        self.assertEqual(shown["outcome"]["evidence"]["protection"], "smime")
        self.assertIn(pin, self.holders.decrypt(self.mail(), "rsa").get_body(("plain",)).get_content())

    def test_hold(self):
        self.start("auto")  # the standard
        for name, code in ((None, "certificate-missing"), ("certificate-expired", "certificate-expired")):
            event = self.event(code, self.secret(), name and self.holders.text(name))
            shown = self.deliver(event, "held")
            self.assertEqual(shown["outcome"]["code"], code)
        self.assertEqual(self.mails(), [])
        # What is released without a certificate is held again, and not sent.
        self.dispatcher.ctl("release", shown["id"])
        self.dispatcher.wait_state(shown["id"], "held")
        self.assertEqual(self.mails(), [])
        self.assert_nowhere()

    def test_fail(self):
        self.start("auto", protection_fallback="fail")
        self.assertEqual(self.deliver(self.event("1", self.secret()), "failed")["outcome"]["code"],
                         "certificate-missing")
        self.assertEqual(self.mails(), [])

    def test_plain(self):
        pin = self.secret()
        self.start("auto", protection_fallback="plain")
        shown = self.deliver(self.event("1", pin))
        self.assertEqual(shown["outcome"]["evidence"]["protection"], "none")
        self.assertIn(pin.encode(), self.mail())


class Pdf(ProtectedTest):
    def open(self, mail, password):
        message = email.message_from_bytes(mail, policy=email.policy.default)
        (part,) = message.iter_attachments()
        self.assertEqual((part.get_content_type(), part.get_filename()), ("application/pdf", "letter.pdf"))
        pdf = self.dir / "letter.pdf"
        pdf.write_bytes(part.get_content())
        self.addCleanup(pdf.unlink, missing_ok=True)
        return subprocess.run(["pdftotext", *(["-upw", password] if password else []), str(pdf), "-"],
                              capture_output=True, text=True, check=False)

    def test_letter(self):
        pin, password = self.secret(), self.secret() + "-password"
        self.start("pdf")
        evidence = self.deliver(self.event("1", pin, password=password))["outcome"]["evidence"]
        self.assertEqual(evidence["protection"], "pdf")
        message = email.message_from_bytes(self.mail(), policy=email.policy.default)
        self.assertIn("letter.pdf", message.get_body(("plain",)).get_content())
        self.assertIn(pin, "".join(self.open(self.mail(), password).stdout.split()))
        self.assertIn("Incorrect password", self.open(self.mail(), None).stderr)
        self.assertIn("Incorrect password", self.open(self.mail(), pin).stderr)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            shown = subprocess.run(["qpdf", "--show-encryption", f"--password-file={file.name}",
                                    str(self.dir / "letter.pdf")], capture_output=True, text=True, check=True).stdout
        self.assertIn("R = 6", shown)
        self.assertIn("stream encryption method: AESv3", shown)
        (self.dir / "letter.pdf").unlink()
        self.assert_nowhere()

    def test_sealed_beside_the_pin(self):
        pin, password = self.secret(), self.secret() + "-password"
        self.start("pdf")
        sealed = self.dispatcher.ctl("seal", data=json.dumps({"pin": pin, "password": password})).stdout.strip()
        event = card_event("1")
        event["data"]["sealed"] = sealed
        self.deliver(event)
        self.assertIn(pin, "".join(self.open(self.mail(), password).stdout.split()))

    def test_passwords_that_will_not_do(self):
        pin = self.secret()
        self.start("pdf")
        for event, code in ((self.event("1", pin), "missing"), (self.event("2", pin, password="short-7"), "weak")):
            (answer,) = self.dispatcher.submit(event)
            self.assertEqual((answer["result"], answer["code"], answer["path"]),
                             ("rejected", code, "$.data.password"))
        for event_id, sealed, code in (("3", {"pin": pin}, "password-missing"),):
            event = card_event(event_id)
            event["data"]["sealed"] = self.dispatcher.ctl("seal", data=json.dumps(sealed)).stdout.strip()
            self.assertEqual(self.deliver(event, "failed")["outcome"]["code"], code)
        same = self.deliver(self.event("4", pin, password=pin), "failed")
        self.assertEqual(same["outcome"]["code"], "password-weak")
        refused = self.dispatcher.ctl("seal", data='{"pin":"123456","password":"short-7"}', check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(self.mails(), [])
        self.assert_nowhere()

    def test_test_mail(self):
        self.start("pdf")
        self.dispatcher.ctl("test-mail", ADDRESS)
        self.assertIn("123456", "".join(self.open(self.mail(), "test-password").stdout.split()))


class Postfix(ProtectedTest):
    """A real mail server changes what it may change."""

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        process = subprocess.Popen([str(POSTFIX), "serve", str(self.dir / "postfix"), "--cert",
                                    self.pki.path("good.pem"), "--key", self.pki.path("good.key")],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.stdin.close)
        self.port = int(process.stdout.readline())

    def arrived(self):
        box = PrivatePostfix(self.dir / "postfix", port=1)
        wait_until(box.kept, "the mail in the box")
        (path,) = box.kept()
        return path.read_bytes()

    def test_smime(self):
        pin = self.secret()
        self.start("smime", port=self.port)
        self.deliver(self.event("1", pin, self.holders.text("ec")))
        self.assertIn(pin, self.holders.decrypt(self.arrived(), "ec").get_body(("html",)).get_content())
        self.assert_nowhere()

    def test_pdf(self):
        pin, password = self.secret(), self.secret() + "-password"
        self.start("pdf", port=self.port)
        self.deliver(self.event("1", pin, password=password))
        self.assertIn(pin, "".join(Pdf.open(self, self.arrived(), password).stdout.split()))
        (self.dir / "letter.pdf").unlink()
        self.assert_nowhere()


class Masked(ProtectedTest):
    def test_dry_run(self):
        pin, password = self.secret(), self.secret() + "-password"
        self.start("pdf", "--dry-run")
        shown = self.deliver(self.event("1", pin, password=password), "dry-run")
        mail = pathlib.Path(shown["outcome"]["evidence"]["file"]).read_bytes()
        text = "".join(Pdf.open(self, mail, password).stdout.split())
        self.assertIn("*" * len(pin), text)
        self.assertNotIn(pin, text)
        (self.dir / "letter.pdf").unlink()
        self.assert_nowhere()

    def test_preview_is_what_would_be_sent(self):
        pin = canary(10)
        self.start("smime")
        event = self.dir / "event.json"
        event.write_text(json.dumps(self.event("1", pin, self.holders.text("rsa"))))
        mail = self.dir / "preview.eml"
        self.dispatcher.ctl("preview", str(event), "--method", "email", "-o", str(mail))
        inner = self.holders.decrypt(mail.read_bytes(), "rsa").get_body(("plain",)).get_content()
        self.assertIn("*" * 10, inner)
        self.assertNotIn(pin, inner)


class Warnings(ProtectedTest):
    """Plain mail is the option's own standard; nobody shall have it without knowing."""

    def check_config(self):
        done = subprocess.run([program("pindispatchd"), "--config", str(self.dispatcher.config), "--check-config"],
                              text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def assert_warned(self, setting, words):
        (warning,) = self.dispatcher.status()["warnings"]
        self.assertEqual((warning["code"], warning["setting"]), ("mail-in-clear", setting))
        self.assertIn(words, warning["message"])
        self.assertIn(f"{setting}: {warning['message']}", self.dispatcher.ctl("status").stdout)
        self.assertIn(f"warning: {setting}: {warning['message']}", self.check_config())

    def test_none(self):
        self.start("none", puk="email")
        self.assert_warned("email.protection", "can read the PIN and PUK")

    def test_plain_fallback(self):
        self.start("auto", protection_fallback="plain")
        self.assert_warned("email.protection_fallback", "can read the PIN of a holder without")

    def test_protected_or_not_in_force(self):
        self.start("auto")
        self.assertEqual(self.dispatcher.status()["warnings"], [])
        self.assertEqual(self.check_config(), "")
        other = Dispatcher(self.dir / "other", pin="nopin")
        other.start()
        self.addCleanup(other.stop)
        self.assertEqual(other.status()["warnings"], [])


if __name__ == "__main__":
    unittest.main()
