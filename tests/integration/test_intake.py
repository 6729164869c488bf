"""How events come in: the submit socket and the drop directory of a real dispatcher."""

import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, canary, card_event, program, wait_until  # noqa: E402


def lines_of(*events):
    return "".join(json.dumps(e) + "\n" for e in events).encode()


class Client:
    """A connection to the submit socket that reads and writes when it is told to."""

    def __init__(self, dispatcher):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(dispatcher.dir / "submit.sock"))
        self.input = self.socket.makefile("rb")

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        line = self.input.readline()
        return json.loads(line) if line else None

    def close(self):
        self.input.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class IntakeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-intake-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dispatcher = Dispatcher(self.dir / "dispatcher")
        self.addCleanup(self.assert_clean_end)

    def assert_clean_end(self):
        self.assertEqual(self.dispatcher.stop(), 0)
        for trouble in ("ERROR: AddressSanitizer", "runtime error:"):
            self.assertFalse(trouble in self.dispatcher.log(), self.dispatcher.log()[-2000:])

    def assert_nowhere(self, secret):
        """No file below the dispatcher's folder holds it, its log included."""
        for path in self.dispatcher.dir.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)


class Submit(IntakeTest):
    def setUp(self):
        super().setUp()
        self.dispatcher.start()

    def test_answers_are_in_order_and_say_why(self):
        event = card_event("1", canary(), canary())
        other = card_event("1", canary(), canary(), name="Eva Berg")
        misspelt = card_event("2")
        misspelt["data"]["pim"] = canary()
        bad_mail = card_event("3", canary(), email="asa@example.com\r\nBcc: eve@example.com")
        again = json.loads(json.dumps(event))
        again["data"]["pin"] = canary()
        answers = self.dispatcher.submit(event, misspelt, "no json", again, other, bad_mail, card_event("4", canary()))
        self.assertEqual([a["result"] for a in answers], ["accepted", "rejected", "rejected", "duplicate", "rejected",
                                                          "rejected", "accepted"])
        self.assertEqual([a.get("code") for a in answers], [None, "unknown", "json", None, "conflict", "email", None])
        self.assertEqual([(d["secret"], d["method"], d["state"]) for d in answers[0]["deliveries"]],
                         [("pin", "nopin", "nopin"), ("puk", "nopuk", "nopin")])
        self.assertEqual(answers[3]["deliveries"], answers[0]["deliveries"])
        self.assertEqual(answers[5]["path"], "$.data.holder.email")
        self.assertIn('"pin"', answers[1]["message"])

    def test_no_clear_secret_is_left_anywhere(self):
        pin, puk = canary(), canary()
        refused = card_event("2", pin)
        refused["data"]["pim"] = puk
        self.dispatcher.submit(card_event("1", pin, puk), refused, json.dumps(card_event("3", pin))[:-1], pin)
        self.dispatcher.stop()
        self.assertIn("EVENT_ID=1", self.dispatcher.log())
        self.assert_nowhere(pin)
        self.assert_nowhere(puk)

    def test_socket_is_for_owner_and_group(self):
        mode = stat.S_IMODE((self.dispatcher.dir / "submit.sock").stat().st_mode)
        self.assertEqual(mode, 0o660)

    def test_slow_silent_and_deaf_clients_harm_nobody(self):
        with Client(self.dispatcher) as slow, Client(self.dispatcher) as silent, Client(self.dispatcher) as deaf:
            flood = threading.Thread(target=self.flood, args=(deaf,), daemon=True)
            flood.start()
            for byte in lines_of(card_event("slow", canary())):
                slow.say(bytes([byte]))
            self.assertEqual(slow.hear()["result"], "accepted")
            with Client(self.dispatcher) as other:
                other.say(lines_of(card_event("other", canary())))
                self.assertEqual(other.hear()["result"], "accepted")
            silent.say(lines_of(card_event("late", canary())))
            self.assertEqual(silent.hear()["id"], "late")
        flood.join(30)
        self.assertFalse(flood.is_alive())

    @staticmethod
    def flood(client):
        try:
            for i in range(100000):
                client.say(lines_of(card_event(f"flood-{i}", canary())))
        except OSError:
            pass

    def test_line_too_long_is_refused_alone(self):
        with Client(self.dispatcher) as client:
            client.say(b"x" * 200000 + b"\n" + lines_of(card_event("1", canary())))
            self.assertEqual(client.hear()["code"], "size")
            self.assertEqual(client.hear()["result"], "accepted")

    def test_accepted_survives_kill(self):
        accepted = {}
        for life in range(3):
            with Client(self.dispatcher) as client:
                sender = threading.Thread(target=self.send_some, args=(client, life), daemon=True)
                sender.start()
                for _ in range(150):
                    answer = client.hear()
                    accepted[answer["id"]] = answer["deliveries"]
                self.dispatcher.kill()
                while (answer := self.hear_rest(client)) is not None:
                    accepted[answer["id"]] = answer["deliveries"]
                sender.join(30)
            self.dispatcher.start()
        answers = self.dispatcher.submit(*(card_event(i, "1") for i in accepted))
        self.assertEqual({a["result"] for a in answers}, {"duplicate"})
        self.assertEqual({a["id"]: a["deliveries"] for a in answers}, accepted)
        self.assertEqual(self.dispatcher.ctl("audit", "verify").returncode, 0)

    @staticmethod
    def send_some(client, life):
        try:
            for i in range(1000):
                client.say(lines_of(card_event(f"{life}-{i}", "1")))
        except OSError:
            pass

    @staticmethod
    def hear_rest(client):
        try:
            return client.hear()
        except (OSError, ValueError):
            return None  # the last line may be half of one


