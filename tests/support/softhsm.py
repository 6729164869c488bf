"""A private SoftHSM token with keys of its own, made by the token's own tools."""
import os
import pathlib
import subprocess

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "artificial-135790"
SO_PIN = "artificial-876543"


class PrivateToken:
    """A token "cards" below FOLDER; .environment is what a process needs to see it."""

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        (self.dir / "tokens").mkdir(parents=True)
        conf = self.dir / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.dir}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(conf)}
        self.run("softhsm2-util", "--init-token", "--free", "--label", "cards", "--pin", PIN, "--so-pin", SO_PIN)

    def run(self, *words):
        subprocess.run(words, env={**os.environ, **self.environment}, check=True, capture_output=True, timeout=60)

    def make_key(self, label, number):
        self.run("pkcs11-tool", "--module", MODULE, "--token-label", "cards", "--login", "--pin", PIN, "--keypairgen",
                 "--key-type", "EC:prime256v1", "--label", label, "--id", f"{number:02x}", "--usage-derive")
        return f"pkcs11:token=cards;object={label}"
