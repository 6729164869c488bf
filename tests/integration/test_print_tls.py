"""Letters by TLS, over the life of a connection. Which servers get one at all is tried by tests/tls-cases."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import tls_cases  # noqa: E402
import tls_print  # noqa: E402
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402
from tls import Authority  # noqa: E402
from tls_relay import Relay  # noqa: E402

# cupsd wants those that come from its own machine to call it localhost.
AS_LOCAL = (rb"(?i)\r\nHost: [^\r]+", b"\r\nHost: localhost")


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
        cls.pki = tls_cases.make(Authority(cls.dir / "pki"))
        hosts = cls.dir / "hosts"
        hosts.write_text(tls_cases.HOSTS)
        # A $HOME and an environment that would like to have a say.
        home = cls.dir / "home" / ".cups"
        home.mkdir(parents=True)
        (home / "client.conf").write_text("AllowAnyRoot Yes\nTrustOnFirstUse Yes\nValidateCerts No\n"
                                          "SSLOptions AllowRC4 MinTLS1.0\nEncryption Never\n")
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
        cls.environment = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(hosts),
                           "HOME": str(home.parent), "CUPS_SERVER": "/nonexistent", **proxies}

    def start_cups(self, name, extra=""):
        cups = PrivateCups(self.dir / name, extra=extra).start()
        self.addCleanup(cups.stop)
        return cups

    def start_relay(self, cups, certificate):
        """A server with this certificate (None: in clear) before CUPS."""
        relay = Relay(cups.server, self.context(certificate), asks=AS_LOCAL)
        self.addCleanup(relay.stop)
        return relay

    def context(self, certificate):
        return tls_cases.context(self.pki, certificate, {}) if certificate else None

    def by_tls(self, port, host=tls_cases.HOST, **settings):
        return {"server": f"ipps://{host}:{port}", "ca_file": self.pki.path("ca.pem"), **settings}

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


class Change(TlsTest):
    def test_each_connection_is_checked(self):
        cups = self.start_cups("cups-change")
        relay = self.start_relay(cups, "right")
        dispatcher = self.make_dispatcher("change", **self.by_tls(relay.port))
        first = self.submit(dispatcher, "1", canary())
        dispatcher.wait_state(first, "delivered")
        self.assertIn(b"%PDF", relay.heard)
        relay.change(self.context("by-other-ca"))
        before = len(relay.heard)
        second = self.submit(dispatcher, "2", canary())
        self.assertEqual(self.end_of(dispatcher, second), "tls-chain")
        self.assertEqual(len(relay.heard), before)
        self.assertEqual([job for job, _ in cups.printed()], [first])
        relay.change(self.context("right"))
        dispatcher.wait_state(second, "delivered")
        self.assertEqual([job for job, _ in cups.printed()], [first, second])
        self.assert_untouched_home()

    def test_a_pinned_key_is_asked_of_each_connection(self):
        cups = self.start_cups("cups-pin")
        relay = self.start_relay(cups, "self-signed")
        pinned = tls_print.pinned_key(self.pki, "self-signed")
        dispatcher = self.make_dispatcher("pin", **self.by_tls(relay.port, pinned_key=pinned))
        dispatcher.wait_state(self.submit(dispatcher, "1", canary()), "delivered")
        relay.change(self.context("right"))
        before = len(relay.heard)
        second = self.submit(dispatcher, "2", canary())
        self.assertEqual(self.end_of(dispatcher, second), "tls-pin")
        self.assertEqual(len(relay.heard), before)


class RealServer(TlsTest):
    """TLS by cupsd itself."""

    def start_with_tls(self, name, certificate):
        port = free_port()
        keys = self.dir / name / "root" / "ssl"
        keys.mkdir(parents=True)
        for end, kind in (("crt", "pem"), ("key", "key")):
            (keys / f"localhost.{end}").write_bytes(pathlib.Path(self.pki.path(f"{certificate}.{kind}")).read_bytes())
        return self.start_cups(name, f"ServerName localhost\nSSLListen 127.0.0.1:{port}"), port

    def test_cupsd_with_tls(self):
        cups, port = self.start_with_tls("cups-tls", "good")
        dispatcher = self.make_dispatcher("real", **self.by_tls(port, "localhost"))
        pin = canary()
        delivery = self.submit(dispatcher, "1", pin)
        dispatcher.wait_state(delivery, "delivered")
        ((job, pdf),) = cups.printed()
        self.assertEqual(job, delivery)
        self.assertIn(pin, "".join(text_of(pdf).split()))
        self.assert_untouched_home()

    def test_a_name_that_is_not_in_it_is_told_and_a_pinned_key_goes_without(self):
        cups, port = self.start_with_tls("cups-name", "name-only")
        dispatcher = self.make_dispatcher("real-name", **self.by_tls(port, "127.0.0.1"))
        delivery = self.submit(dispatcher, "1", canary())
        self.assertEqual(self.end_of(dispatcher, delivery), "tls-name")
        self.assertIn("must be for 127.0.0.1", dispatcher.channel("print")["trouble"]["reason"])
        self.assertEqual(cups.printed(), [])
        dispatcher.stop()
        pinned = tls_print.pinned_key(self.pki, "name-only")
        dispatcher.groups["print"] = self.by_tls(port, "127.0.0.1", pinned_key=pinned)
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
        done = self.check(server="peer.example.test:631")
        self.assertEqual(done.returncode, 2)
        self.assertIn('"ipps://peer.example.test:631"', done.stderr)

    def test_clear_is_warned_about(self):
        self.assertNotIn("print.tls", self.check(server=f"ipps://{tls_cases.HOST}").stderr)
        done = self.check(server=f"ipp://{tls_cases.HOST}", tls="none-in-clear-over-the-network")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"warning: print.tls: everybody on the way to {tls_cases.HOST} can read the PIN", done.stderr)
        self.assertIn("no letter is sent", self.check(server=f"ipp://{tls_cases.HOST}").stderr)

    def test_clear_goes_out_by_that_setting_only(self):
        relay = self.start_relay(self.start_cups("cups-clear"), None)
        name = f"ipp://{tls_cases.HOST}:{relay.port}"
        dispatcher = self.make_dispatcher("clear", server=name)
        delivery = self.submit(dispatcher, "1", canary())
        self.assertEqual(self.end_of(dispatcher, delivery), "tls-required")
        self.assertEqual(bytes(relay.heard), b"")
        dispatcher.stop()
        dispatcher.groups["print"] = {"server": name, "tls": "none-in-clear-over-the-network"}
        dispatcher.start(environment=self.environment)
        dispatcher.wait_state(delivery, "delivered")
        self.assertIn(b"%PDF", relay.heard)
        self.assertIn("print-in-clear", str(dispatcher.status()["warnings"]))


if __name__ == "__main__":
    unittest.main()
