#!/usr/bin/python3
"""A private Postfix for tests and the demo: own folder, own loopback port, STARTTLS, all mail kept in one Maildir.

    postfix.py serve DIR [--cert FILE --key FILE] [--port N] [--set NAME=VALUE]...
        start, print the port, and end with the end of standard input or by a signal
    postfix.py kept DIR
        the kept mails, one path a line

Postfix starts as root only; without root this starts itself again through sudo. Its own user must be able to come
to DIR: the folders above need o+x. DIR/mail is the Maildir and DIR/log the log; these two stay. Nothing of the system's own Postfix is touched.
"""
import argparse
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

MASTER = pathlib.Path("/usr/lib/postfix/sbin/master")

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = {recipients}
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:mail/
virtual_mailbox_base = {dir}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = virtual
smtpd_tls_security_level = {security}
smtpd_tls_chain_files = {chain}
tls_random_source = dev:/dev/urandom
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
"""

# service, type, private, unprivileged, chroot, wakeup, processes, command
MASTER_CF = """\
{port}      inet  n - n -    - smtpd
pickup      unix  n - n 60   1 pickup
cleanup     unix  n - n -    0 cleanup
qmgr        unix  n - n 300  1 qmgr
tlsmgr      unix  - - n 1000? 1 tlsmgr
rewrite     unix  - - n -    - trivial-rewrite
bounce      unix  - - n -    0 bounce
defer       unix  - - n -    0 bounce
trace       unix  - - n -    0 bounce
verify      unix  - - n -    1 verify
flush       unix  n - n 1000? 0 flush
proxymap    unix  - - n -    - proxymap
proxywrite  unix  - - n -    1 proxymap
error       unix  - - n -    - error
retry       unix  - - n -    - error
discard     unix  - - n -    - discard
virtual     unix  - n n -    - virtual
anvil       unix  - - n -    1 anvil
scache      unix  - - n -    1 scache
smtp        unix  - - n -    - smtp
postlog     unix-dgram n - n - 1 postlogd
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class PrivatePostfix:
    """start(), .port, kept(), stop(). Needs root."""

    def __init__(self, directory, cert=None, key=None, port=None, settings=None):
        self.directory = pathlib.Path(directory).resolve()
        self.port = port or free_port()
        self.cert, self.key = cert, key
        self.settings = settings or {}
        self.master = None

    def configure(self):
        d = self.directory
        # Virtual delivery runs as no root: as whoever called sudo, so that the mails are theirs, or as nobody.
        owner = pwd.getpwuid(int(os.environ.get("SUDO_UID", 0)) or pwd.getpwnam("nobody").pw_uid)
        for folder in ("config", "data", "queue", "mail"):
            (d / folder).mkdir(parents=True, exist_ok=True)
        # Postfix drops to its own user: every folder above must let it through.
        for folder in (d, d / "config", d / "queue"):
            folder.chmod(0o755)
        shutil.chown(d / "data", "postfix")
        os.chown(d / "mail", owner.pw_uid, owner.pw_gid)
        chain = d / "config" / "chain.pem"
        chain.touch(mode=0o600)
        if self.cert:
            chain.write_text(pathlib.Path(self.key).read_text() + pathlib.Path(self.cert).read_text())
        values = {"dir": d, "uid": owner.pw_uid, "gid": owner.pw_gid, "chain": chain if self.cert else "",
                  "security": "may" if self.cert else "none", "recipients": "permit_mynetworks, reject"}
        text = MAIN_CF.format(**values) + "".join(f"{name} = {value}\n" for name, value in self.settings.items())
        (d / "config" / "main.cf").write_text(text)
        (d / "config" / "master.cf").write_text(MASTER_CF.format(port=f"127.0.0.1:{self.port}"))

    def environment(self):
        values = {"config_directory": self.directory / "config", "queue_directory": self.directory / "queue",
                  "data_directory": self.directory / "data", "daemon_directory": "/usr/lib/postfix/sbin",
                  "command_directory": "/usr/sbin", "mail_owner": "postfix", "setgid_group": "postdrop"}
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.directory / "config"),
                **{name: str(value) for name, value in values.items()}}

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                return sock.recv(512).startswith(b"220")
        except OSError:
            return False

    def start(self):
        self.configure()
        make_queue_folders(self.directory / "queue")
        # -d: stay in the foreground, so that it can be ended by its own pid.
        self.master = subprocess.Popen([str(MASTER), "-d", "-c", str(self.directory / "config")],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       start_new_session=True, env=self.environment())
        until = time.monotonic() + 20
        while not self.answers():
            if self.master.poll() is not None or time.monotonic() > until:
                words = "" if self.master.poll() is None else self.master.stderr.read().decode()
                self.stop()
                log = self.directory / "log"
                raise RuntimeError("Postfix does not start: " + words + (log.read_text() if log.exists() else ""))
            time.sleep(0.05)
        return self

    def kept(self):
        return sorted(path for path in (self.directory / "mail" / "new").glob("*") if path.is_file())

    def stop(self):
        if self.master and self.master.poll() is None:
            self.master.terminate()
            self.master.wait(20)
        if self.master:
            self.master.stderr.close()
        self.master = None
        for folder in ("config", "data", "queue"):
            shutil.rmtree(self.directory / folder, ignore_errors=True)
        # Whoever called sudo removes the folder.
        os.chown(self.directory, int(os.environ.get("SUDO_UID", 0)), -1)


def make_queue_folders(queue):
    """What `postfix set-permissions` would make, for this folder only."""
    postfix, group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
                 "trace"):
        (queue / name).mkdir(exist_ok=True)
        os.chown(queue / name, postfix, 0)
        (queue / name).chmod(0o700)
    for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
        (queue / name).mkdir(exist_ok=True)
        os.chown(queue / name, postfix, group)
        (queue / name).chmod(mode)
    (queue / "pid").mkdir(exist_ok=True)
    (queue / "pid").chmod(0o755)


def serve(options):
    settings = dict(item.split("=", 1) for item in options.set)
    server = PrivatePostfix(options.dir, options.cert, options.key, options.port, settings).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        print(server.port, flush=True)
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["serve", "kept"])
    parser.add_argument("dir")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--port", type=int)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    if options.command == "kept":
        print("\n".join(str(path) for path in PrivatePostfix(options.dir, port=1).kept()))
    elif os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-n", sys.executable, *sys.argv])
    else:
        serve(options)


if __name__ == "__main__":
    main()
