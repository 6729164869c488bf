"""One site for chaos: a private cupsd, a mail sink, a dispatcher, a ledger of what was accepted, and the judge that
compares what came out with what the store says.

PINs are print, PUKs are email; after a reload both are delivered to nobody. Each event has random secrets, which are
looked for in the very letter and mail that they belong to.
"""

import email
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from cups import PrivateCups
from dispatcher import Dispatcher, canary, card_event, end_worker, program
from ippeve import DirectPrinter

READ_MOST = 300  # letters whose text is read to the end: a process each
SWEEP_SECONDS = 150  # ten sweeps from the last interruption
FINAL = {"delivered", "nopin", "failed", "in-doubt", "cancelled", "expired"}


class Sink:
    """A mail server that keeps all it took; a process, so that it can be killed. Each life has its own folder."""

    def __init__(self, folder):
        self.dir, self.lives, self.process = pathlib.Path(folder), 0, None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def start(self):
        self.lives += 1
        keep = self.dir / str(self.lives)
        keep.mkdir(parents=True)
        command = [sys.executable, str(pathlib.Path(__file__).with_name("smtp_scripted.py")), "--port",
                   str(self.port), "--keep", str(keep)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        return self

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None

    def messages(self):
        """(Message-ID, text) of each message that was taken."""
        found = []
        for path in self.dir.glob("*/*.eml"):
            message = email.message_from_bytes(path.read_bytes())
            parts = [p.get_payload(decode=True) for p in message.walk() if p.get_content_type() == "text/plain"]
            if message["Message-ID"] and parts:
                found.append((message["Message-ID"].strip("<>"), parts[0].decode("utf-8", "replace")))
        return found


class Site:
    """Everything below FOLDER; ENVIRONMENT is the dispatcher's (and so its workers'). `cups` is a printer that is
    talked to without a spooler when DIRECT."""

    def __init__(self, folder, in_doubt="retry", environment=None, cups_defaults=False, forgetful=False, keys=None,
                 direct=False, **groups):
        self.dir = pathlib.Path(folder)
        self.environment = environment or {}
        # A forgetful cupsd knows no job any more once it is printed: only the store can tell then.
        self.cups = DirectPrinter(self.dir / "cups") if direct else PrivateCups(
            self.dir / "cups", defaults=cups_defaults, extra="PreserveJobHistory No" if forgetful else "")
        where = {"printer": self.cups.uri()} if direct else {"server": self.cups.server}
        self.sink = Sink(self.dir / "mail")
        self.incoming = self.dir / "incoming"
        self.incoming.mkdir(parents=True)
        settings = {
            "print": {**where, "confirm": "accepted" if forgetful else "completed"},
            "submit": {"socket": self.dir / "d/submit.sock", "directory": self.incoming},
            "email": {"server": f"127.0.0.1:{self.sink.port}", "tls": "none-on-loopback", "in_doubt": in_doubt,
                      "from": "PIN <pin@example.com>"},
            "retry": {"first": "50ms", "max": "500ms"}}
        for name, values in groups.items():
            settings[name] = {**settings.get(name, {}), **values}
        self.dispatcher = Dispatcher(self.dir / "d", pin="print", puk="email", **settings)
        for name in ("seal.pub.jwk", "seal.key.jwk") if keys else ():
            (self.dispatcher.dir / name).write_bytes((pathlib.Path(keys) / name).read_bytes())
            (self.dispatcher.dir / name).chmod(0o600)
        self.starts = 0
        self.life = threading.RLock()  # whoever starts or ends the dispatcher
        self.secrets = {}   # event id → (pin, puk)
        self.answers = {}   # event id → the answer that accepted it
        self.dropped = set()

    # -- life

    def start(self):
        self.cups.start()
        self.sink.start()
        self.up()
        return self

    def up(self):
        """Starts the dispatcher, again when it dies on the way."""
        for _ in range(20):
            self.starts += 1
            try:
                self.dispatcher.start(environment=self.environment)
                return
            except AssertionError:
                if self.dispatcher.process.poll() is None:
                    self.dispatcher.kill()
                    raise
                self.dispatcher.process = None
        raise AssertionError("the dispatcher does not come up:\n" + self.dispatcher.log()[-2000:])

    def is_down(self):
        return self.dispatcher.process is None or self.dispatcher.process.poll() is not None

    def keep_up(self):
        with self.life:
            if self.is_down():
                self.dispatcher.process = None
                self.up()

    def stop(self):
        process, self.dispatcher.process = self.dispatcher.process, None
        workers = workers_of(process) if process and process.poll() is None else []
        if process and process.poll() is None:
            process.kill()
            process.wait()
        for pid in workers:
            end_worker(pid)
        self.cups.stop(hard=True)
        self.sink.stop()

    def reload(self, pin, puk):
        self.dispatcher.pin, self.dispatcher.puk = pin, puk
        self.dispatcher.write_config()
        if not self.is_down():
            self.dispatcher.process.send_signal(signal.SIGHUP)

    # -- events in

    def make(self, event_id):
        self.secrets[event_id] = (canary(10), canary(10))
        return card_event(event_id, *self.secrets[event_id])

    def submit(self, ids, seconds=60):
        """Hands events in until each is accepted; whoever gets no answer asks again, as an issuer would."""
        lines = {i: json.dumps(self.make(i)) for i in ids}
        deadline = time.monotonic() + seconds
        while missing := [i for i in ids if i not in self.answers]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing} are not accepted")
            self.keep_up()
            self._hand_in([lines[i] for i in missing])

    def _hand_in(self, lines):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(str(self.dispatcher.dir / "submit.sock"))
                s.sendall("".join(line + "\n" for line in lines).encode())
                with s.makefile("r", encoding="utf-8") as stream:
                    for _ in lines:
                        self._note(json.loads(stream.readline()))
        except (OSError, ValueError):
            time.sleep(0.02)

    def _note(self, answer):
        if answer["result"] in ("accepted", "duplicate"):
            self.answers.setdefault(answer["id"], answer)
        elif answer.get("retry_after") is None:
            raise AssertionError(f"rejected: {answer}")

    def drop(self, ids):
        """The same by the drop directory: taken when the file is gone."""
        text = "".join(json.dumps(self.make(i)) + "\n" for i in ids)
        (self.incoming / ".part").write_text(text)
        self.dropped.update(ids)
        (self.incoming / ".part").rename(self.incoming / f"{ids[0]}.ndjson")

    # -- what operators want

    def letter_of(self, event_id):
        return next(d["id"] for d in self.answers[event_id]["deliveries"] if d["secret"] == "pin")

    def operate(self, verb, delivery, seconds=60):
        """One who is refused, since a worker has it just now, or gets no answer asks again."""
        deadline = time.monotonic() + seconds
        while True:
            self.keep_up()
            done = subprocess.run([program("pindispatchctl"), "--config", str(self.dispatcher.config), verb, delivery,
                                   "--reason", "chaos"], capture_output=True, text=True, timeout=20, check=False)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{verb}: {done.stderr}")
            time.sleep(0.05)

    # -- what came of it

    def deliveries(self):
        """The store's deliveries by (event id, secret); None while nobody can be asked."""
        try:
            done = subprocess.run([program("pindispatchctl"), "--config", str(self.dispatcher.config), "--json",
                                   "list", "--limit", "100000"], capture_output=True, text=True, timeout=20,
                                  check=False)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            return None
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {(row["event_id"], row["secret"]): row for row in rows}

    def settle(self, seconds=60):
        """Waits until all that was handed in is final, restarting what died, as long as something becomes final within
        SECONDS; the deliveries."""
        deadline = time.monotonic() + seconds
        rows, done = None, 0
        while time.monotonic() < deadline:
            self.keep_up()
            rows = self.deliveries()
            count = sum(row["state"] in FINAL for row in (rows or {}).values())
            if count > done:
                done, deadline = count, time.monotonic() + seconds
            known = {event for event, _ in rows or {}}
            if (rows is not None and not any(self.incoming.glob("*.ndjson")) and known >= set(self.secrets)
                    and all(row["state"] in FINAL for row in rows.values())):
                break
            time.sleep(0.05)
        return rows or {}


