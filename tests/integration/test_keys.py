"""Sealed PINs from end to end: with the JWEs of others, with keys that are renewed, with a key that is no file, and
with nothing that was changed or sent under another event."""
import base64
import concurrent.futures
import email
import email.policy
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

from jwcrypto import jwe, jwk

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402
from smtp_scripted import ScriptedServer  # noqa: E402
from softhsm import PIN as TOKEN_PIN  # noqa: E402
from softhsm import PrivateToken  # noqa: E402

MANY = 1000
CHANGED = 10000
ALGORITHMS = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}


def event_of(identity, sealed, stated=("pin",)):
    event = card_event(identity, email=f"{identity}@example.com")
    event["data"].update(sealed=sealed, secrets=list(stated))
    return event


def bound_header(event_id, kid):
    return {**ALGORITHMS, "kid": kid, "ce_source": card_event(event_id)["source"], "ce_id": event_id}


def header_of(sealed):
    part = sealed.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class KeysTest(unittest.TestCase):
    """A dispatcher that sends mail to a server of this test, which keeps what comes."""

    def setUp(self):
        # A worker may outlive its dispatcher for a moment, and its token writes to its folder when it ends.
        self.folder = tempfile.TemporaryDirectory(prefix="pindispatch-keys-", ignore_cleanup_errors=True)
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.record = self.dir / "record"
        self.server = ScriptedServer({}, self.record).start()
        self.addCleanup(self.server.stop)
        self.dispatcher = Dispatcher(self.dir / "dispatcher", pin="email", email={
            "server": f"127.0.0.1:{self.server.port}", "tls": "none-on-loopback", "from": "<pin@example.com>"})
        self.dispatcher.prepare()
        self.addCleanup(self.assert_clean_end)

    def assert_clean_end(self):
        self.dispatcher.stop()
        for trouble in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
            self.assertNotIn(trouble, self.dispatcher.log())

    def file(self, name):
        return self.dispatcher.dir / name

    def keys(self, name):
        """The JWKs in a file, the newest first."""
        read = json.loads(self.file(name).read_text())
        return read.get("keys", [read])

    def answers(self, events):
        """In portions: who only writes and never reads is not read from for ever."""
        return [a for i in range(0, len(events), 500) for a in self.dispatcher.submit(*events[i:i + 500])]

    def submit(self, *events):
        """The ids of the deliveries."""
        answers = self.answers(events)
        self.assertEqual({a["result"] for a in answers}, {"accepted"}, [a for a in answers if "code" in a][:3])
        return [d["id"] for a in answers for d in a["deliveries"]]

    def rejected(self, event):
        """Code and path."""
        (answer,) = self.dispatcher.submit(event)
        self.assertEqual(answer["result"], "rejected", answer)
        return answer["code"], answer.get("path")

    def seal(self, pin, *options):
        return self.dispatcher.ctl("seal", *options, data=json.dumps({"pin": pin})).stdout.strip()

    def mails(self):
        """Recipient → text."""
        found = {}
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        for row in map(json.loads, lines):
            if "message" in row:
                found[row["rcpt"][0].split("<")[1].split("@")[0]] = row["message"]
        return found

    def wait_mails(self, n, seconds=120):
        wait_until(lambda: self.record.exists() and self.record.read_text().count('"message"') >= n, f"{n} mails",
                   seconds)
        return self.mails()

    def assert_mailed(self, pins):
        """Each PIN went to its holder, in clear or in base64 as the mail has it."""
        mails = self.wait_mails(len(pins))
        self.assertEqual(set(mails), set(pins))
        for identity, pin in pins.items():
            self.assertIn(pin, decoded(mails[identity]))

    def stored(self):
        """The sealed texts in the store, by the event's id."""
        with sqlite3.connect(f"file:{self.dispatcher.dir}/store/store.db?mode=ro", uri=True) as db:
            texts = [bytes(row[0]) if isinstance(row[0], bytes) else row[0].encode()
                     for row in db.execute("SELECT text FROM sealed")]
        found = {}
        for text in texts:
            text = text.rstrip(b"\0").decode()
            if text.count(".") == 4:
                found[header_of(text)["ce_id"]] = text
        return found


def decoded(message):
    parsed = email.message_from_bytes(message.encode("latin-1"), policy=email.policy.default)
    return parsed.get_body(("plain",)).get_content()


