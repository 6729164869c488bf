"""Certificates of card holders, good ones and one for each way of being unfit; made with the openssl command."""
import email
import email.policy
import pathlib
import subprocess

from tls import Authority, Certificate

ADDRESS = "asa.oberg@example.com"


def certificate(use="keyEncipherment", purpose="emailProtection", address=ADDRESS, key="rsa:2048", **more):
    """Good unless told otherwise."""
    return Certificate(san=f"email:{address}", key=key, subject="Asa Oberg",
                       usage=f"{purpose}\nkeyUsage = critical,{use}", **more)


GOOD = {
    "rsa": certificate(),
    "ec": certificate("keyAgreement", key="ec:P-256"),
    "capitals": certificate("keyAgreement", key="ec:P-256", address="Asa.Oberg@Example.com"),
}
# By the code that says why.
UNFIT = {
    "certificate-expired": certificate(last="210101000000Z"),
    "certificate-future": certificate(first="480101000000Z"),
    "certificate-usage": certificate("digitalSignature"),
    "certificate-usage ": certificate("digitalSignature", key="ec:P-256"),
    "certificate-usage  ": certificate(purpose="clientAuth"),
    "certificate-address": certificate(address="eve@example.com"),
    "certificate-weak": certificate(key="rsa:1024"),
    "certificate-untrusted": certificate(signer="other-ca"),
}


class Holders(Authority):
    def make(self):
        pathlib.Path(self.path("index.txt")).touch()
        pathlib.Path(self.path("serial")).write_text("1000\n")
        for name in ("ca", "other-ca"):
            self.make_ca(name)
        return self.make_more({**GOOD, **{name.replace(" ", "_"): row for name, row in UNFIT.items()}})

    def text(self, name):
        return pathlib.Path(self.path(f"{name.replace(' ', '_')}.pem")).read_text()

    def decrypt(self, mail, name):
        """What is in an S/MIME message, parsed."""
        clear = subprocess.run(["openssl", "cms", "-decrypt", "-recip", self.path(f"{name}.pem"), "-inkey",
                                self.path(f"{name}.key")], input=mail, capture_output=True, check=True).stdout
        return email.message_from_bytes(clear, policy=email.policy.default)
