"""The cases of TLS towards a mail server, for tests/tls-cases: what the server is, and what must come of a mail."""

import pathlib
import socket
import threading

from smtp_scripted import ScriptedServer
from tls import Certificate

HOST = "mail.example.test"
ALIAS = "alias.example.test"  # the DNS makes it real.example.test
DEEP = "deep.mail.example.test"

# For nss_wrapper: an address, the canonical name, others that lead to it.
HOSTS = f"""\
127.0.0.1 localhost
127.0.0.1 {HOST}
127.0.0.1 {DEEP}
127.0.0.1 real.example.test {ALIAS}
"""

CERTIFICATES = {
    "right": Certificate(f"DNS:{HOST}"),
    "right-on-list": Certificate(f"DNS:{HOST}"),
    "canonical": Certificate("DNS:real.example.test"),
    "alias": Certificate(f"DNS:{ALIAS}"),
    "wildcard": Certificate("DNS:*.example.test"),
    "partial-wildcard": Certificate("DNS:ma*.example.test"),
    "address": Certificate("IP:127.0.0.1"),
    "other-address": Certificate("IP:127.0.0.2"),
    "address-as-name": Certificate("DNS:127.0.0.1"),
    "common-name": Certificate("", subject=HOST),
    "common-name-beside": Certificate("DNS:elsewhere.example", subject=HOST),
    "self-signed": Certificate(f"DNS:{HOST}", signer=""),
    "by-other-ca": Certificate(f"DNS:{HOST}", signer="other-ca"),
    "over": Certificate(f"DNS:{HOST}", last="210101000000Z"),
    "to-come": Certificate(f"DNS:{HOST}", first="480101000000Z"),
    "weak-key": Certificate(f"DNS:{HOST}", key="rsa:1024"),
    "weak-digest": Certificate(f"DNS:{HOST}", digest="sha1"),
    "client": Certificate(f"DNS:{HOST}", usage="clientAuth"),
    "rsa": Certificate(f"DNS:{HOST}", key="rsa:2048"),
    "between": Certificate(subject="Test CA between", authority=True),
    "below": Certificate(f"DNS:{HOST}", signer="between", chain=("between",)),
    "below-alone": Certificate(f"DNS:{HOST}", signer="between"),
    "by-no-ca": Certificate(f"DNS:{HOST}", signer="right", chain=("right",)),
}

BROKEN = "ALL:@SECLEVEL=0"  # whatever OpenSSL can still do

