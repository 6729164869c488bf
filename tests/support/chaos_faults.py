"""Failing system calls: one site a fault, the dispatcher or its workers under syscalls.c, then the judge."""

import concurrent.futures
import os
import pathlib
import subprocess
import tempfile

from chaos_points import make_keys
from chaos_site import Site, Verdict, judge

D, W = "pindispatchd", "pindispatch-worker"

# Libcups reads each value of an answer by itself: some thousand reads for a list of jobs, hence the large numbers.
# What fails, and how: PROGRAM:CALL:PLACE:FAULT:EVERY[:COUNT], see syscalls.c.
FAULTS = [
    ("dispatcher: signals interrupt", f"{D}:read:socket:EINTR:2,{D}:write:any:EINTR:3,{D}:wait:any:EINTR:3"),
    ("dispatcher: sockets take and give half", f"{D}:read:socket:short:2,{D}:write:socket:short:2"),
    ("dispatcher: reads are reset", f"{D}:read:socket:ECONNRESET:23"),
    ("dispatcher: writes are reset", f"{D}:write:socket:ECONNRESET:29"),
    ("dispatcher: writes find no reader", f"{D}:write:socket:EPIPE:13:4"),
    ("store: the disk is full at times", f"{D}:write:store:ENOSPC:40:3"),
    ("store: writes fail at times", f"{D}:write:store:EIO:50:3"),
    ("store: writes are short", f"{D}:write:store:short:3"),
    ("store: a sync fails", f"{D}:sync:store:EIO:9:1"),
    ("store: syncs fail now and then", f"{D}:sync:store:EIO:11:3"),
    ("store: reads fail at times", f"{D}:read:store:EIO:25:2"),
    ("worker: signals interrupt", f"{W}:read:any:EINTR:3,{W}:write:any:EINTR:3"),
    ("worker: sockets take and give half", f"{W}:read:socket:short:2,{W}:write:socket:short:2"),
    ("worker: reads are reset", f"{W}:read:socket:ECONNRESET:5003"),
    ("worker: writes are reset", f"{W}:write:socket:ECONNRESET:17"),
    ("worker: nobody listens at times", f"{W}:connect:any:ECONNREFUSED:2"),
    ("worker: everything is interrupted and half", f"{W}:read:socket:short:3,{W}:write:any:short:2,"
                                                   f"{W}:read:any:EINTR:5,{W}:connect:any:EINTR:3"),
]


class Fault:
    def __init__(self, name, rules, in_doubt):
        self.name, self.rules, self.in_doubt = name, rules, in_doubt
        self.verdict, self.trouble, self.starts = Verdict(), "", 0

    def good(self):
        return self.verdict.good() and not self.trouble

    def line(self):
        repeated = f", repeated mail {len(self.verdict.repeated)}" if self.verdict.repeated else ""
        return f"{self.name:<44} in_doubt={self.in_doubt:<6} {self.verdict.numbers()}{repeated}{self.trouble}"

    def run(self, keys, library):
        with tempfile.TemporaryDirectory(prefix="pindispatch-chaos-") as folder:
            site = Site(pathlib.Path(folder) / "site", self.in_doubt,
                        {"LD_PRELOAD": library, "PINDISPATCH_SYSCALLS": self.rules}, keys=keys,
                        workers={"deadline": "3s"}, email={"timeout": "2s"})
            try:
                site.start()
                for turn in range(4):
                    site.submit([f"a{turn}{n}" for n in range(5)])
                    site.drop([f"b{turn}{n}" for n in range(2)])
                self.verdict = judge(site, site.settle(60))
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                self.trouble = f"\n    {type(error).__name__}: {error}"
            finally:
                site.stop()
            if not self.good() and os.environ.get("CHAOS_KEEP"):
                subprocess.run(["cp", "-a", folder, os.environ["CHAOS_KEEP"]], check=False)
        return self


def run_faults(jobs=2, only=None, tell=print):
    """(good, verdict of all); TELL gets a line a fault."""
    library = pathlib.Path(os.environ["PINDISPATCH_BIN"]).parent / "tests" / "libsyscalls.so"
    if not library.exists():
        raise SystemExit(f"{library} is not built (target syscalls)")
    total, good = Verdict(), True
    faults = [Fault(name, rules, "hold" if n % 2 else "retry") for n, (name, rules) in enumerate(FAULTS)
              if not only or only in name]
    with tempfile.TemporaryDirectory(prefix="pindispatch-chaos-keys-") as folder:
        keys = make_keys(folder)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for fault in pool.map(lambda f: f.run(keys, str(library)), faults):
                tell(fault.line())
                for word in fault.verdict.words():
                    tell(word)
                total.add(fault.verdict)
                good = good and fault.good()
    tell(f"{len(faults)} faults; delivered {total.delivered}, repeated mail {len(total.repeated)} (same Message-ID)")
    for reason, count in sorted(total.reasons.items()):
        tell(f"    {reason}: {count}")
    return good, total
