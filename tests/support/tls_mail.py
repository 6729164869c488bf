"""The cases of TLS towards a mail server, for tests/tls-cases."""

import json
import pathlib

import tls_cases
from smtp_scripted import ScriptedServer
from tls_cases import HOST
from tls_relay import Relay

CASES = tls_cases.CASES + [
    ("TLS 1.3 only (libesmtp cannot)", "tls-handshake", "right", {"minimum": "TLSv1_3"}),
    ("no STARTTLS", "tls-not-offered", None, {}),
    ("STARTTLS taken away on the way", "tls-not-offered", "right", {"strip": True}),
    ("STARTTLS refused for now (454)", "tls-refused", "right", {"starttls": "454 4.7.0 Not now"}),
    ("STARTTLS refused for good (502)", "tls-refused", "right", {"starttls": "502 5.5.1 What?"}),
    ("a reply injected behind the 220", "tls-injection", "right", {"starttls": {"inject": "250 x\r\n"}}),
    ("a handshake that breaks off", "connection-lost", "right", {"starttls": {"drop": True}}),
    ("a recorder on the way, all right", "delivered", "right", {"record": True}),
]


class MailServer:
    """One case's server, and what it got to see."""

    channel, method = "SMTP", "email"

    def __init__(self, pki, folder, certificate, odd):
        script = {key: odd[key] for key in ("minimum", "maximum", "ciphers", "starttls") if key in odd}
        if certificate:
            script["tls"] = {"cert": pki.path(f"{certificate}.pem"), "key": pki.path(f"{certificate}.key")}
        self.record = pathlib.Path(folder) / "record"
        self.server = ScriptedServer(script, self.record).start()
        self.relay = None
        if "strip" in odd or "record" in odd:
            strip = (b"STARTTLS", b"XXXXXXXX") if "strip" in odd else None
            self.relay = Relay(("127.0.0.1", self.server.port), answers=strip)
        port = (self.relay or self.server).port
        self.settings = {"server": f"{odd.get('host', HOST)}:{port}", "ca_file": pki.path("ca.pem"),
                         "crl_file": tls_cases.revocation_list(pki, odd), "from": "PIN service <pin@example.com>",
                         "timeout": "30s"}

    def stop(self):
        if self.relay:
            self.relay.stop()
        self.server.stop()

    def rows(self):
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def content(self, _delivery):
        """Bytes of a mail, its envelope or a login that the server has seen, in clear or under TLS."""
        polite = ("EHLO", "HELO", "STARTTLS", "QUIT", "RSET", "NOOP")
        count = 0
        for row in self.rows():
            line = row.get("line", "")
            count += len(row.get("message", "")) + row.get("cut", 0)
            count += 0 if line.split(" ")[0].upper() in polite else len(line)
        return count

    def has(self, pin, _delivery):
        return any(pin in row.get("message", "") for row in self.rows())

    def heard(self):
        """By whom it is not for."""
        return bytes(self.relay.heard) if self.relay else b""