def by_jwcrypto(public, header, pin):
    token = jwe.JWE(json.dumps({"pin": pin}).encode(), json.dumps(header))
    token.add_recipient(public)
    return token.serialize(compact=True)


class Interoperability(KeysTest):
    def jose(self, *words, data):
        return subprocess.run(["jose", *words], input=data, capture_output=True, text=True, check=True,
                              timeout=60).stdout

    def by_jose(self, public, header, pin):
        return self.jose("jwe", "enc", "-i", json.dumps({"protected": header}), "-I", "-", "-k", public, "-c",
                         "-o", "-", data=json.dumps({"pin": pin}))

    def test_what_others_seal_is_delivered(self):
        self.dispatcher.ctl("keygen", "--rotate", "--curve", "X25519")
        x25519, p256 = (jwk.JWK(**key) for key in self.keys("seal.pub.jwk"))
        public = self.dir / "p256.jwk"
        public.write_text(p256.export_public())
        self.dispatcher.start()
        pins = {f"{maker}-{i}": canary(10) for maker in ("jose", "jwcrypto") for i in range(MANY)}

        def by(identity):
            maker, number = identity.split("-")
            key = x25519 if maker == "jwcrypto" and int(number) % 2 else p256
            header = bound_header(identity, key.export_public(as_dict=True)["kid"])
            if maker == "jose":
                return self.by_jose(str(public), header, pins[identity])
            return by_jwcrypto(key, header, pins[identity])

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            self.submit(*map(event_of, pins, pool.map(by, pins)))
        self.assert_mailed(pins)

    def test_what_we_seal_others_open(self):
        self.server.stop()
        self.dispatcher.start()
        pins = {str(i): canary(10) for i in range(MANY)}
        self.submit(*(card_event(identity, pin) for identity, pin in pins.items()))
        self.dispatcher.stop()
        sealed = self.stored()
        self.assertEqual(set(sealed), set(pins))
        private = jwk.JWK(**self.keys("seal.key.jwk")[0])
        for identity, text in sealed.items():
            header = header_of(text)
            self.assertEqual({**ALGORITHMS, "ce_source": "/identity-manager/test", "ce_id": identity},
                             {name: header[name] for name in ("alg", "enc", "ce_source", "ce_id")})
            token = jwe.JWE()
            token.deserialize(text, private)
            self.assertEqual(json.loads(token.payload), {"pin": pins[identity]})

        def by_jose(identity):
            return json.loads(self.jose("jwe", "dec", "-i", "-", "-k", str(self.file("seal.key.jwk")),
                                        data=sealed[identity]))

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            opened = list(pool.map(by_jose, pins))
        self.assertEqual(opened, [{"pin": pin} for pin in pins.values()])

    def test_the_public_file_is_a_set_that_others_read(self):
        self.dispatcher.ctl("keygen", "--rotate")
        read = jwk.JWKSet.from_json(self.file("seal.pub.jwk").read_text())
        self.assertEqual({key.thumbprint() for key in read},
                         {key["kid"] for key in self.keys("seal.key.jwk")})


class Changed(KeysTest):
    LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

    def change(self, text, chance):
        """Another text of the same kind: characters changed, left out, added, parts exchanged."""
        letters = list(text)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(letters))
            what = chance.randrange(4)
            if what == 0:
                letters[at] = chance.choice(self.LETTERS)
            elif what == 1:
                del letters[at]
            elif what == 2:
                letters.insert(at, chance.choice(self.LETTERS))
            else:
                other = chance.randrange(len(letters))
                letters[at], letters[other] = letters[other], letters[at]
        changed = "".join(letters)
        return changed if changed != text else self.change(text, chance)

    def test_ten_thousand_changed_ones_are_refused(self):
        seed = secrets.randbits(32)
        chance = random.Random(seed)
        self.dispatcher.start()
        public = jwk.JWK(**self.keys("seal.pub.jwk")[0])
        pin = canary(10)
        header = {**ALGORITHMS, "kid": self.keys("seal.pub.jwk")[0]["kid"]}
        originals = [by_jwcrypto(public, header, pin) for _ in range(20)]
        events = [event_of(str(i), self.change(originals[i % 20], chance)) for i in range(CHANGED)]
        with self.subTest(seed=seed):
            answers = self.answers(events)
            codes = {a["code"] for a in answers if a["result"] == "rejected"}
            self.assertLessEqual(codes, {"form", "key", "algorithm"})
            self.assertEqual({a["path"] for a in answers if a["result"] == "rejected"}, {"$.data.sealed"})
            taken = sum(a["result"] == "accepted" for a in answers)
            self.assertGreater(taken, 100)
            # A changed ciphertext looks right from outside: the worker finds it out, and goes on.
            wait_until(lambda: self.state_count("failed") == taken, f"{taken} failed deliveries", 120)
            self.assertEqual(self.mails(), {})
            self.assertNotIn(pin, self.dispatcher.log())
            self.submit(event_of("right", originals[0]))
            self.assert_mailed({"right": pin})
            self.assertNotIn("ended by signal", self.dispatcher.log())
            self.assertIsNone(self.dispatcher.process.poll())

    def state_count(self, state):
        return self.dispatcher.status()["store"]["deliveries"].get(state, 0)


