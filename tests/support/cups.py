#!/usr/bin/python3
"""A private cupsd for tests and the demo: own folder, own unix socket, a printer that keeps what it prints.

    cups.py start DIR [PRINTER...]   start in the background, print the server's socket path
    cups.py stop DIR                 end it
    cups.py serve DIR [PRINTER...]   the same in the foreground: ends (with its cupsd) at the end of standard input.
                                     DIR/relay.sock leads to it too, and loses answers as DIR/lose says (cups_relay.py)
    cups.py printed DIR [PRINTER]    the kept documents, one line each: JOB-UUID PATH

Each printed document is kept as DIR/printed/PRINTER/JOB-UUID.NUMBER.pdf; NUMBER tells a second print of one job.
What the printer does is chosen by words in DIR/printed/PRINTER/fault: `fail`, `stop`, `slow SECONDS`, `no-history`,
`after SECONDS [STATUS]` (the paper first, the end later), `exit STATUS` (no paper). With a file DIR/printed/PRINTER/silent
it does not count its sheets.
"""

import argparse
import ctypes
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

import cups_relay

CUPSD = "/usr/sbin/cupsd"
SYSTEM_SERVERBIN = pathlib.Path("/usr/lib/cups")

BACKEND = r"""#!/bin/sh
# A printer that keeps its documents. Arguments: job user title copies options [file]; standard error speaks to cupsd.
if [ $# -lt 5 ]; then
    echo 'direct capture "Unknown" "Keeps what it prints"'
    exit 0
fi
dir=${DEVICE_URI#capture://}
case $5 in
*job-uuid=urn:uuid:*) uuid=${5##*job-uuid=urn:uuid:} uuid=${uuid%% *} ;;
*) uuid=job-$1 ;;
esac
fault=
[ -e "$dir/fault" ] && read -r fault <"$dir/fault"
silent=
[ -e "$dir/silent" ] && silent=1

# The paper. One print at a time: cupsd runs one backend a printer.
put_out() {
    number=1
    while [ -e "$dir/$uuid.$number.pdf" ]; do
        number=$((number + 1))
    done
    cat "${6:--}" >"$dir/.part"
    sheets=$(grep -a -c '/Type */Page\([^s]\|$\)' "$dir/.part")
    mv "$dir/.part" "$dir/$uuid.$number.pdf"
    [ -z "$silent" ] && [ "$sheets" -gt 0 ] && echo "PAGE: total $sheets" >&2
    return 0
}

wait_a_while() { # a cupsd that is not root ends the shell only, not what it started
    sleep "$1" &
    trap "kill $!; exit 1" TERM
    wait $!
    trap - TERM
}

case $fault in
after*)
    put_out "$@"
    set -- $fault
    wait_a_while "$2"
    [ "$3" = 1 ] && echo 'ERROR: The stapler is empty.' >&2
    exit "${3:-0}" ;;
exit*) cat >/dev/null; exit "${fault#exit }" ;;
fail) cat >/dev/null; echo 'ERROR: The paper is jammed.' >&2; exit 1 ;;
stop) cat >/dev/null; echo 'ERROR: The toner is empty.' >&2; exit 4 ;;
slow*) wait_a_while ${fault#slow} ;;
no-history) echo 'STATE: +cups-ipp-missing-job-history' >&2 ;;
esac
put_out "$@"
exit 0
"""

