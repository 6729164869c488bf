"""Workers as the packaged service has them: systemd starts one for each connection, with the key as a credential."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402


class Activated(unittest.TestCase):
    """systemd-socket-activate does here what pindispatch-worker.socket and its template service do."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.cups = PrivateCups(self.dir / "cups", ["pin"]).start()
        self.addCleanup(self.cups.stop)
        self.socket = self.dir / "worker.sock"
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="print", print={"server": self.cups.server},
                                     workers={"socket": self.socket, "print": 1, "email": 1})
        self.dispatcher.prepare()
        credentials = self.dir / "credentials"
        credentials.mkdir()
        # The dispatcher has no private key any more: only whoever systemd gives it to.
        (self.dispatcher.dir / "seal.key.jwk").rename(credentials / "seal.key.jwk")
        self.credentials = credentials

    def activate(self):
        # --inetd makes the connection standard error too, hence the shell.
        listener = subprocess.Popen(
            ["systemd-socket-activate", "--accept", "--inetd", "-l", str(self.socket), "-E",
             f"CREDENTIALS_DIRECTORY={self.credentials}", "-E", "G_SLICE=always-malloc",
             "/bin/sh", "-c", f"exec {program('pindispatch-worker')} 2>/dev/null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (listener.terminate(), listener.wait(20)))
        wait_until(self.socket.exists, "the workers' socket")

    def start(self):
        self.dispatcher.start()
        self.addCleanup(self.dispatcher.stop)

    def test_a_letter_by_a_worker_that_is_no_child(self):
        self.activate()
        self.start()
        pin = canary(8)
        delivery = self.dispatcher.submit(card_event("1", pin))[0]["deliveries"][0]["id"]
        shown = self.dispatcher.wait_state(delivery, "delivered", "failed")
        self.assertEqual(shown["state"], "delivered")
        self.assertEqual(self.dispatcher.workers(), [])
        (job, path), = self.cups.printed()
        self.assertEqual(job, shown["job_uuid"])
        text = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True).stdout
        self.assertIn(pin, text.replace(" ", ""))

    def test_without_workers_letters_wait_and_status_says_so(self):
        self.start()
        delivery = self.dispatcher.submit(card_event("1", canary(8)))[0]["deliveries"][0]["id"]
        wait_until(lambda: self.dispatcher.channel("print")["trouble"], "trouble of the channel")
        self.assertIn(self.dispatcher.state(delivery), ("queued", "deferred"))
        self.activate()
        self.dispatcher.wait_state(delivery, "delivered", seconds=60)


if __name__ == "__main__":
    unittest.main()