class Verdict:
    """lost, twice, in-doubt; repeated mails are told apart (RFC 1047), and so is what cupsd printed again."""

    def __init__(self):
        self.lost, self.twice, self.doubt, self.explained, self.repeated, self.again = [], [], [], [], [], []
        self.left = []  # held letters that nobody will release or cancel any more
        self.delivered = 0
        self.told = 0  # delivered, and said that there may be a second letter
        self.reasons = {}

    def add(self, other):
        for name in ("lost", "twice", "doubt", "explained", "repeated", "again", "left"):
            getattr(self, name).extend(getattr(other, name))
        self.delivered += other.delivered
        self.told += other.told
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count

    def good(self):
        return not (self.lost or self.twice or self.left) and len(self.doubt) == len(self.explained)

    def numbers(self):
        return (f"lost {len(self.lost)}, twice {len(self.twice)}, in-doubt {len(self.doubt)} "
                f"(explained {len(self.explained)})")

    def words(self):
        return [f"    lost: {w}" for w in self.lost] + [f"    twice: {w}" for w in self.twice] + [
            f"    in doubt without explanation: {w}" for w in self.doubt if w not in self.explained] + [
            f"    held letter left in the spool: {w}" for w in self.left]


def text_of(pdf):
    done = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=False)
    return "".join(done.stdout.split())


