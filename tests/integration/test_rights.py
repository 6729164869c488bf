"""Who may do what: issuers, readers and operators at the sockets; the dispatcher and its workers at the private key."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import residue  # noqa: E402
from dispatcher import ROOT, Dispatcher, card_event, program, wait_until  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from users import (DISPATCHER, ISSUER, OPERATOR, READER, STRANGER, WORKER, as_root, as_user, ask_as, end,  # noqa: E402
                   root)

JWE = re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]+")


def verbs():
    """{NAME: PRIVILEGE}, as the table of commands has them."""
    table = (ROOT / "src/control/control.c").read_text()
    return dict(re.findall(r'\{ "([\w-]+)", PRIVILEGE_(\w+),', table))


class AtTheSockets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-rights-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o755)
        # Nobody answers there: what is handed in waits.
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", puk="print",
                                     email={"server": "localhost:1"}, print={"server": "/nonexistent/cups.sock"},
                                     submit={"group": str(ISSUER)},
                                     control={"group": str(OPERATOR), "read_group": str(READER)})
        self.dispatcher.start()
        self.addCleanup(self.dispatcher.stop)
        # The mode lets all in, so that only the groups keep anybody out.
        for socket in ("submit.sock", "control.sock"):
            (self.dispatcher.dir / socket).chmod(0o666)
        self.stem = residue.make_stem()
        event = card_event("1", residue.make_secret(self.stem), residue.make_secret(self.stem))
        self.ids = [d["id"] for d in self.dispatcher.submit(event)[0]["deliveries"]]

    def ask(self, user, *lines):
        return ask_as(user, self.dispatcher.dir / "control.sock", *lines)

    def try_all(self, user):
        """{VERB: its last answer, or the error's code}, and all that was said."""
        results, everything = {}, []
        for verb in verbs():
            request = {"command": verb}
            if verb in ("show", "retry", "cancel", "hold", "release", "resolve"):
                request["id"] = self.ids[0]
            if verb == "states":
                request["ids"] = self.ids
            if verb == "resolve":
                request["as"] = "delivered"
            answers = self.ask(user, request)
            everything += answers
            results[verb] = answers[-1].get("error", {}).get("code", "ok")
        return results, everything

    def assert_nothing_given_away(self, answers):
        text = json.dumps(answers)
        self.assertEqual(residue.find_names(text.encode(), residue.forms(self.stem)), [])
        self.assertIsNone(JWE.search(text))

    def states(self):
        return [self.dispatcher.state(i) for i in self.ids]

    def test_the_table_is_read(self):
        self.assertLessEqual({"status", "list", "show", "retry", "cancel", "resolve", "reload"}, set(verbs()))
        self.assertEqual(set(verbs().values()), {"WATCH", "READ", "OPERATE"})

    def test_issuers_and_strangers_are_denied_every_verb_of_operators(self):
        before = self.dispatcher.status()["generation"]
        for user in (as_user(ISSUER), as_user(STRANGER), as_user(STRANGER, ISSUER)):
            results, answers = self.try_all(user)
            for verb, privilege in verbs().items():
                self.assertEqual(results[verb], "ok" if privilege == "WATCH" else "denied", verb)
            self.assert_nothing_given_away(answers)
        self.assertEqual(self.dispatcher.status()["generation"], before)
        self.assertLessEqual(set(self.states()), {"queued", "deferred", "sending"})
        self.assertIn(f"user with uid {ISSUER}: cancel is denied", self.dispatcher.log())

    def test_readers_see_and_change_nothing(self):
        for user in (as_user(READER), as_user(STRANGER, READER)):
            results, answers = self.try_all(user)
            for verb, privilege in verbs().items():
                if privilege == "OPERATE":
                    self.assertEqual(results[verb], "denied", verb)
                else:
                    self.assertNotIn(results[verb], ("denied", "usage", "unknown"), verb)
            self.assert_nothing_given_away(answers)
        self.assertLessEqual(set(self.states()), {"queued", "deferred", "sending"})

    def test_operators_do_all_and_get_no_pin(self):
        results, answers = self.try_all(as_user(STRANGER, OPERATOR))
        self.assertFalse({"denied", "usage", "unknown"} & set(results.values()), results)
        self.assert_nothing_given_away(answers)

    def test_preview_of_a_real_delivery_reveals_nothing(self):
        """What an operator can get of an event is not what a preview could reveal."""
        shown = self.ask(as_user(OPERATOR), {"command": "show", "id": self.ids[0]})[-1]["delivery"]
        event = self.dir / "event.json"
        event.write_text(json.dumps({**card_event("1"), **shown["event"]}))
        for suffix, method in (("pdf", "print"), ("eml", "email")):
            output = self.dir / f"preview.{suffix}"
            done = self.dispatcher.ctl("preview", event, "--method", method, "--reveal", "-o", output, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertFalse(output.exists())
            self.assertEqual(residue.find_names((done.stdout + done.stderr).encode(), residue.forms(self.stem)), [])

    def test_only_issuers_hand_in(self):
        event = {**card_event("2", residue.make_secret(self.stem))}
        socket = self.dispatcher.dir / "submit.sock"
        for user in (as_user(STRANGER), as_user(OPERATOR), as_user(READER, OPERATOR)):
            answers = ask_as(user, socket, event, event, "no event")
            self.assertEqual([(a["result"], a["code"]) for a in answers], [("rejected", "denied")] * 3)
            self.assert_nothing_given_away(answers)
        self.assertEqual(self.dispatcher.status()["store"]["events"], 1)
        self.assertEqual(ask_as(as_user(ISSUER), socket, event)[0]["result"], "accepted")
        self.assertEqual(ask_as(as_user(STRANGER, OPERATOR, ISSUER), socket, event)[0]["result"], "duplicate")

    def test_a_group_that_does_not_exist_is_an_error(self):
        other = Dispatcher(self.dir / "other", control={"group": "no-such-group-here"})
        other.write_config()
        done = subprocess.run([program("pindispatchd"), "--config", str(other.config), "--check-config"],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no-such-group-here", done.stderr)


class AtThePrivateKey(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-key-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o755)
        self.server = ScriptedServer({}, self.dir / "record", self.dir / "mails").start()
        self.addCleanup(self.server.stop)
        self.mail = {"server": f"localhost:{self.server.port}", "tls": "none-on-loopback", "timeout": "10s"}

    def test_the_dispatcher_never_opens_it(self):
        trace = self.dir / "trace"
        dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", email=self.mail)
        dispatcher.prefix = ["strace", "-D", "-f", "-qq", "-s", "4096", "-e", "trace=%file,open_by_handle_at", "-o",
                             str(trace)]
        dispatcher.start()
        self.addCleanup(dispatcher.stop)
        main = dispatcher.process.pid
        for event in ("1", "2"):
            answer, = dispatcher.submit(card_event(event, "482913"))
            dispatcher.wait_state(answer["deliveries"][0]["id"], "delivered")
            dispatcher.ctl("method", "email")  # a reload as well
        dispatcher.stop()
        calls = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
        named = [(int(pid), call) for pid, call in calls if "seal.key.jwk" in call]
        self.assertEqual([call for pid, call in named if pid == main], [])
        self.assertFalse(any("open_by_handle_at" in call for _, call in calls))
        # By the same means: who does open it, and what the dispatcher opens.
        self.assertTrue(any(re.search(r"openat\(.*= \d+$", call) for _, call in named), "no worker opened it")
        self.assertTrue(any(int(pid) == main and "seal.pub.jwk" in call for pid, call in calls))

    def make_house(self):
        """Programs, templates, keys and folders, each with the owner that the packaged service gives it."""
        shutil.copytree(os.environ["PINDISPATCH_BIN"], self.dir / "bin")
        shutil.copytree(ROOT / "templates", self.dir / "templates")
        self.addCleanup(lambda: root("chown", "-R", os.getuid(), self.dir))
        environment = unittest.mock.patch.dict(os.environ, {"PINDISPATCH_BIN": str(self.dir / "bin")})
        environment.start()
        self.addCleanup(environment.stop)
        dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", email=self.mail,
                                templates={"directory": self.dir / "templates"},
                                workers={"socket": self.dir / "run" / "worker.sock", "print": 1, "email": 1})
        dispatcher.prepare()
        for name in ("credentials", "run"):
            (self.dir / name).mkdir()
        (dispatcher.dir / "seal.key.jwk").rename(self.dir / "credentials" / "seal.key.jwk")
        root("chown", "-R", DISPATCHER, dispatcher.dir)
        root("chown", "-R", WORKER, self.dir / "credentials", self.dir / "run")
        root("chmod", "-R", "u=rX,go=", self.dir / "credentials")
        dispatcher.log_path = self.dir / "log"
        return dispatcher

    def activate(self):
        """systemd's part: a worker, as its own user, for each connection; only the dispatcher may connect."""
        socket = self.dir / "run" / "worker.sock"
        listener = subprocess.Popen(
            [*as_user(WORKER), "systemd-socket-activate", "--accept", "--inetd", "-l", str(socket), "-E",
             f"CREDENTIALS_DIRECTORY={self.dir}/credentials", "-E", "G_SLICE=always-malloc",
             "/bin/sh", "-c", f"exec {program('pindispatch-worker')} 2>/dev/null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(end, listener)
        wait_until(socket.exists, "the workers' socket")
        root("chown", DISPATCHER, socket)
        root("chmod", "600", socket)

    def can_read(self, uid, path):
        done = subprocess.run([*as_user(uid), "cat", str(path)], capture_output=True, timeout=30, check=False)
        self.assertTrue(done.returncode == 0 or b"Permission denied" in done.stderr, done.stderr)
        return done.returncode == 0

    def test_users_of_the_packaged_service(self):
        dispatcher = self.make_house()
        self.activate()
        dispatcher.prefix = as_user(DISPATCHER)
        dispatcher.start()
        self.addCleanup(lambda: end(dispatcher.process))
        root("chmod", "666", dispatcher.dir / "control.sock", dispatcher.dir / "submit.sock")
        answer, = dispatcher.submit(card_event("1", "482913"))
        dispatcher.wait_state(answer["deliveries"][0]["id"], "delivered")
        key = self.dir / "credentials" / "seal.key.jwk"
        self.assertEqual([self.can_read(uid, key) for uid in (DISPATCHER, ISSUER, OPERATOR, STRANGER, WORKER)],
                         [False, False, False, False, True])
        store = dispatcher.dir / "store" / "store.db"
        self.assertEqual([self.can_read(uid, store) for uid in (WORKER, ISSUER, OPERATOR, DISPATCHER)],
                         [False, False, False, True])
        self.assert_processes_are_apart(dispatcher)

    def process_status(self, pid):
        return subprocess.run([*as_root(), "cat", f"/proc/{pid}/status"], capture_output=True, text=True,
                              check=True).stdout

    def assert_processes_are_apart(self, dispatcher):
        pids = subprocess.run(["pgrep", "-u", str(WORKER), "-x", "pindispatch-wor"], capture_output=True, text=True,
                              check=True).stdout.split()
        self.assertTrue(pids)
        for pid in pids:
            for surface in ("environ", "mem", "maps"):
                self.assertFalse(self.can_read(DISPATCHER, f"/proc/{pid}/{surface}"))
                self.assertFalse(self.can_read(WORKER, f"/proc/{pid}/{surface}"))
            # A worker that has just been started confines itself before its first delivery.
            wait_until(lambda pid=pid: re.search(r"Seccomp:\s2\n", self.process_status(pid)), f"confinement of {pid}")
        self.assertFalse(self.can_read(DISPATCHER, f"/proc/{dispatcher.status()['pid']}/environ"))


if __name__ == "__main__":
    unittest.main()
