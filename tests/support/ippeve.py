"""A private IPP Everywhere printer for tests: ippeveprinter, which keeps what it prints, on a D-Bus of its own.

Each printed document is kept as DIR/printed/JOB-NAME.NUMBER, where JOB-NAME is the UUID in the name that we give our
jobs; NUMBER tells a second print of one job. DIR/slow holds for how many seconds it prints each; with DIR/fails each fails
once its paper is out.
"""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from cups import die_with_parent

# Without a limit on file descriptors of its own, which only root may raise.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path={dir}/bus</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""

COMMAND = """#!/bin/sh
sleep "$(cat "{dir}/slow")"
name=${{IPP_JOB_NAME#urn:uuid:}}
number=1
while [ -e "{dir}/printed/$name.$number" ]; do
    number=$((number + 1))
done
cp "$1" "{dir}/.part"
mv "{dir}/.part" "{dir}/printed/$name.$number"
[ ! -e "{dir}/fails" ]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class DirectPrinter:
    """One printer below FOLDER. CERTIFICATE: a pair of PEM files for "localhost"; else it makes its own."""

    def __init__(self, folder, formats="application/pdf,image/pwg-raster", options=(), certificate=None):
        self.dir = pathlib.Path(folder).absolute()
        self.formats, self.options = formats, list(options)
        for part in ("printed", "spool", "keys"):
            (self.dir / part).mkdir(parents=True, exist_ok=True)
        if certificate:
            for path, suffix in zip(certificate, ("crt", "key")):
                (self.dir / "keys" / f"localhost.{suffix}").write_bytes(pathlib.Path(path).read_bytes())
        self.slow(0)
        self.command = self.dir / "command"
        self.command.write_text(COMMAND.format(dir=self.dir))
        self.command.chmod(0o755)
        self.port = free_port()
        self.bus = self.process = None

    def uri(self, scheme="ipp"):
        return f"{scheme}://localhost:{self.port}/ipp/print"

    def slow(self, seconds):
        (self.dir / "slow").write_text(f"{seconds}\n")

    # -- its life

    def _spawn(self, *command, environment=None):
        with open(self.dir / "log", "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)

    def _wait(self, what, condition):
        deadline = time.monotonic() + 20
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {what}:\n" + self.log())
            time.sleep(0.02)

    def _answers(self):
        try:
            socket.create_connection(("localhost", self.port), 5).close()
            return True
        except OSError:
            return False

    def start(self):
        # A unix socket's path has 107 bytes at most.
        self.near = tempfile.TemporaryDirectory(prefix="ippeve-")
        bus = pathlib.Path(self.near.name)
        (bus / "conf").write_text(BUS.format(dir=bus))
        self.bus = self._spawn("dbus-daemon", f"--config-file={bus}/conf", "--nofork", "--nopidfile")
        self._wait("D-Bus", (bus / "bus").exists)
        self.process = self._spawn(
            "/usr/sbin/ippeveprinter", "-vv", "-r", "off", "-n", "localhost", "-p", str(self.port), "-c",
            str(self.command), "-d", str(self.dir / "spool"), "-K", str(self.dir / "keys"), "-f", self.formats,
            *self.options, "letters", environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}/bus"})
        self._wait("printer", self._answers)
        return self

    def stop(self, hard=True):
        """There is no other way than the hard one: it waits for nothing."""
        del hard
        for process in (self.process, self.bus):
            if process:
                process.kill()
                process.wait()
        if self.bus:
            self.near.cleanup()
        self.bus = self.process = None

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- what came of it

    def jobs(self):
        """The ids of jobs that have not ended."""
        done = subprocess.run(["ipptool", "-tv", self.uri(), "get-jobs.test"], check=True, capture_output=True,
                              text=True, timeout=30)
        return re.findall(r"^ +job-id \(integer\) = (\d+)", done.stdout, re.MULTILINE)

    def printed(self):
        """(job uuid, path) of all that was printed, oldest first."""
        paths = sorted((self.dir / "printed").iterdir(), key=lambda p: p.stat().st_mtime_ns)
        return [(p.name.split(".")[0], p) for p in paths]


