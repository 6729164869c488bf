"""The cases of TLS that are the same towards a mail server and towards a printer (tests/tls-cases): what the server is,
and what must come of a PIN."""

import ssl

from tls import Certificate

HOST = "peer.example.test"
ALIAS = "alias.example.test"  # the DNS makes it real.example.test
DEEP = "deep.peer.example.test"

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

# case, what must come of it, certificate (None: no TLS), and what else is so
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
]


def context(pki, certificate, odd):
    """A server's: of the certificate, with the TLS that ODD names."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(odd.get("ciphers", "DEFAULT"))
    made.load_cert_chain(pki.path(f"{certificate}.pem"), pki.path(f"{certificate}.key"))
    made.minimum_version = ssl.TLSVersion[odd.get("minimum", "TLSv1_2")]
    made.maximum_version = ssl.TLSVersion[odd.get("maximum", "TLSv1_3")]
    return made


def revocation_list(pki, odd):
    return pki.path(f"{odd['list']}.pem") if "list" in odd else ""


def make(pki):
    """Certificates and revocation lists for all cases."""
    pki.make().make_more(CERTIFICATES)
    pki.revoke("right-on-list")
    pki.make_list("list")
    pki.make_list("old-list", last="210101000000Z")
    pki.make_list("other-list", signer="other-ca")
    with open(pki.path("no-list.pem"), "w") as file:
        file.write("no list\n")
    return pki
