"""Letters by TLS: which servers get one, and that the others get nothing."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import tls_print  # noqa: E402
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402
from tls import Authority  # noqa: E402


def text_of(pdf):
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-ipps-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.pki = tls_print.make_certificates(Authority(cls.dir / "pki").make())
        hosts = cls.dir / "hosts"
        hosts.write_text(tls_print.HOSTS)
        # A $HOME and an environment that would like to have a say.
        home = cls.dir / "home" / ".cups"
        home.mkdir(parents=True)
        (home / "client.conf").write_text("AllowAnyRoot Yes\nTrustOnFirstUse Yes\nValidateCerts No\n"
                                          "SSLOptions AllowRC4 MinTLS1.0\nEncryption Never\n")
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
        cls.environment = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(hosts),
                           "HOME": str(home.parent), "CUPS_SERVER": "/nonexistent", **proxies}

    def make_dispatcher(self, name, **settings):
        dispatcher = Dispatcher(self.dir / name, pin="print", **{"print": settings})
        self.addCleanup(dispatcher.stop)
        return dispatcher.start(environment=self.environment)

    def submit(self, dispatcher, name, pin):
        (answer,) = dispatcher.submit(card_event(name, pin))
        return next(d["id"] for d in answer["deliveries"] if d["method"] == "print")

    def end_of(self, dispatcher, delivery):
        """"delivered", or the code of the trouble that keeps the delivery here."""
        def look():
            if dispatcher.state(delivery) in ("delivered", "failed", "in-doubt"):
                return dispatcher.state(delivery)
            return (dispatcher.channel("print").get("trouble") or {}).get("code")
        return wait_until(look, "an end")

    def assert_untouched_home(self):
        self.assertEqual(os.listdir(self.dir / "home" / ".cups"), ["client.conf"])


class Cases(TlsTest):
    def test_only_the_right_server_gets_a_letter(self):
        with PrivateCups(self.dir / "cups") as cups:
            for number, (name, expected, certificate, odd) in enumerate(tls_print.CASES):
                with self.subTest(name):
                    self.try_case(cups, number, expected, certificate, odd)
        self.assert_untouched_home()

    def try_case(self, cups, number, expected, certificate, odd):
        server = tls_print.PrintServer(self.pki, cups.server, certificate, odd)
        pin = canary()
        dispatcher = self.make_dispatcher(f"case-{number}", **tls_print.settings(self.pki, server.port, odd))
        try:
            delivery = self.submit(dispatcher, "1", pin)
            self.assertEqual(self.end_of(dispatcher, delivery), expected)
        finally:
            dispatcher.stop()
            server.stop()
        printed = [pdf for job, pdf in cups.printed() if job == delivery]
        if expected == "delivered":
            self.assertEqual(len(printed), 1)
            self.assertIn(pin, "".join(text_of(printed[0]).split()))
            self.assertIn(b"%PDF", server.content)
            self.assertNotIn(b"%PDF", server.heard)
        elif certificate:
            self.assertEqual((printed, bytes(server.content)), ([], b""))
        else:  # where TLS is wanted nothing but the start of a handshake goes out
            self.assertEqual((printed, server.content[:1]), ([], b"\x16"))
            self.assertNotIn(b"ipp", server.content)


class Change(TlsTest):
    def test_each_connection_is_checked(self):
        with PrivateCups(self.dir / "cups-change") as cups:
            server = tls_print.PrintServer(self.pki, cups.server, "print-right", {})
            self.addCleanup(server.stop)
            dispatcher = self.make_dispatcher("change", **tls_print.settings(self.pki, server.port, {}))
            first = self.submit(dispatcher, "1", canary())
            dispatcher.wait_state(first, "delivered")
            server.change("print-by-other-ca")
            before = len(server.content)
            second = self.submit(dispatcher, "2", canary())
            self.assertEqual(self.end_of(dispatcher, second), "tls-chain")
            self.assertEqual(len(server.content), before)
            self.assertEqual([job for job, _ in cups.printed()], [first])
            server.change("print-right")
            dispatcher.wait_state(second, "delivered")
            self.assertEqual([job for job, _ in cups.printed()], [first, second])

    def test_a_recorder_never_reads_the_letter(self):
        with PrivateCups(self.dir / "cups-record") as cups:
            server = tls_print.PrintServer(self.pki, cups.server, "print-right", {"record": True})
            self.addCleanup(server.stop)
            dispatcher = self.make_dispatcher("record", **tls_print.settings(self.pki, server.port, {}))
            dispatcher.wait_state(self.submit(dispatcher, "1", canary()), "delivered")
            self.assertIn(b"%PDF", server.content)
            self.assertGreater(len(server.heard), len(server.content))
            for word in (b"%PDF", b"POST", b"attributes-charset", b"urn:uuid"):
                self.assertIn(word, server.content)
                self.assertNotIn(word, server.heard)


class RealServer(TlsTest):
    """TLS by cupsd itself."""

    def start_cups(self, name, certificate):
        port = free_port()
        cups = PrivateCups(self.dir / name, extra=f"ServerName localhost\nSSLListen 127.0.0.1:{port}")
        cups.prepare()
        tls_print.keychain(cups, self.pki, certificate, "localhost")
        cups.start()
        self.addCleanup(cups.stop)
        return cups, port

    def test_cupsd_with_tls(self):
        cups, port = self.start_cups("cups-tls", "good")
        dispatcher = self.make_dispatcher("real", **tls_print.settings(self.pki, port, {"host": "localhost"}))
        pin = canary()
        delivery = self.submit(dispatcher, "1", pin)
        dispatcher.wait_state(delivery, "delivered")
        ((job, pdf),) = cups.printed()
        self.assertEqual(job, delivery)
        self.assertIn(pin, "".join(text_of(pdf).split()))
        self.assert_untouched_home()

    def test_cupsd_with_another_name_and_its_pinned_key(self):
        cups, port = self.start_cups("cups-name", "name-only")
        odd = {"host": "127.0.0.1"}
        dispatcher = self.make_dispatcher("real-name", **tls_print.settings(self.pki, port, odd))
        delivery = self.submit(dispatcher, "1", canary())
        self.assertEqual(self.end_of(dispatcher, delivery), "tls-name")
        self.assertIn("must be for 127.0.0.1", dispatcher.channel("print")["trouble"]["reason"])
        self.assertEqual(cups.printed(), [])
        dispatcher.stop()
        dispatcher.groups["print"] = tls_print.settings(self.pki, port, {**odd, "pin": "name-only"})
        dispatcher.start(environment=self.environment)
        dispatcher.wait_state(delivery, "delivered")


class InClear(TlsTest):
    """Letters in clear leave the machine only by a setting whose name says so."""

    def check(self, **settings):
        dispatcher = Dispatcher(self.dir / "check", pin="print").prepare()
        dispatcher.groups["print"] = settings
        dispatcher.write_config()
        return subprocess.run([program("pindispatchd"), "--config", str(dispatcher.config), "--check-config"],
                              capture_output=True, text=True, timeout=30, check=False)

    def test_a_server_elsewhere_needs_tls(self):
        done = self.check(server="print.example.test:631")
        self.assertEqual(done.returncode, 2)
        self.assertIn('"ipps://print.example.test:631"', done.stderr)

    def test_clear_is_warned_about(self):
        self.assertNotIn("print.tls", self.check(server=f"ipps://{tls_print.HOST}").stderr)
        done = self.check(server=f"ipp://{tls_print.HOST}", tls="none-in-clear-over-the-network")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"warning: print.tls: everybody on the way to {tls_print.HOST} can read the PIN", done.stderr)
        self.assertIn("no letter is sent", self.check(server=f"ipp://{tls_print.HOST}").stderr)

    def test_clear_goes_out_by_that_setting_only(self):
        with PrivateCups(self.dir / "cups-clear") as cups:
            server = tls_print.PrintServer(self.pki, cups.server, None, {})
            self.addCleanup(server.stop)
            name = f"ipp://{tls_print.HOST}:{server.port}"
            dispatcher = self.make_dispatcher("clear", server=name)
            delivery = self.submit(dispatcher, "1", canary())
            self.assertEqual(self.end_of(dispatcher, delivery), "tls-required")
            self.assertEqual(bytes(server.content), b"")
            dispatcher.stop()
            dispatcher.groups["print"] = {"server": name, "tls": "none-in-clear-over-the-network"}
            dispatcher.start(environment=self.environment)
            dispatcher.wait_state(delivery, "delivered")
            self.assertIn(b"%PDF", server.content)
            self.assertIn("print-in-clear", str(dispatcher.status()["warnings"]))


if __name__ == "__main__":
    unittest.main()