# case, what must come of it, certificate (None: no STARTTLS), and what else is so
CASES = [
    ("right chain and name", "delivered", "right", {}),
    ("chain over a CA between", "delivered", "below", {}),
    ("the CA between is not sent", "tls-chain", "below-alone", {}),
    ("signed with a server's certificate", "tls-certificate", "by-no-ca", {}),
    ("another CA", "tls-chain", "by-other-ca", {}),
    ("self-signed", "tls-chain", "self-signed", {}),
    ("expired", "tls-expired", "over", {}),
    ("not valid yet", "tls-not-yet-valid", "to-come", {}),
    ("for clients, not for servers", "tls-certificate", "client", {}),
    ("a weak key (RSA, 1024 bits)", "tls-certificate", "weak-key", {"ciphers": BROKEN}),
    ("a weak signature (SHA-1)", "tls-certificate", "weak-digest", {"ciphers": BROKEN}),
    ("another name", "tls-name", "canonical", {}),
    ("a CNAME: for the configured name", "delivered", "alias", {"host": ALIAS}),
    ("a CNAME: for the name it leads to", "tls-name", "canonical", {"host": ALIAS}),
    ("wildcard, one label", "delivered", "wildcard", {}),
    ("wildcard, two labels", "tls-name", "wildcard", {"host": DEEP}),
    ("wildcard within a label", "tls-name", "partial-wildcard", {}),
    ("an address, in the certificate", "delivered", "address", {"host": "127.0.0.1"}),
    ("an address, another one there", "tls-name", "other-address", {"host": "127.0.0.1"}),
    ("an address, there as a name", "tls-name", "address-as-name", {"host": "127.0.0.1"}),
    ("the name as common name only", "tls-name", "common-name", {}),
    ("the name as common name beside others", "tls-name", "common-name-beside", {}),
    ("revoked", "tls-revoked", "right-on-list", {"list": "list"}),
    ("not revoked", "delivered", "right", {"list": "list"}),
    ("the revocation list is too old", "tls-crl", "right", {"list": "old-list"}),
    ("the revocation list is another CA's", "tls-crl", "right", {"list": "other-list"}),
    ("what should be a revocation list is none", "tls-crl-file", "right", {"list": "no-list"}),
    ("TLS 1.0 only", "tls-handshake", "rsa", {"minimum": "TLSv1", "maximum": "TLSv1", "ciphers": BROKEN}),
    ("TLS 1.1 only", "tls-handshake", "rsa", {"minimum": "TLSv1_1", "maximum": "TLSv1_1", "ciphers": BROKEN}),
    ("TLS 1.2 without forward secrecy", "tls-handshake", "rsa", {"maximum": "TLSv1_2", "ciphers": "kRSA+AES"}),
    ("TLS 1.2 with CBC", "tls-handshake", "right", {"maximum": "TLSv1_2", "ciphers": "ECDHE-ECDSA-AES128-SHA256"}),
    ("nobody, by anonymous keys", "tls-handshake", "right", {"maximum": "TLSv1_2", "ciphers": "aNULL:@SECLEVEL=0"}),
    ("no STARTTLS", "tls-not-offered", None, {}),
    ("STARTTLS taken away on the way", "tls-not-offered", "right", {"strip": True}),
    ("STARTTLS refused for now (454)", "tls-refused", "right", {"starttls": "454 4.7.0 Not now"}),
    ("STARTTLS refused for good (502)", "tls-refused", "right", {"starttls": "502 5.5.1 What?"}),
    ("a reply injected behind the 220", "tls-injection", "right", {"starttls": {"inject": "250 x\r\n"}}),
    ("a handshake that breaks off", "connection-lost", "right", {"starttls": {"drop": True}}),
    ("a recorder on the way, all right", "delivered", "right", {"record": True}),
]


class Relay:
    """A man in the middle: relays to PORT, keeps what the client said; with STRIP no STARTTLS comes through."""

    def __init__(self, port, strip):
        self.target, self.strip = port, strip
        self.heard = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pump, args=(client, server, self.keep), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, self.edit), daemon=True).start()

    @staticmethod
    def pump(source, target, through):
        try:
            while data := source.recv(65536):
                target.sendall(through(data))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def keep(self, data):
        self.heard += data
        return data

    def edit(self, data):
        return data.replace(b"STARTTLS", b"XXXXXXXX") if self.strip else data

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


class MailServer:
    """One case's server, and what it got to see."""

    def __init__(self, pki, folder, certificate, odd):
        script = {key: odd[key] for key in ("minimum", "maximum", "ciphers", "starttls") if key in odd}
        if certificate:
            script["tls"] = {"cert": pki.path(f"{certificate}.pem"), "key": pki.path(f"{certificate}.key")}
        self.record = pathlib.Path(folder) / "record"
        self.server = ScriptedServer(script, self.record).start()
        self.relay = Relay(self.server.port, "strip" in odd) if "strip" in odd or "record" in odd else None
        self.port = (self.relay or self.server).port

    def stop(self):
        if self.relay:
            self.relay.stop()
        self.server.stop()


def settings(pki, port, odd):
    revoked = pki.path(f"{odd['list']}.pem") if "list" in odd else ""
    return {"server": f"{odd.get('host', HOST)}:{port}", "ca_file": pki.path("ca.pem"), "crl_file": revoked,
            "from": "PIN service <pin@example.com>", "timeout": "10s"}


def content_of(rows):
    """Bytes of a mail, its envelope or a login that the server has seen, in clear or under TLS."""
    polite = ("EHLO", "HELO", "STARTTLS", "QUIT", "RSET", "NOOP")
    count = 0
    for row in rows:
        line = row.get("line", "")
        count += len(row.get("message", "")) + row.get("cut", 0)
        count += 0 if line.split(" ")[0].upper() in polite else len(line)
    return count
