"""The show of packaging/demo, which prepares everything and runs this."""
import email
import email.policy
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.dont_write_bytecode = True
from cups import PrivateCups  # noqa: E402
from dispatcher import Dispatcher, card_event, program  # noqa: E402
from tls import Authority  # noqa: E402

# Nobody's: the demo looks for them where they must not be.
SECRETS = {"Åsa PIN": "482913", "Åsa PUK": "31415926", "Jürgen PIN": "770134", "Zoë PIN": "905518",
           "Nobody's PIN": "665544"}


def holder(name, locale, *address):
    plain = unicodedata.normalize("NFD", name.lower()).encode("ascii", "ignore").decode()
    return {"name": name, "email": plain.replace(" ", ".") + "@example.com", "locale": locale, "address": list(address)}


ASA = holder("Åsa Öberg", "sv", "Storgatan 1", "111 22 Stockholm", "Sverige")
JUERGEN = holder("Jürgen Müller", "de", "Königsallee 12", "40212 Düsseldorf", "Deutschland")
ZOE = holder("Zoë Brown", "en", "12 High Street", "London N1 1AA", "United Kingdom")


class Postfix:
    """tests/support/postfix.py as a process: it needs root, and asks sudo for that."""

    def __init__(self, folder, authority):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/support/postfix.py"), "serve", str(folder), "--cert",
             authority.path("good.pem"), "--key", authority.path("good.key")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline()
        if not port:
            raise SystemExit("Postfix does not start")
        self.port = int(port)

    def kept(self, n, seconds=20):
        """The kept mails, when there are N, by the left side of their Message-ID."""
        end = time.monotonic() + seconds
        paths = []
        while len(paths) < n and time.monotonic() < end:
            time.sleep(0.05)
            paths = [path for path in (self.folder / "mail" / "new").glob("*") if path.is_file()]
        mails = {}
        for path in paths:
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            mails[message["Message-ID"].strip("<>").split("@")[0]] = path
        return mails

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


class Show:
    """What is done, and the rows of the table."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.rows = []
        self.failures = 0

    def method(self, name):
        print(f"$ pindispatchctl method {name}")
        print("  " + self.daemon.ctl("method", name).stdout.strip().replace("\n", "\n  "))

    def submit_line(self, line):
        """pindispatchctl's answers; its status is 1 for what was rejected."""
        done = self.daemon.ctl("--json", "submit", "--wait", data=line, check=False)
        if not done.stdout:
            raise RuntimeError(done.stderr)
        return [json.loads(answer) for answer in done.stdout.splitlines()]

    def submit(self, what, body):
        """Hands one event in, waits for its end, adds its rows; returns the ids."""
        print(f"$ pindispatchctl submit --wait     # {what}")
        answers = self.submit_line(json.dumps(body, ensure_ascii=False) + "\n")
        answer = answers[0]
        if answer["result"] != "accepted":
            why = f"{answer['code']} at {answer['path'] or '$'}" if answer["result"] == "rejected" else \
                "the delivery that exists: " + ", ".join(f"{d['secret']} {d['state']}" for d in answer["deliveries"])
            self.rows.append([what, "", "", answer["result"], why])
            return []
        return [self.add_delivery(what, d["id"]) for d in answer["deliveries"]]

    def add_delivery(self, what, identity):
        d = self.daemon.show(identity)
        evidence = d.get("outcome", {}).get("evidence") or {}
        words = {"print": f"job {evidence.get('job_id')}, {evidence.get('job_state')}, "
                          f"{evidence.get('sheets')} sheet(s)",
                 "email": f"{evidence.get('code')} {evidence.get('reply')}"}.get(d["method"], "never stored")
        self.rows.append([what, d["secret"].upper(), d["method"], d["state"], words])
        return d

    def table(self):
        head = ["EVENT", "SECRET", "METHOD", "OUTCOME", "EVIDENCE"]
        widths = [max(len(row[i]) for row in [head, *self.rows]) for i in range(len(head))]
        for row in [head, *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())

    def require(self, what, ok):
        print(f"  {'ok  ' if ok else 'FAIL'}  {what}")
        self.failures += not ok


def sealed(daemon, pin):
    """What an issuer does who lets nobody see the PIN, not even our listener."""
    return daemon.ctl("seal", data=json.dumps({"pin": pin})).stdout.strip()


def run_events(show):
    """All methods, both secrets, and what is no delivery. Returns the deliveries by a name for their file."""
    asa = card_event("1001", SECRETS["Åsa PIN"], SECRETS["Åsa PUK"], **ASA)
    found = dict(zip(("asa-pin", "asa-puk"), show.submit("Åsa: PIN and PUK", asa)))
    show.submit("Åsa: the same again", asa)
    show.submit("Åsa: same id, other holder", card_event("1001", SECRETS["Åsa PIN"], **ZOE))
    show.submit("a misspelt member", card_event("1002", "1234", emial="nobody@example.com"))
    show.method("email")
    juergen = card_event("1003", **JUERGEN)
    juergen["data"].update(sealed=sealed(show.daemon, SECRETS["Jürgen PIN"]), secrets=["pin"])
    found["juergen-pin"] = show.submit("Jürgen: a sealed PIN", juergen)[0]
    found["zoe-pin"], = show.submit("Zoë: a PIN", card_event("1004", SECRETS["Zoë PIN"], **ZOE))
    show.method("nopin")
    show.submit("Nobody: no delivery", card_event("1005", SECRETS["Nobody's PIN"], name="Nobody", email=None))
    return found