class Rotation(KeysTest):
    def test_old_keys_still_open_and_the_newest_closes(self):
        self.dispatcher.start()
        before = self.seal("10000001")
        private = self.keys("seal.key.jwk")
        owner = self.file("seal.key.jwk").stat().st_uid
        self.dispatcher.ctl("keygen", "--rotate", "--curve", "X25519")
        self.assertEqual(self.keys("seal.key.jwk")[1:], private)
        self.assertEqual([k["kid"] for k in self.keys("seal.key.jwk")], [k["kid"] for k in self.keys("seal.pub.jwk")])
        self.assertFalse(any("d" in key for key in self.keys("seal.pub.jwk")))
        self.assertEqual(stat.S_IMODE(self.file("seal.key.jwk").stat().st_mode), 0o600)
        self.assertEqual(self.file("seal.key.jwk").stat().st_uid, owner)
        after = self.seal("10000002")
        self.assertEqual(header_of(before)["kid"], private[0]["kid"])
        self.assertEqual(header_of(after)["kid"], self.keys("seal.pub.jwk")[0]["kid"])
        self.submit(event_of("old", before), event_of("new", after), card_event("clear", "10000003",
                                                                                 email="clear@example.com"))
        self.assert_mailed({"old": "10000001", "new": "10000002", "clear": "10000003"})

    def test_what_waits_is_delivered_after_a_rotation(self):
        port = self.server.port
        self.server.stop()
        self.dispatcher.start()
        self.submit(card_event("waits", "20000001", email="waits@example.com"))
        kid = header_of(self.stored()["waits"])["kid"]
        self.dispatcher.ctl("keygen", "--rotate")
        self.submit(card_event("later", "20000002", email="later@example.com"))
        self.assertEqual(header_of(self.stored()["waits"])["kid"], kid)
        self.assertNotEqual(header_of(self.stored()["later"])["kid"], kid)
        self.server = ScriptedServer({}, self.record, port=port).start()
        self.addCleanup(self.server.stop)
        self.assert_mailed({"waits": "20000001", "later": "20000002"})

    def test_a_forgotten_key_is_refused_at_the_door(self):
        self.dispatcher.start()
        sealed = self.seal("30000001")
        self.dispatcher.ctl("keygen", "--rotate", "--keep", "1")
        self.assertEqual(len(self.keys("seal.key.jwk")), 1)
        self.assertEqual(self.rejected(event_of("1", sealed)), ("key", "$.data.sealed"))

    def test_two_rotations_at_a_time_lose_no_key(self):
        def rotate(_):
            done = self.dispatcher.ctl("--json", "keygen", "--rotate")
            return json.loads(done.stdout)["kid"]

        before = {key["kid"] for key in self.keys("seal.key.jwk")}
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            told = set(both.map(rotate, range(6)))
        for name in ("seal.key.jwk", "seal.pub.jwk"):
            self.assertEqual({key["kid"] for key in self.keys(name)}, before | told, name)

    def test_wrong_usage_changes_nothing(self):
        before = self.file("seal.key.jwk").read_text(), self.file("seal.pub.jwk").read_text()
        for options in (("--rotate", "--force"), ("--keep", "2"), ("--rotate", "--keep", "0"),
                        ("--rotate", "--keep", "x"), ("--rotate", "--curve", "P-384")):
            self.assertEqual(self.dispatcher.ctl("keygen", *options, check=False).returncode, 2, options)
        self.assertEqual(self.dispatcher.ctl("keygen", check=False).returncode, 1)
        self.assertEqual((self.file("seal.key.jwk").read_text(), self.file("seal.pub.jwk").read_text()), before)
        self.file("seal.key.jwk").unlink()
        self.assertIn("No such file", self.dispatcher.ctl("keygen", "--rotate", check=False).stderr)
        self.assertEqual(self.file("seal.pub.jwk").read_text(), before[1])


