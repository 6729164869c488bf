#!/usr/bin/python3
"""Certificates for the tests' servers, made with the openssl command.

    tls.py DIR      makes DIR/ca.pem, DIR/other-ca.pem and, signed by the former unless their name says otherwise,
                    DIR/NAME.pem with DIR/NAME.key for each of NAMES
"""
import os
import subprocess
import sys

# name: (signed by, subjectAltName, first day, last day)
NAMES = {
    "good": ("ca", "DNS:localhost,IP:127.0.0.1", "200101000000Z", "491231235959Z"),
    "wrong-name": ("ca", "DNS:elsewhere.example,IP:127.0.0.9", "200101000000Z", "491231235959Z"),
    "name-only": ("ca", "DNS:localhost", "200101000000Z", "491231235959Z"),
    "expired": ("ca", "DNS:localhost,IP:127.0.0.1", "200101000000Z", "210101000000Z"),
    "unknown-ca": ("other-ca", "DNS:localhost,IP:127.0.0.1", "200101000000Z", "491231235959Z"),
}

CONFIG = """
[ca]
default_ca = own
[own]
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}
default_md = sha256
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
extendedKeyUsage = serverAuth
subjectAltName = {san}
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

    def configure(self, subject, san="DNS:none"):
        with open(self.path("openssl.cnf"), "w") as file:
            file.write(CONFIG.format(dir=self.directory, subject=subject, san=san))

    def make_ca(self, name):
        self.configure(f"Test {name}")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                     "-config", "openssl.cnf", "-extensions", "authority", "-keyout", f"{name}.key",
                     "-out", f"{name}.pem")

    def make_server(self, name, signer, san, first, last):
        self.configure("mail server", san)
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "openssl.cnf",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", "server", "-cert",
                     f"{signer}.pem", "-keyfile", f"{signer}.key", "-startdate", first, "-enddate", last,
                     "-in", f"{name}.csr", "-out", f"{name}.pem")

    def make(self):
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as file:
            file.write("1000\n")
        for name in ("ca", "other-ca"):
            self.make_ca(name)
        for name, (signer, san, first, last) in NAMES.items():
            self.make_server(name, signer, san, first, last)
        return self


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Authority(sys.argv[1]).make()
