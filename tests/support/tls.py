#!/usr/bin/python3
"""Certificates for the tests' servers, made with the openssl command.

    tls.py DIR      makes DIR/ca.pem, DIR/other-ca.pem and, signed by the former unless their name says otherwise,
                    DIR/NAME.pem with DIR/NAME.key for each of NAMES
"""
import dataclasses
import os
import subprocess
import sys


@dataclasses.dataclass
class Certificate:
    """What it says; the default is one that a client of localhost must accept."""

    san: str = "DNS:localhost,IP:127.0.0.1"  # "": none
    signer: str = "ca"  # "": itself
    first: str = "200101000000Z"
    last: str = "491231235959Z"
    subject: str = "mail server"
    key: str = "ec:P-256"  # or "rsa:BITS"
    digest: str = "sha256"
    usage: str = "serverAuth"
    authority: bool = False
    chain: tuple = ()  # certificates that go with it


NAMES = {
    "good": Certificate(),
    "wrong-name": Certificate("DNS:elsewhere.example,IP:127.0.0.9"),
    "name-only": Certificate("DNS:localhost"),
    "expired": Certificate(last="210101000000Z"),
    "unknown-ca": Certificate(signer="other-ca"),
}

CONFIG = """
[ca]
default_ca = own
[own]
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}
default_md = {digest}
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = {subject}
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = {usage}
{san}
"""


class Authority:
    """A folder with two CAs and the servers' certificates."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        os.makedirs(self.directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=self.directory, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def configure(self, subject, row=Certificate()):
        san = f"subjectAltName = {row.san}" if row.san else ""
        with open(self.path("openssl.cnf"), "w") as file:
            file.write(CONFIG.format(dir=self.directory, subject=subject, san=san, usage=row.usage, digest=row.digest))

    def make_ca(self, name):
        self.configure(f"Test {name}")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                     "-config", "openssl.cnf", "-extensions", "authority", "-keyout", f"{name}.key",
                     "-out", f"{name}.pem")

    def request(self, name, row, *options):
        kind, _, size = row.key.partition(":")
        size = f"ec_paramgen_curve:{size}" if kind == "ec" else f"rsa_keygen_bits:{size}"
        self.openssl("req", "-newkey", kind, "-pkeyopt", size, "-nodes", "-config", "openssl.cnf", "-keyout",
                     f"{name}.key", *options)

    def make_server(self, name, row):
        extensions = "authority" if row.authority else "server"
        self.configure(row.subject, row)
        if not row.signer:
            self.request(name, row, "-x509", "-days", "30", "-extensions", extensions, "-out", f"{name}.pem")
            return
        self.request(name, row, "-out", f"{name}.csr")
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", extensions, "-cert",
                     f"{row.signer}.pem", "-keyfile", f"{row.signer}.key", "-startdate", row.first, "-enddate",
                     row.last, "-in", f"{name}.csr", "-out", f"{name}.pem")
        with open(self.path(f"{name}.pem"), "a") as file:
            for other in row.chain:
                with open(self.path(f"{other}.pem")) as more:
                    file.write(more.read())

    def make_more(self, rows):
        """In their order: a signer comes before what it signs."""
        for name, row in rows.items():
            self.make_server(name, row)
        return self

    def revoke(self, name):
        self.openssl("ca", "-config", "openssl.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", f"{name}.pem")

    def make_list(self, name, signer="ca", first="200101000000Z", last="491231235959Z"):
        """What was revoked so far, as NAME.pem."""
        self.openssl("ca", "-config", "openssl.cnf", "-cert", f"{signer}.pem", "-keyfile", f"{signer}.key", "-gencrl",
                     "-crl_lastupdate", first, "-crl_nextupdate", last, "-out", f"{name}.pem")

    def make(self):
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as file:
            file.write("1000\n")
        for name in ("ca", "other-ca"):
            self.make_ca(name)
        return self.make_more(NAMES)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Authority(sys.argv[1]).make()