class Binding(KeysTest):
    def bound(self, pin, event_id, source="/identity-manager/test"):
        return self.seal(pin, "--source", source, "--id", event_id)

    def test_a_sealed_pin_is_not_sent_on_as_another_events(self):
        self.dispatcher.start()
        sealed = self.bound("40000001", "1")
        self.submit(event_of("1", sealed))
        self.assertEqual(self.rejected(event_of("2", sealed)), ("binding", "$.data.sealed"))
        self.assertEqual(self.rejected(event_of("3", self.bound("40000002", "3", "/elsewhere"))),
                         ("binding", "$.data.sealed"))
        self.submit(event_of("4", self.seal("40000004")))
        self.assert_mailed({"1": "40000001", "4": "40000004"})

    def test_a_binding_can_be_required(self):
        self.dispatcher.groups["seal"] = {"require_binding": True}
        self.dispatcher.start()
        self.assertEqual(self.rejected(event_of("1", self.seal("50000001"))), ("binding", "$.data.sealed"))
        self.submit(event_of("2", self.bound("50000002", "2")))
        self.assert_mailed({"2": "50000002"})

    def test_source_and_id_go_together(self):
        for options in (("--source", "/x"), ("--id", "1")):
            done = self.dispatcher.ctl("seal", *options, data='{"pin":"1"}', check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""))

    def test_the_worker_does_not_trust_the_store(self):
        """Somebody who can write the store exchanges two sealed PINs: nobody gets the other one's."""
        port = self.server.port
        self.server.stop()
        self.dispatcher.start()
        deliveries = self.submit(card_event("a", "60000001", email="a@example.com"),
                                 card_event("b", "60000002", email="b@example.com"))
        self.dispatcher.stop()
        with sqlite3.connect(self.dispatcher.dir / "store" / "store.db") as db:
            (one, first), (two, second) = db.execute("SELECT id, text FROM sealed ORDER BY id").fetchall()
            db.execute("UPDATE sealed SET text = ? WHERE id = ?", (second, one))
            db.execute("UPDATE sealed SET text = ? WHERE id = ?", (first, two))
        self.server = ScriptedServer({}, self.record, port=port).start()
        self.addCleanup(self.server.stop)
        self.dispatcher.start()
        for delivery in deliveries:
            shown = self.dispatcher.wait_state(delivery, "failed", "delivered", seconds=60)
            self.assertEqual((shown["state"], shown["outcome"]["code"]), ("failed", "sealed"))
        self.assertEqual(self.mails(), {})


class Apart(KeysTest):
    """A worker whose keys are not those that the dispatcher closes with: nothing is lost, and all is said."""

    def test_mails_wait_for_the_key_that_is_missing(self):
        self.dispatcher.start()
        pair = [self.dispatcher.dir / name for name in ("seal.pub.jwk", "seal.key.jwk")]
        port = self.server.port
        self.server.stop()
        events = [card_event(str(n), canary(8), email=f"h{n}@example.com") for n in range(5)]
        deliveries = self.submit(*events)
        kept = pair[1].read_text()
        public = pair[0].read_text()
        self.dispatcher.ctl("keygen", "--force")
        pair[0].write_text(public)
        generation = self.dispatcher.status()["generation"]
        self.dispatcher.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.dispatcher.status()["generation"] > generation, "the reload")
        self.server = ScriptedServer({}, self.record, port=port).start()
        self.addCleanup(self.server.stop)
        trouble = wait_until(lambda: (self.dispatcher.channel("email")["trouble"] or {}).get("code") == "key" and
                             self.dispatcher.channel("email")["trouble"], "the key to be missed")
        self.assertIn("kid", trouble["reason"])
        self.assertEqual({self.dispatcher.state(d) for d in deliveries} - {"queued", "deferred", "sending"}, set())
        pair[1].write_text(kept)
        self.dispatcher.process.send_signal(signal.SIGHUP)
        for delivery in deliveries:
            self.dispatcher.wait_state(delivery, "delivered", seconds=60)


