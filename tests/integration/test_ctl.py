"""pindispatchctl against a running daemon, and without one."""
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from dispatcher import ROOT, Dispatcher, card_event, program, wait_until  # noqa: E402

# fontconfig keeps its caches until the process ends; a build with AddressSanitizer calls that a leak.
os.environ.setdefault("LSAN_OPTIONS", f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0")

CANARY = "Zq7canary41"
COMMANDS = ("submit", "status", "list", "show", "retry", "cancel", "hold", "release", "resolve", "method", "preview",
            "keygen", "seal", "audit", "metrics")


def event(identity, pin="000000", puk=None, sealed=None, card=None, subject=None, **holder):
    body = card_event(identity, pin=pin, puk=puk, **holder)
    if sealed:
        body["data"]["sealed"] = sealed
    if card:
        body["data"]["card"]["id"] = card
    if subject:
        body["subject"] = subject
    return body


def ndjson(events):
    return "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in events)


def closed_port():
    """A port of this machine that nobody listens at."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class CtlTest(unittest.TestCase):
    """With a dispatcher that is prepared and not started."""
    pin = "nopin"
    retry = {"first": "200ms", "max": "1s"}
    dry_run = False

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pindispatch-ctl-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.daemon = Dispatcher(self.folder, self.pin, retry=self.retry,
                                 email={"server": f"127.0.0.1:{closed_port()}"},
                                 print={"server": self.folder / "no-cups.sock"})
        self.daemon.top["dry_run"] = self.dry_run
        self.addCleanup(self.daemon.stop)
        self.daemon.write_config()

    def ctl(self, *arguments, input=None, check=None):
        """Runs pindispatchctl; CHECK is the exit status that it must have."""
        done = self.daemon.ctl(*arguments, data=input, check=False)
        if check is not None:
            self.assertEqual(done.returncode, check, done.stdout[-2000:] + done.stderr[-4000:])
        return done

    def popen(self, *arguments, **more):
        return subprocess.Popen([program("pindispatchctl"), "--config", self.daemon.config, *arguments],
                                stdout=subprocess.PIPE, text=True, **more)

    def choose(self, method):
        self.daemon.pin = method
        self.daemon.write_config()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class UsageTest(CtlTest):
    def test_every_command_has_its_help(self):
        listed = self.ctl("--help", check=0).stdout
        for command in COMMANDS:
            self.assertRegex(listed, rf"(?m)^  {command} ")
            self.assertIn(f"Usage: pindispatchctl {command}", self.ctl(command, "--help", check=0).stdout)
        self.assertRegex(self.ctl("--version", check=0).stdout, r"^pindispatchctl \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_2(self):
        for arguments in ((), ("statuss",), ("status", "x"), ("list", "--limit", "0"), ("list", "--nope"), ("show",),
                          ("resolve", "x", "lost"), ("audit",), ("audit", "sing"), ("keygen", "--curve", "P-1"),
                          ("preview", "x"), ("submit", "--timeout", "soon"), ("seal", CANARY), ("list", "--state")):
            done = self.ctl(*arguments, check=2)
            self.assertEqual(done.stdout, "")
            self.assertIn("pindispatchctl", done.stderr)

    def test_says_the_nearest_command(self):
        self.assertIn('"status"', self.ctl("statsu", check=2).stderr)

    def test_wrong_configuration_is_2_with_its_lines(self):
        self.choose("prnt")
        done = self.ctl("status", check=2)
        self.assertIn(f"{self.daemon.config}:1: ", done.stderr)
        self.assertEqual(self.ctl("--config", "/nonexistent", "status").returncode, 2)

    def test_without_a_daemon(self):
        for arguments in (("status",), ("list",), ("submit",), ("metrics",), ("audit", "verify")):
            done = self.ctl(*arguments, input="", check=1)
            self.assertIn("no daemon answers at", done.stderr)
            self.assertIn(".sock", done.stderr)


class KeyTest(CtlTest):
    def mode(self, name):
        return stat.S_IMODE((self.folder / name).stat().st_mode)

    def test_pair_is_made_once(self):
        self.ctl("keygen", check=0)
        self.assertEqual(self.mode("seal.key.jwk"), 0o600)
        self.assertEqual(self.mode("seal.pub.jwk"), 0o644)
        self.assertNotIn('"d"', (self.folder / "seal.pub.jwk").read_text())
        before = (self.folder / "seal.key.jwk").read_text()
        self.assertIn("exists", self.ctl("keygen", check=1).stderr)
        self.assertEqual((self.folder / "seal.key.jwk").read_text(), before)
        (self.folder / "seal.key.jwk").chmod(0o644)
        self.ctl("keygen", "--force", check=0)
        self.assertNotEqual((self.folder / "seal.key.jwk").read_text(), before)
        self.assertEqual(self.mode("seal.key.jwk"), 0o600)

    def test_half_a_pair_is_not_completed(self):
        self.write("seal.pub.jwk", "{}")
        self.ctl("keygen", check=1)
        self.assertFalse((self.folder / "seal.key.jwk").exists())

    def test_private_key_is_not_shown(self):
        done = self.ctl("--json", "keygen", "--curve", "X25519", "-o", self.folder, check=0)
        private = json.loads((self.folder / "seal.key.jwk").read_text())["d"]
        self.assertNotIn(private, done.stdout + done.stderr)
        self.assertIn("kid", json.loads(done.stdout))

    def test_seals(self):
        self.ctl("keygen", check=0)
        jwe = self.ctl("seal", input=json.dumps({"pin": CANARY}), check=0).stdout.strip()
        self.assertRegex(jwe, r"^[\w-]+(\.[\w-]+){4}$")
        self.assertNotEqual(jwe, self.ctl("seal", input=json.dumps({"pin": CANARY}), check=0).stdout.strip())

    def test_seal_shows_nothing_of_a_wrong_input(self):
        self.ctl("keygen", check=0)
        for text in (f'{{"pin":"{CANARY}"', f'{{"pni":"{CANARY}"}}', CANARY, f'{{"pin":["{CANARY}"]}}',
                     f'{{"pin":"{CANARY} {CANARY}"}}', "{}", "", f'{{"{CANARY}":1}}', CANARY * 1000):
            done = self.ctl("seal", input=text, check=1)
            self.assertNotIn(CANARY, done.stdout + done.stderr)

    def test_sealed_event_is_taken(self):
        self.choose("email")
        self.daemon.start()
        jwe = self.ctl("seal", input=json.dumps({"pin": CANARY}), check=0).stdout.strip()
        answer = self.daemon.submit(event("s", pin=None, sealed=jwe))[0]
        self.assertEqual(answer["result"], "accepted")
        other = self.folder / "other"
        other.mkdir()
        self.ctl("keygen", "-o", other, check=0)
        wrong = self.ctl("seal", "--key", other / "seal.pub.jwk", input=json.dumps({"pin": "1"}), check=0).stdout
        answer = self.daemon.submit(event("t", pin=None, sealed=wrong.strip()))[0]
        self.assertEqual(answer["result"], "rejected")


class SubmitTest(CtlTest):
    def setUp(self):
        super().setUp()
        self.daemon.start()

    def test_answers_each_line(self):
        bad = event("b", email="two addresses")
        lines = ndjson([event("a", pin=CANARY, puk=CANARY + "2")]) + "\n  \n" + CANARY + "\n" + ndjson([bad]) + \
            ndjson([event("a", pin=CANARY, puk=CANARY + "2")]) + json.dumps(event("a", card="other"))
        path = self.write("events.ndjson", lines)
        done = self.ctl("submit", path, check=1)
        shown = done.stdout.splitlines()
        self.assertRegex(shown[0], rf"^{path}:1: accepted  [0-9a-f-]{{36}}  pin  nopin  nopin$")
        self.assertRegex(shown[1], rf"^{path}:1: accepted  [0-9a-f-]{{36}}  puk  nopuk  nopin$")
        self.assertTrue(shown[2].startswith(f"{path}:4: rejected"), shown[2])
        self.assertIn("$.data.holder.email", shown[3])
        self.assertIn(f"{path}:6: duplicate", shown[4])
        self.assertIn(f"{path}:7: rejected  conflict", shown[6])
        self.assertIn("5 events: 1 accepted, 1 duplicate, 3 rejected", done.stderr)
        self.assertNotIn(CANARY, done.stdout + done.stderr + self.daemon.log())

    def test_json_answers_name_their_lines(self):
        done = self.ctl("--json", "submit", "-", input="\n" + ndjson([event("a"), event("a")]), check=0)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(a["result"], a["line"]) for a in answers], [("accepted", 2), ("duplicate", 3)])
        self.assertEqual(done.stderr, "")

    def test_many_files_and_many_events(self):
        files = [self.write(f"{n}.ndjson", ndjson(event(f"{n}-{i}") for i in range(3000))) for n in range(3)]
        done = self.ctl("submit", "--quiet", *files, check=0)
        self.assertEqual(done.stdout, "")
        self.assertIn("9000 events: 9000 accepted", done.stderr)
        self.assertEqual(len(self.daemon.json("list", "--limit", 10000)), 9000)

    def test_line_too_long_is_one_rejected_line(self):
        text = json.dumps(event("long", subject="x" * 70000)) + "\n" + ndjson([event("after")])
        answers = [json.loads(a) for a in self.ctl("--json", "submit", input=text, check=1).stdout.splitlines()]
        self.assertEqual([a["result"] for a in answers], ["rejected", "accepted"])

    def test_missing_file_is_told(self):
        self.assertIn("/nonexistent: No such file", self.ctl("submit", "/nonexistent", check=1).stderr)

    def test_waits_for_what_is_settled_at_once(self):
        done = self.ctl("submit", "--wait", input=ndjson([event("w")]), check=0)
        self.assertIn("1 delivery settled, 0 of them not delivered", done.stderr)

    def test_daemon_killed_in_the_middle(self):
        path = self.write("many.ndjson", ndjson(event(f"m{i}") for i in range(30000)))
        p = self.popen("submit", path, stderr=subprocess.PIPE)
        first = p.stdout.readline()
        self.daemon.kill()
        out, err = p.communicate(timeout=60)
        self.assertIn("accepted", first)
        self.assertEqual(p.returncode, 1)
        self.assertIn("Submit them again", err)
        accepted = len(out.splitlines()) + 1
        self.daemon.start()
        done = self.ctl("submit", "--quiet", path, check=0)
        fresh, again = map(int, re.search(r"(\d+) accepted, (\d+) duplicate", done.stderr).groups())
        self.assertEqual(fresh + again, 30000)
        self.assertGreaterEqual(again, accepted)

    def test_silent_input_keeps_the_answers_coming(self):
        p = self.popen("--json", "submit", stdin=subprocess.PIPE)
        for i in range(3):
            p.stdin.write(ndjson([event(f"s{i}")]))
            p.stdin.flush()
            self.assertEqual(json.loads(p.stdout.readline())["result"], "accepted")
        p.stdin.close()
        self.assertEqual(p.wait(timeout=60), 0)
        p.stdout.close()


class WaitTest(CtlTest):
    pin = "email"
    retry = {"first": "1h", "max": "1h"}

    def setUp(self):
        super().setUp()
        self.daemon.start()

    def test_timeout(self):
        done = self.ctl("submit", "--wait", "--timeout", "1s", input=ndjson([event("w")]), check=1)
        self.assertIn("not settled yet", done.stderr)

    def test_waits_through_a_restart(self):
        p = self.popen("--json", "submit", "--wait", stdin=subprocess.PIPE)
        p.stdin.write(ndjson([event("w")]))
        p.stdin.close()
        identity = json.loads(p.stdout.readline())["deliveries"][0]["id"]
        self.daemon.kill()
        time.sleep(0.5)
        self.daemon.start()
        self.daemon.wait_state(identity, "deferred", "queued")
        done = self.ctl("cancel", identity)
        if done.returncode:
            self.daemon.wait_state(identity, "deferred", "queued")
            self.ctl("cancel", identity, check=0)
        last = json.loads(p.stdout.readline())
        self.assertEqual(last, {"result": "settled", "id": identity, "state": "cancelled"})
        self.assertEqual(p.wait(timeout=60), 1)
        p.stdout.close()


class OperatorTest(CtlTest):
    pin = "email"
    retry = {"first": "1h", "max": "1h"}

    def setUp(self):
        super().setUp()
        self.daemon.start()
        self.identity = self.daemon.submit(event("o", pin=CANARY))[0]["deliveries"][0]["id"]
        self.daemon.wait_state(self.identity, "deferred")

    def test_hold_release_cancel(self):
        self.assertIn("held", self.ctl("hold", self.identity, "--reason", "asked by phone", check=0).stdout)
        self.assertIn("so already", self.ctl("hold", self.identity, check=0).stdout)
        self.assertEqual([d["id"] for d in self.daemon.json("list", "--state", "held")], [self.identity])
        self.assertIn("release", self.ctl("retry", self.identity, check=1).stderr)
        self.ctl("release", self.identity, check=0)
        self.daemon.wait_state(self.identity, "deferred")
        self.ctl("cancel", self.identity, "--reason", "wrong card", check=0)
        shown = self.daemon.show(self.identity)
        self.assertEqual(shown["state"], "cancelled")
        self.assertFalse(shown["sealed"])
        causes = [(r["cause"], r.get("words")) for r in shown["audit"]]
        self.assertIn(("operator:hold", "asked by phone"), causes)
        self.assertIn(("operator:cancel", "wrong card"), causes)
        self.assertIn(os.getuid(), [r["uid"] for r in shown["audit"]])
        self.assertIn("operator", self.daemon.log())
        self.ctl("retry", self.identity, check=1)

    def test_retry_makes_it_due_now(self):
        attempts = self.daemon.show(self.identity)["attempts"]
        self.ctl("retry", self.identity, check=0)
        wait_until(lambda: self.daemon.show(self.identity)["attempts"] > attempts, "another attempt")

    def test_several_ids_and_unknown_ones(self):
        nobody = "00000000-0000-7000-8000-000000000000"
        done = self.ctl("hold", nobody, self.identity, check=1)
        self.assertIn("no delivery with this id", done.stderr)
        self.assertEqual(self.daemon.show(self.identity)["state"], "held")
        self.ctl("show", nobody, check=1)
        self.ctl("show", "not-an-id", check=2)
        self.ctl("resolve", self.identity, "delivered", check=1)

    def test_tables_for_people(self):
        listed = self.ctl("list", check=0).stdout.splitlines()
        self.assertTrue(listed[0].startswith("ID "))
        self.assertIn(self.identity, listed[1])
        shown = self.ctl("show", self.identity, check=0).stdout
        self.assertIn("Åsa Öberg", shown)
        self.assertIn("deferred", shown)
        status = self.ctl("status", check=0).stdout
        self.assertIn("PIN by email", status)
        self.assertRegex(status, r"(?m)^deferred +1$")
        for text in (*listed, shown, status):
            self.assertNotIn("\033", text)
            self.assertNotIn(CANARY, text)

    def test_status_says_what_is_wrong(self):
        trouble = wait_until(lambda: self.daemon.channel("email")["trouble"], "the mail server's trouble")
        self.assertIn("email since", self.ctl("status", check=0).stdout)
        self.assertIn(trouble["reason"], self.ctl("status", check=0).stdout)
        self.assertIn(f'pindispatch_trouble{{method="email",code="{trouble["code"]}"}} 1',
                      self.ctl("metrics", check=0).stdout)


class MethodTest(CtlTest):
    def test_sets_the_file_without_a_daemon(self):
        before = self.daemon.config.read_text()
        done = self.ctl("method", "email", check=0)
        self.assertIn("no daemon is running", done.stdout)
        self.assertEqual(self.daemon.config.read_text(), before.replace('"nopin"', '"email"'))
        shown = self.ctl("method", check=0).stdout
        self.assertIn('CardsPINDeliveryMethod = "email"', shown)
        self.assertIn('CardsPUKDeliveryMethod = "nopuk"', shown)

    def test_unknown_method_lists_the_known_ones(self):
        before = self.daemon.config.read_text()
        done = self.ctl("method", "prnt", check=2)
        for name in ("print", "email", "nopin"):
            self.assertIn(name, done.stderr)
        self.assertEqual(self.daemon.config.read_text(), before)

    def test_sets_and_reloads(self):
        self.daemon.start()
        self.ctl("method", "email", check=0)
        self.ctl("method", "--puk", "email", check=0)
        self.assertEqual(self.daemon.status()["methods"], {"pin": "email", "puk": "email"})
        answer = self.daemon.submit(event("m", puk="12345678"))[0]
        self.assertEqual([d["method"] for d in answer["deliveries"]], ["email", "email"])
        self.ctl("method", "nopin", check=0)
        self.assertEqual(self.daemon.json("method")[0]["in_force"]["pin"], "nopin")
        answer = self.daemon.submit(event("n"))[0]
        self.assertEqual(answer["deliveries"][0]["state"], "nopin")

    def test_mends_a_wrong_file(self):
        self.choose("prnt")
        self.ctl("method", "print", check=0)
        self.assertIn('CardsPINDeliveryMethod = "print"', self.daemon.config.read_text())


class PreviewTest(CtlTest):
    def setUp(self):
        super().setUp()
        self.pin = "482913"
        self.event = self.write("event.json", json.dumps(event("p", pin=self.pin, puk="87654321"), indent=2))

    def preview(self, name, *more, check=0):
        path = self.folder / name
        self.ctl("preview", self.event, "--output", path, *more, check=check)
        if check == 0:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        return path

    def text(self, path):
        return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout

    def test_letter_is_masked(self):
        text = self.text(self.preview("l.pdf", "--method", "print"))
        self.assertIn("Åsa Öberg", text)
        self.assertNotIn(self.pin, text)
        self.assertIn("*", text)

    def test_letter_is_revealed_when_asked_for(self):
        self.assertIn(self.pin, self.text(self.preview("l.pdf", "--method", "print", "--reveal")))
        text = self.text(self.preview("k.pdf", "--method", "print", "--reveal", "--secret", "puk"))
        self.assertIn("87654321", text)
        self.assertNotIn(self.pin, text)

    def test_letter_as_picture(self):
        self.assertTrue(self.preview("l.png", "--method", "print").read_bytes().startswith(b"\x89PNG\r\n"))

    def test_mail(self):
        import email
        import email.policy
        path = self.preview("m.eml", "--method", "email")
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = mail.get_body(("plain",)).get_content()
        self.assertIn("Åsa", body)
        self.assertNotIn(self.pin, body + mail.get_body(("html",)).get_content())
        self.assertIn("asa.oberg@example.com", mail["To"])
        path = self.preview("n.eml", "--method", "email", "--reveal")
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        self.assertIn(self.pin, mail.get_body(("plain",)).get_content())

    def test_sealed_event_is_masked_only(self):
        self.ctl("keygen", check=0)
        jwe = self.ctl("seal", input=json.dumps({"pin": self.pin}), check=0).stdout.strip()
        self.event = self.write("sealed.json", json.dumps(event("p", pin=None, sealed=jwe)))
        self.assertIn("*", self.text(self.preview("l.pdf", "--method", "print")))
        self.preview("r.pdf", "--method", "print", "--reveal", check=1)

    def test_refuses_what_makes_no_sense(self):
        for name, more in (("x.pdf", ("--method", "nopin")), ("x.pdf", ("--method", "email")),
                           ("x.eml", ("--method", "print")), ("x.pdf", ("--method", "prnt")),
                           ("x.txt", ("--method", "print")), ("x.pdf", ())):
            path = self.preview(name, *more, check=2)
            self.assertFalse(path.exists())

    def test_wrong_event_shows_nothing_of_it(self):
        self.event = self.write("wrong.json", json.dumps(event("p", pin=CANARY, name="")))
        done = self.ctl("preview", self.event, "--method", "print", "-o", self.folder / "x.pdf", check=1)
        self.assertIn("$.data.holder.name", done.stderr)
        self.assertNotIn(CANARY, done.stderr + done.stdout)


class AuditTest(CtlTest):
    def test_verify_and_export(self):
        self.daemon.start()
        self.daemon.submit(*(event(f"a{i}") for i in range(50)))
        self.assertIn("whole: 50 rows", self.ctl("audit", "verify", check=0).stdout)
        rows = [json.loads(line) for line in self.ctl("audit", "export", check=0).stdout.splitlines()]
        self.assertEqual([r["seq"] for r in rows], list(range(1, 51)))
        self.assertEqual(len(self.ctl("audit", "export", "--after", "48", check=0).stdout.splitlines()), 2)

    def test_change_behind_the_back_is_found(self):
        import sqlite3
        self.daemon.start()
        self.daemon.submit(*(event(f"a{i}") for i in range(5)))
        self.daemon.stop()
        with sqlite3.connect(self.folder / "store" / "store.db") as db:
            db.execute("UPDATE audit SET uid = 4242 WHERE seq = 3")
        db.close()
        self.daemon.start()
        done = self.ctl("audit", "verify", check=1)
        self.assertIn("row 3", done.stderr)


class DryRunTest(CtlTest):
    pin = "print"
    dry_run = True

    def test_wait_counts_a_dry_run_as_done(self):
        self.daemon.start()
        done = self.ctl("--json", "submit", "--wait", input=ndjson([event("d")]), check=0)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["state"], "dry-run")
        self.assertIn("dry run", self.ctl("status", check=0).stdout)


class ManyCallersTest(CtlTest):
    def test_many_at_once(self):
        self.daemon.start()
        failures = []

        def one(n):
            try:
                self.ctl("submit", "-q", input=ndjson(event(f"{n}-{i}") for i in range(50)), check=0)
                self.ctl("status", check=0)
            except AssertionError as e:
                failures.append(e)

        threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.daemon.status()["store"]["deliveries"]["nopin"], 600)


if __name__ == "__main__":
    unittest.main()