def outcome_of(site, row):
    outcome = row.get("outcome")
    if outcome is None:
        outcome = site.dispatcher.show(row["id"]).get("outcome")
    return outcome or {}


def judge(site, rows):
    """Compares the store with the paper and the mails."""
    verdict = Verdict()
    letters, mails = {}, {}
    for job, path in site.cups.printed():
        letters.setdefault(job, []).append(path)
    for message_id, text in site.sink.messages():
        mails.setdefault(message_id.split("@")[0], []).append(text)
    some = max(1, len(letters) // READ_MOST)
    for number, (event, secrets) in enumerate(site.secrets.items()):
        for kind, secret in zip(("pin", "puk"), secrets):
            row = rows.get((event, kind))
            if row is None:
                verdict.lost.append(f"{event} {kind}: accepted, and not in the store")
                continue
            judge_one(site, verdict, row, letters.pop(row["id"], []), mails.pop(row["id"], []),
                      secret if number % some == 0 else "")
    verdict.twice += [f"a letter that belongs to no delivery: {job}" for job in letters]
    verdict.left = left_over(site)
    verdict.twice += [f"a mail that belongs to no delivery: {job}" for job in mails]
    return verdict


def left_over(site):
    """Jobs that the printer still has although everything is final. Workers sweep soon after each interruption, and
    then ever more rarely."""
    deadline = time.monotonic() + SWEEP_SECONDS
    while (jobs := site.cups.jobs()) and time.monotonic() < deadline:
        site.keep_up()
        time.sleep(0.1)
    return jobs


def judge_one(site, verdict, row, letters, mails, secret):
    came, state = len(letters) + len(mails), row["state"]
    name = f"{row['event_id']} {row['secret']} ({row['id']}): {state}"
    outcome = outcome_of(site, row) if state not in ("nopin", "delivered") or came != 1 else {}
    words = f"{name}, {outcome.get('code')}: {outcome.get('reason')}"
    if state not in FINAL:
        verdict.lost.append(f"{name}: not final")
    elif state == "delivered" and came == 0:
        verdict.lost.append(f"{name}, and nothing came out")
    elif state == "failed":
        # Nobody cancels, jams or refuses here. One that came out all the same would come out again by `retry`.
        (verdict.twice if came else verdict.lost).append(words)
    elif state in ("nopin", "cancelled", "expired") and came:
        verdict.twice.append(f"{name}: something came out")
    elif state == "in-doubt":
        verdict.doubt.append(words)
        # The step that cannot be undone was committed, and only then can it be unknown.
        if outcome.get("code") and outcome.get("reason") and row["stage"] in ("releasing", "spooled"):
            verdict.explained.append(words)
    verdict.delivered += state == "delivered"
    if state in ("in-doubt", "failed"):
        key = f"{state} {row['method']}: {outcome.get('code')}"
        verdict.reasons[key] = verdict.reasons.get(key, 0) + 1
    if state == "delivered" and row["outcome"]["code"] == "maybe-twice":
        verdict.told += 1
    if len(letters) > 1:
        judge_again(verdict, name, state, outcome)
    if len(mails) > 1:
        verdict.repeated.append(name)
    for text in [text_of(path) for path in letters] + mails if secret else []:
        if secret not in re.sub(r"\s", "", text):
            verdict.lost.append(f"{name}: the letter or mail does not hold its secret")


def judge_again(verdict, name, state, outcome):
    """A second print of one job: a cupsd that was killed prints from the top what it was printing. No client can keep
    it from that; but it must be told."""
    if state == "in-doubt" or outcome.get("code") == "maybe-twice":
        verdict.again.append(f"{name}, {outcome.get('code')}")
    else:
        verdict.twice.append(f"{name}: printed twice")


def workers_of(process):
    try:
        path = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]
    except OSError:
        return []
