"""Commands as other users: uids that nobody has, made by root, or by sudo where the test is not root."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import subprocess
import sys

# Below the range of Debian's dynamic users, above all others.
DISPATCHER, WORKER, ISSUER, READER, OPERATOR, STRANGER = range(60101, 60107)

ASK = """
import json, socket, sys
request = json.load(sys.stdin)
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(30)
    s.connect(request["socket"])
    with s.makefile("rw", encoding="utf-8", newline="\\n") as stream:
        stream.write("".join(line + "\\n" for line in request["lines"]))
        stream.flush()
        s.shutdown(socket.SHUT_WR)
        sys.stdout.write(stream.read())
"""


def as_user(uid, *groups):
    """What comes before a command, so that UID (with a group of its own and GROUPS) runs it."""
    more = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    root = [] if os.geteuid() == 0 else ["sudo", "-n", "--preserve-env"]
    return [*root, "setpriv", "--reuid", str(uid), "--regid", str(uid), *more, "--"]


def as_root():
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def root(*command):
    subprocess.run([*as_root(), *map(str, command)], check=True, timeout=30)


def accounts():
    return {user.pw_name for user in pwd.getpwall()}, {group.gr_name for group in grp.getgrall()}


@contextlib.contextmanager
def installed(conf):
    """The accounts that CONF (sysusers.d) makes at an installation, for a while; those that are there stay."""
    named = {line.split()[1] for line in pathlib.Path(conf).read_text().splitlines() if line[:2] in ("u ", "g ")}
    users, groups = accounts()
    root("systemd-sysusers", conf)
    try:
        yield
    finally:
        for user in accounts()[0] & named - users:
            root("userdel", user)
        for group in accounts()[1] & named - groups:  # userdel takes a user's own with it
            root("groupdel", group)


def ask_as(user, socket, *lines):
    """The answers, one object a line, that USER (see as_user()) gets at SOCKET."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    done = subprocess.run([*user, sys.executable, "-c", ASK],
                          input=json.dumps({"socket": str(socket), "lines": texts}), capture_output=True, text=True,
                          check=True, timeout=60)
    return [json.loads(answer) for answer in done.stdout.splitlines()]


def end(process):
    """Ends what PROCESS (started by as_user()) has become: sudo's own process is not ours to signal."""
    pid = process.pid
    while os.geteuid() != 0:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            below = children.read().split()
        if not below:
            break
        pid = int(below[0])
    if process.poll() is None:
        root("kill", "-TERM", pid)
    process.wait(40)
