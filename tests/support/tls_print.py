"""The cases of TLS towards a printer's server, for tests/tls-cases. Its odd ends are a relay with a certificate of its
own before a real cupsd, which thereby sees what a man in the middle would; and cupsd's own TLS."""

import base64
import hashlib
import http.server
import pathlib
import socket
import subprocess
import threading

import tls_cases
from cups import PrivateCups
from tls_cases import HOST
from tls_relay import Relay

CASES = tls_cases.CASES + [
    ("TLS 1.3 only", "delivered", "right", {"minimum": "TLSv1_3"}),
    ("no TLS", "tls-handshake", None, {}),
    ("pinned: its key, self-signed", "delivered", "self-signed", {"pinned": "self-signed"}),
    ("pinned: another key, right chain and name", "tls-pin", "right", {"pinned": "self-signed"}),
    ("pinned: another key, self-signed", "tls-pin", "common-name", {"pinned": "self-signed"}),
    ("pinned: its key, TLS 1.1 only", "tls-handshake", "rsa",
     {"pinned": "rsa", "minimum": "TLSv1_1", "maximum": "TLSv1_1", "ciphers": tls_cases.BROKEN}),
    ("cupsd's own TLS, a recorder on the way", "delivered", "cupsd", {"host": "localhost"}),
    ("cupsd's own TLS, by another of its names", "tls-name", "cupsd", {}),
]


def pinned_key(pki, name):
    """Of its certificate, as RFC 7469 writes it."""
    def openssl(*arguments, data=None):
        return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout
    public = openssl("x509", "-in", pki.path(f"{name}.pem"), "-noout", "-pubkey")
    key = openssl("pkey", "-pubin", "-outform", "DER", data=public)
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Spooler:
    """A cupsd for all cases, with TLS of its own on a port; and a server without TLS."""

    def __init__(self, pki, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.tls_port = probe.getsockname()[1]
        listen = f"SSLListen 127.0.0.1:{self.tls_port}\nServerName localhost\nServerAlias *"
        self.cups = PrivateCups(folder, extra=listen)
        keys = pathlib.Path(folder) / "root" / "ssl"
        keys.mkdir(parents=True)
        for end, kind in (("crt", "pem"), ("key", "key")):
            (keys / f"localhost.{end}").write_text(pathlib.Path(pki.path(f"good.{kind}")).read_text())
        self.cups.start()
        # One that knows no TLS at all; cupsd would see that TLS is meant.
        self.plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=self.plain.serve_forever, daemon=True).start()

    def stop(self):
        self.plain.shutdown()
        self.plain.server_close()
        self.cups.stop()


class PrintServer:
    """One case's way to that cupsd, and what could be read on it."""

    channel, method = "IPPS", "print"

    def __init__(self, pki, spooler, certificate, odd):
        self.cups, self.owns = spooler.cups, certificate == "cupsd"
        if self.owns:
            self.relay = Relay(("127.0.0.1", spooler.tls_port))
        else:
            # cupsd takes no other name than this on its socket.
            host = (rb"(?i)\r\nHost: [^\r]+", b"\r\nHost: localhost")
            tls = tls_cases.context(pki, certificate, odd) if certificate else None
            self.relay = Relay(self.cups.server if tls else spooler.plain.server_address, tls, asks=host)
        self.settings = {"server": f"ipps://{odd.get('host', HOST)}:{self.relay.port}", "ca_file": pki.path("ca.pem"),
                         "crl_file": tls_cases.revocation_list(pki, odd)}
        if "pinned" in odd:
            self.settings["pinned_key"] = pinned_key(pki, odd["pinned"])

    def stop(self):
        self.relay.stop()

    def printed(self, delivery):
        return [path for job, path in self.cups.printed() if job == delivery]

    def content(self, delivery):
        """Bytes that came under TLS or in clear; where cupsd has the keys, of what was printed."""
        heard = bytes(self.relay.heard)
        if self.owns:
            return sum(path.stat().st_size for path in self.printed(delivery))
        return 0 if heard[:1] == b"\x16" else len(heard)  # a handshake that nobody answered is no content

    def has(self, pin, delivery):
        texts = [subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True, text=True).stdout
                 for path in self.printed(delivery)]
        return [pin in "".join(text.split()) for text in texts] == [True]

    def heard(self):
        return bytes(self.relay.heard) if self.owns else b""