def collect(folder, found, cups, postfix):
    """Copies the letters and mails to where they are easily found: {name: path}."""
    printed = dict(cups.printed())
    mails = postfix.kept(sum(d["method"] == "email" for d in found.values()))
    files = {}
    for name, d in found.items():
        source = printed.get(d["job_uuid"]) if d["method"] == "print" else mails.get(d["id"])
        if source:
            kind, suffix = ("letters", "pdf") if d["method"] == "print" else ("mails", "eml")
            (folder / kind).mkdir(exist_ok=True)
            files[name] = folder / kind / f"{name}.{suffix}"
            files[name].write_bytes(source.read_bytes())
    return files


def text_of_letter(path):
    return subprocess.run(["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True).stdout


def parts_of_mail(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return message, *(part.get_content() if (part := message.get_body((kind,))) else "" for kind in ("plain", "html"))


def check_documents(show, files):
    letter = text_of_letter(files["asa-pin"]) if "asa-pin" in files else ""
    show.require("the letter has the holder's name with its diacritics, and the PIN, as text",
                 ASA["name"] in letter and SECRETS["Åsa PIN"] in letter.replace(" ", ""))
    show.require("the letter has no PUK", SECRETS["Åsa PUK"] not in letter.replace(" ", ""))
    for name, who, secret in (("asa-puk", ASA, "Åsa PUK"), ("juergen-pin", JUERGEN, "Jürgen PIN"),
                              ("zoe-pin", ZOE, "Zoë PIN")):
        message, plain, html = parts_of_mail(files[name]) if name in files else (None, "", "")
        show.require(f"the mail to {who['name']} parses, has text and HTML, and the secret in both",
                     message is not None and who["email"] in message["To"] and
                     all(SECRETS[secret] in part.replace(" ", "") for part in (plain, html)))


def check_secrecy(show, folder):
    """Where no clear secret may be; the kept letters and mails are elsewhere."""
    daemon = show.daemon
    places = {"the store and its log": [p for p in daemon.dir.rglob("*") if p.name.startswith("store.db")],
              "the daemon's log": [daemon.log_path],
              "the CUPS spool and logs": [p for part in ("spool", "log", "cache", "tmp")
                                          for p in (folder / "cups" / part).rglob("*")]}
    for what, paths in places.items():
        texts = [path.read_bytes() for path in paths if path.is_file()]
        show.require(f"no clear secret in {what} ({len(texts)} files)",
                     bool(texts) and not any(s.encode() in text for text in texts for s in SECRETS.values()))


EXPECTED = [("PIN", "print", "delivered"), ("PIN", "email", "delivered"), ("PIN", "nopin", "nopin"),
            ("PUK", "email", "delivered"), ("", "", "duplicate"), ("", "", "rejected")]


def tell(show, folder, files):
    print("\n== what became of each event")
    show.table()
    print("\n== to open")
    for path in files.values():
        print(f"  {path}")
    print(f"  {show.daemon.log_path}\n\n== looked at")
    for row in EXPECTED:
        name = " ".join(filter(None, row))
        show.require(f"there is: {name}", any(tuple(r[1:4]) == row for r in show.rows))
    check_documents(show, files)
    check_secrecy(show, folder)
    verified = show.daemon.ctl("audit", "verify", check=False)
    show.require("; ".join(verified.stdout.splitlines()), verified.returncode == 0)


def run(folder, stay):
    authority = Authority(folder / "tls").make()
    postfix = Postfix(folder / "smtp", authority)
    try:
        with PrivateCups(folder / "cups", ["pin"]) as cups:
            daemon = Dispatcher(folder / "dispatcher", pin="print", puk="email", print={"server": cups.server},
                                email={"server": f"127.0.0.1:{postfix.port}", "ca_file": authority.path("ca.pem"),
                                       "from": "PIN service <pin@example.com>"}).start()
            try:
                show = Show(daemon)
                print(f"== events (PIN by print, PUK by email; the configuration is {daemon.config})")
                tell(show, folder, collect(folder, run_events(show), cups, postfix))
                if stay:
                    input(f"\nrunning: {program('pindispatchctl')} --config {daemon.config} status\n"
                          "Enter ends it: ")
            finally:
                daemon.stop()
            return show.failures
    finally:
        postfix.stop()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pindispatch-demo."))
    # Postfix and the printer's backend have users of their own, who must come through.
    folder.chmod(0o711)
    try:
        failures = run(folder, "--stay" in sys.argv[1:])
    except BaseException:
        print(f"the folder stays for a look: {folder}", file=sys.stderr)
        raise
    for name in ("cups", "smtp", "tls"):
        shutil.rmtree(folder / name, ignore_errors=True)
    if failures:
        sys.exit(f"{failures} of these things are not as they must be")


if __name__ == "__main__":
    main()