class SealedSubmit(IntakeTest):
    def test_sealed_is_taken_and_another_key_is_not(self):
        self.dispatcher.start()
        jwe = self.dispatcher.ctl("seal", data=json.dumps({"pin": canary()})).stdout.strip()
        event = card_event("1")
        event["data"].update(sealed=jwe, secrets=["pin"])
        foreign = card_event("2")
        foreign["data"]["sealed"] = self.seal_elsewhere()
        answers = self.dispatcher.submit(event, foreign)
        self.assertEqual(answers[0]["result"], "accepted")
        self.assertEqual([d["secret"] for d in answers[0]["deliveries"]], ["pin"])
        self.assertEqual(answers[1]["code"], "key")
        self.assertEqual(answers[1]["path"], "$.data.sealed")

    def seal_elsewhere(self):
        other = Dispatcher(self.dir / "other").prepare()
        return other.ctl("seal", data=json.dumps({"pin": canary()})).stdout.strip()


class Activated(IntakeTest):
    def test_sockets_of_systemd_are_used(self):
        self.assertIsNotNone(shutil.which("systemd-socket-activate"))
        self.dispatcher.prepare()
        paths = [self.dispatcher.dir / "submit.sock", self.dispatcher.dir / "control.sock"]
        command = ["systemd-socket-activate", "-l", str(paths[0]), "-l", str(paths[1]), "--fdname=submit:control",
                   program("pindispatchd"), "--config", str(self.dispatcher.config)]
        with open(self.dispatcher.log_path, "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end, process)
        wait_until(lambda: all(p.exists() for p in paths), "the sockets of systemd")
        inode = os.stat(paths[0]).st_ino
        (answer,) = self.dispatcher.submit(card_event("1", canary()))
        self.assertEqual(answer["result"], "accepted")
        self.assertEqual(os.stat(paths[0]).st_ino, inode)

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(30)


class Drop(IntakeTest):
    def setUp(self):
        super().setUp()
        self.incoming = self.dir / "incoming"
        self.incoming.mkdir()
        self.dispatcher.groups["submit"] = {"directory": self.incoming}

    def drop(self, name, data):
        draft = self.incoming / f".{name}"
        draft.write_bytes(data)
        draft.rename(self.incoming / name)

    def wait_taken(self, name):
        wait_until(lambda: not (self.incoming / name).exists(), f"{name} to be taken")

    def test_files_are_taken_before_and_after_the_start(self):
        self.drop("before.json", lines_of(card_event("1", canary())))
        self.dispatcher.start()
        self.wait_taken("before.json")
        self.drop("after.ndjson", lines_of(card_event("2", canary()), card_event("3", canary())))
        self.wait_taken("after.ndjson")
        self.assertEqual(len(self.dispatcher.json("list")), 3)
        self.assertFalse((self.incoming / "rejected").exists())

    def test_refused_lines_are_put_aside(self):
        bad = lines_of(card_event("2", canary(), email="no address"))
        self.drop("mixed.json", lines_of(card_event("1", canary())) + bad)
        self.dispatcher.start()
        self.wait_taken("mixed.json")
        aside = self.incoming / "rejected" / "mixed.json"
        reason = json.loads((self.incoming / "rejected" / "mixed.json.reason").read_text())
        self.assertEqual(aside.read_bytes(), bad)
        self.assertEqual(stat.S_IMODE(aside.stat().st_mode), 0o600)
        self.assertEqual((reason["code"], reason["path"], reason["line"]), ("email", "$.data.holder.email", 2))

    def test_file_survives_kill_and_counts_once(self):
        events = [card_event(str(i), "1") for i in range(3000)]
        self.dispatcher.start()
        self.drop("many.json", lines_of(*events))
        wait_until(lambda: self.dispatcher.log().count("EVENT_ID=") > 200, "some events")
        self.dispatcher.kill()
        self.dispatcher.start()
        self.wait_taken("many.json")
        self.assertEqual(len(self.dispatcher.json("list", "--limit", "10000")), 3000)

    def test_once_takes_what_is_there(self):
        self.drop("a.json", lines_of(card_event("1", canary())))
        self.assertEqual(self.dispatcher.once(), 0)
        self.assertFalse((self.incoming / "a.json").exists())


if __name__ == "__main__":
    unittest.main()