CUPSD_CONF = """\
Listen {socket}
LogLevel warn
PageLogFormat
AccessLogLevel config
MaxLogSize 0
Browsing Off
WebInterface No
DefaultAuthType None
DefaultShared No
ErrorPolicy abort-job
PreserveJobHistory Yes
PreserveJobFiles No
DirtyCleanInterval 0
MaxJobs {max_jobs}
MaxCopies 1
{extra}
<Location />
  Order deny,allow
</Location>
<Policy default>
  JobPrivateAccess default
  JobPrivateValues default
  SubscriptionPrivateAccess default
  SubscriptionPrivateValues default
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""

CUPS_FILES_CONF = """\
User {user}
Group {group}
SystemGroup {system_group}
FileDevice Yes
SyncOnClose Yes
ServerRoot {dir}/root
ServerBin {dir}/bin
CacheDir {cache}
StateDir {dir}/state
RequestRoot {spool}
TempDir {dir}/tmp
DocumentRoot {dir}/empty
AccessLog {dir}/log/access_log
ErrorLog {dir}/log/error_log
PageLog {dir}/log/page_log
"""

PRINTER_CONF = """\
<Printer {name}>
PrinterId {number}
UUID urn:uuid:{uuid}
Info {name}
DeviceURI capture://{printed}
State Idle
StateTime {now}
ConfigTime {now}
Type 4
Accepting Yes
Shared No
JobSheets none none
QuotaPeriod 0
PageLimit 0
KLimit 0
OpPolicy default
ErrorPolicy abort-job
</Printer>
"""


SAFETY = ("DirtyCleanInterval", "SyncOnClose", "PreserveJobFiles", "MaxJobs")
# At each change of a job cupsd writes its list of all that it remembers: few, but more than print.window, for what
# ended while nobody looked.
MAX_JOBS = 100


def die_with_parent():
    """The kernel ends cupsd when its starter is gone: a broken test leaves no server behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class PrivateCups:
    """One cupsd below DIR; `server` is what print.server wants. CACHE, where its list of jobs is, and SPOOL may be in
    memory: the jobs themselves are files of the spool, which are read when there is no list, or an older one."""

    def __init__(self, folder, printers=("pin",), max_jobs=MAX_JOBS, extra="", defaults=False, cache=None, spool=None):
        self.dir = pathlib.Path(folder).absolute()
        self.printers = list(printers)
        self.max_jobs = max_jobs
        self.cache = pathlib.Path(cache or self.dir / "cache")
        self.spool = pathlib.Path(spool or self.dir / "spool")
        self.extra = extra
        self.skew = 0  # seconds that its clock is ahead (skew.c)
        self.defaults = defaults
        self.process = None
        # A unix socket's path has 107 bytes at most: deep folders get theirs in /tmp.
        near = self.dir / "cups.sock"
        self.server = str(near) if len(str(near)) < 100 else f"/tmp/cups-{uuid.uuid5(uuid.NAMESPACE_URL, str(near))}"

    # -- making the folder

    def _accounts(self):
        """cupsd as root runs its printers as somebody else; its SystemGroup must not be that one's group."""
        if os.geteuid() != 0:
            own = grp.getgrgid(os.getegid()).gr_name
            system = next((g.gr_name for g in grp.getgrall() if g.gr_name != own), own)
            return pwd.getpwuid(os.geteuid()).pw_name, own, system
        return "lp", "lp", "root"

    def _give(self, path):
        path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            lp = pwd.getpwnam("lp")
            os.chown(path, lp.pw_uid, lp.pw_gid)

    def _make_serverbin(self):
        for part in ("filter", "daemon", "monitor", "notifier", "driver"):
            link = self.dir / "bin" / part
            if (SYSTEM_SERVERBIN / part).exists() and not link.is_symlink():
                link.symlink_to(SYSTEM_SERVERBIN / part)
        backend = self.dir / "bin" / "backend" / "capture"
        backend.write_text(BACKEND)
        backend.chmod(0o755)

    @staticmethod
    def _reachable(folder):
        """The printer's account must be able to enter the folders above its own; mkdtemp() makes them 0700."""
        while os.geteuid() == 0 and folder != folder.parent and folder.stat().st_uid == 0:
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
            folder = folder.parent

    def _write(self, name, text):
        """With `defaults`, without what a queue for PINs needs: as cupsd comes."""
        lines = [line for line in text.splitlines() if not self.defaults or not line.startswith(SAFETY)]
        (self.dir / "root" / name).write_text("\n".join(lines) + "\n")

    def prepare(self):
        for part in ("root/ppd", "bin/backend", "state", "tmp", "empty", "log", "printed"):
            (self.dir / part).mkdir(parents=True, exist_ok=True)
        for folder in (self.cache, self.spool):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.dir, self.spool.parent):
            self._reachable(folder)
        self._make_serverbin()
        user, group, system_group = self._accounts()
        values = {"dir": self.dir, "cache": self.cache, "spool": self.spool, "user": user, "group": group,
                  "system_group": system_group, "socket": self.server, "max_jobs": self.max_jobs, "extra": self.extra}
        self._write("cupsd.conf", CUPSD_CONF.format(**values))
        self._write("cups-files.conf", CUPS_FILES_CONF.format(**values))
        conf = self.dir / "root/printers.conf"
        if not conf.exists():
            conf.write_text("".join(
                PRINTER_CONF.format(name=name, number=n, uuid=uuid.uuid4(), now=int(time.time()),
                                    printed=self.dir / "printed" / name)
                for n, name in enumerate(self.printers, 1)))
        for name in self.printers:
            self._give(self.dir / "printed" / name)

    # -- its life

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(self.server)
                s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return bool(s.recv(1))
        except OSError:
            return False

    def _environment(self):
        if not self.skew:
            return None
        library = pathlib.Path(os.environ["PINDISPATCH_BIN"]).parent / "tests" / "libskew.so"
        if not library.exists():
            raise RuntimeError(f"{library} is not built (target skew)")
        return {**os.environ, "LD_PRELOAD": str(library), "SKEW_SECONDS": str(self.skew)}

    def start(self, detached=False):
        self.prepare()
        pathlib.Path(self.server).unlink(missing_ok=True)
        command = [CUPSD, "-f", "-c", str(self.dir / "root/cupsd.conf"), "-s", str(self.dir / "root/cups-files.conf")]
        with open(self.dir / "log/output", "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=detached, env=self._environment(),
                                            preexec_fn=None if detached else die_with_parent)
        (self.dir / "cupsd.pid").write_text(str(self.process.pid))
        deadline = time.monotonic() + 20
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("cupsd did not start:\n" + self.log())
            time.sleep(0.02)
        return self

    def stop(self, hard=False):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def lose_cache(self):
        """While it does not run: as when the machine had lost power, and its list of jobs were in memory."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def lose_spool(self):
        """The same when the jobs were in memory, too: it begins anew, with the number 1."""
        self.lose_cache()
        shutil.rmtree(self.spool, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        texts = [(self.dir / "log" / name) for name in ("output", "error_log")]
        return "".join(t.read_text(errors="replace") for t in texts if t.exists())

    # -- using it

    def _run(self, *command):
        environment = {**os.environ, "CUPS_SERVER": self.server, "LC_ALL": "C"}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=30).stdout

    def pause(self, printer="pin"):
        self._run("cupsdisable", printer)

    def resume(self, printer="pin"):
        self._run("cupsenable", printer)

    def refuse(self, printer="pin"):
        self._run("cupsreject", printer)

    def accept(self, printer="pin"):
        self._run("cupsaccept", printer)

    def lpstat(self, *arguments):
        return self._run("lpstat", *arguments)

    def print_other(self, held=False, printer="pin"):
        """Somebody else's job."""
        path = self.dir / "other.pdf"
        path.write_text("%PDF-1.4\n<< /Type /Page >>\n")
        hold = ["-H", "hold"] if held else []
        self._run("lp", "-d", printer, *hold, "-o", "job-sheets=none,none", str(path))

    def cancel_all(self, printer="pin"):
        self._run("cancel", "-a", printer)

    def jobs(self, printer="pin", which="not-completed"):
        """The ids of jobs as `lpstat` lists them."""
        return [line.split()[0] for line in self._run("lpstat", "-W", which, "-o", printer).splitlines() if line]

    def fault(self, words=None, printer="pin"):
        path = self.dir / "printed" / printer / "fault"
        if words:
            path.write_text(words)
        else:
            path.unlink(missing_ok=True)

    def silence(self, printer="pin"):
        """From now on it does not count sheets."""
        (self.dir / "printed" / printer / "silent").touch()

    def hold(self, job):
        """JOB: as jobs() has it."""
        self._run("lp", "-i", job, "-H", "hold")

    def release(self, job):
        self._run("lp", "-i", job, "-H", "resume")

    def cancel(self, job):
        self._run("cancel", job)

    def move(self, job, printer):
        self._run("lpmove", job, printer)

    def set_device(self, printer="pin"):
        """The same device again: whoever sets one has cupsd begin the job that is being printed from the top."""
        self._run("lpadmin", "-p", printer, "-v", f"capture://{self.dir}/printed/{printer}")

    def backends(self):
        """The processes that print just now."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if str(self.dir / "bin/backend/capture").encode() in words:
                found.append(int(path.parent.name))
        return found

    def end_backends(self, number=signal.SIGTERM):
        for backend in self.backends():
            try:
                os.kill(backend, number)
            except ProcessLookupError:
                pass  # it ended meanwhile

    def printed(self, printer="pin"):
        """(job uuid, path) of all that was printed, oldest first."""
        paths = sorted((self.dir / "printed" / printer).glob("*.pdf"), key=lambda p: p.stat().st_mtime_ns)
        return [(p.name.split(".")[0], p) for p in paths]


def stop_by_pid(folder):
    path = pathlib.Path(folder) / "cupsd.pid"
    if not path.exists():
        return
    pid = int(path.read_text())
    try:
        if b"cupsd" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
            for _ in range(300):
                if not pathlib.Path(f"/proc/{pid}").exists():
                    break
                time.sleep(0.05)
    except (FileNotFoundError, ProcessLookupError):
        pass
    path.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description="A private cupsd for tests.")
    parser.add_argument("command", choices=["start", "stop", "serve", "printed"])
    parser.add_argument("dir")
    parser.add_argument("printers", nargs="*", default=["pin"])
    parser.add_argument("--port", type=int, help="listen on this port of 127.0.0.1 too")
    parser.add_argument("--max-jobs", type=int, default=MAX_JOBS, help="jobs that cupsd keeps, ended ones too")
    arguments = parser.parse_args()
    if shutil.which(CUPSD) is None:
        sys.exit(f"{CUPSD} is missing: apt-get install cups-daemon cups-client")
    cups = PrivateCups(arguments.dir, arguments.printers or ["pin"], arguments.max_jobs,
                       f"Listen 127.0.0.1:{arguments.port}" if arguments.port else "")
    if arguments.command == "start":
        print(cups.start(detached=True).server, flush=True)
    elif arguments.command == "stop":
        stop_by_pid(arguments.dir)
    elif arguments.command == "printed":
        for job, path in cups.printed(cups.printers[0]):
            print(job, path)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with cups:
            cups_relay.Relay(cups.server, cups.dir / "relay.sock", cups.dir / "lose")
            print(cups.server, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