class Token(KeysTest):
    """The private key was made in a token and never left it."""

    def setUp(self):
        super().setUp()
        self.token = PrivateToken(self.dir / "token")
        os.environ.update(self.token.environment)
        self.addCleanup(os.environ.pop, "SOFTHSM2_CONF")
        self.file("seal.key.jwk").unlink()
        self.file("seal.pub.jwk").unlink()
        self.pin_file = self.file("token-pin")
        self.write_pin(TOKEN_PIN)
        self.use(self.token.make_key("seal-1", 1))

    def write_pin(self, pin):
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(0o600)

    def use(self, uris):
        self.dispatcher.groups["seal"] = {"private_key": uris, "token_pin_file": self.pin_file}
        self.dispatcher.write_config()

    def test_pin_is_opened_by_a_key_that_is_no_file(self):
        self.dispatcher.ctl("keygen")
        self.dispatcher.start()
        self.submit(card_event("clear", "70000001", email="clear@example.com"),
                    event_of("sealed", self.seal("70000002", "--source", "/identity-manager/test", "--id", "sealed")))
        self.assert_mailed({"clear": "70000001", "sealed": "70000002"})
        self.assertFalse(self.file("seal.key.jwk").exists())
        self.assertNotIn(TOKEN_PIN, self.dispatcher.log() + self.file("seal.pub.jwk").read_text())

    def test_rotation_in_a_token(self):
        self.dispatcher.ctl("keygen")
        self.assertEqual(self.dispatcher.ctl("keygen", check=False).returncode, 1)
        self.dispatcher.start()
        before = self.seal("70000003")
        self.use(self.token.make_key("seal-2", 2) + " pkcs11:token=cards;object=seal-1")
        self.dispatcher.ctl("keygen", "--rotate")
        after = self.seal("70000004")
        self.assertNotEqual(header_of(before)["kid"], header_of(after)["kid"])
        self.submit(event_of("old", before), event_of("new", after))
        self.assert_mailed({"old": "70000003", "new": "70000004"})

    def test_wrong_pin_waits_and_is_named(self):
        self.dispatcher.ctl("keygen")
        self.write_pin("artificial-000000")
        self.dispatcher.start()
        (delivery,) = self.submit(card_event("waits", "70000005", email="waits@example.com"))
        # SoftHSM writes a failed try down, and whoever looks in that moment sees no token.
        wait_until(lambda: "refuses the PIN" in json.dumps(self.dispatcher.channel("email")), "the PIN to be refused")
        self.assertNotIn("artificial-000000", self.dispatcher.log())
        self.assertIn(self.dispatcher.state(delivery), ("queued", "deferred"))
        self.write_pin(TOKEN_PIN)
        self.assert_mailed({"waits": "70000005"})

    def test_pin_of_the_token_as_a_credential(self):
        self.dispatcher.ctl("keygen")
        credentials = self.dir / "credentials"
        credentials.mkdir()
        self.pin_file.rename(credentials / "token-pin")
        self.dispatcher.start(environment={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.submit(card_event("1", "70000006", email="1@example.com"))
        self.assert_mailed({"1": "70000006"})

    def test_private_set_as_a_credential(self):
        """With the ring in a credential the setting's token is not asked for, and `kid` chooses in it."""
        other = Dispatcher(self.dir / "other").prepare()
        other.ctl("keygen", "--rotate", "--curve", "X25519")
        credentials = self.dir / "credentials"
        credentials.mkdir()
        shutil.move(other.dir / "seal.key.jwk", credentials / "seal.key.jwk")
        shutil.copy(other.dir / "seal.pub.jwk", self.file("seal.pub.jwk"))
        newest, older = self.keys("seal.pub.jwk")
        self.dispatcher.start(environment={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.submit(event_of("x", by_jwcrypto(jwk.JWK(**newest), bound_header("x", newest["kid"]), "70000007")),
                    event_of("p", by_jwcrypto(jwk.JWK(**older), bound_header("p", older["kid"]), "70000008")))
        self.assert_mailed({"x": "70000007", "p": "70000008"})


if __name__ == "__main__":
    unittest.main()
