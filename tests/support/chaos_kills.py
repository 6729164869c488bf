"""Random kills: the dispatcher, workers, cupsd and the mail server are killed and stopped under load.

What cupsd was printing when it was killed it prints again from the top, by itself: the letter was released once. That is
told apart ("printed again by cupsd"), and counts as twice unless the delivery says that it may have come twice.
"""

import collections
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import threading
import time

from chaos_points import make_keys
from chaos_site import Site, judge, workers_of
from dispatcher import end_worker

PRINTER = "slow 0.02"  # so that there is something to interrupt
BACKLOG = 200  # letters that wait; more would only be waited for at the end


class Chaos:
    def __init__(self, site, seed):
        self.site, self.random = site, random.Random(seed)
        self.kills = collections.Counter()
        self.count, self.over, self.trouble = 0, threading.Event(), []

    # -- the load

    def feed(self):
        """Events in small bursts, by both ways, for as long as there is room at the other end."""
        order = random.Random(self.random.random())
        while not self.over.is_set():
            ids = [f"e{self.count + n}" for n in range(order.randint(1, 6))]
            self.count += len(ids)
            try:
                if order.random() < 0.25:
                    self.site.drop(ids)
                else:
                    self.site.submit(ids)
            except AssertionError as error:
                self.trouble.append(str(error))
                return
            self.over.wait(order.uniform(0.0, 0.25))
            while not self.over.is_set() and len(self.site.secrets) - len(self.site.cups.printed()) > BACKLOG:
                self.over.wait(0.5)

    # -- what goes wrong

    def kill_dispatcher(self):
        with self.site.life:
            process = self.site.dispatcher.process
            orphans = workers_of(process)
            process.kill()
            process.wait()
        with_workers = self.random.random() < 0.3
        for pid in orphans if with_workers else ():
            end_worker(pid)
        self.kills["dispatcher with its workers" if with_workers else "dispatcher"] += 1
        self.site.keep_up()

    def terminate_dispatcher(self):
        with self.site.life:
            process = self.site.dispatcher.process
            process.terminate()
            try:
                process.wait(self.random.uniform(0, 2))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.kills["dispatcher asked to end"] += 1
        self.site.keep_up()

    def some_worker(self):
        with self.site.life:
            self.site.keep_up()
            return self.random.choice(workers_of(self.site.dispatcher.process) or [0])

    def kill_worker(self):
        pid = self.some_worker()
        self.kills["worker"] += bool(pid and end_worker(pid))

    def stop_worker(self):
        pid = self.some_worker()
        if pid and end_worker(pid, signal.SIGSTOP):
            self.kills["worker stopped for a while"] += 1
            time.sleep(self.random.choice([0.1, 0.5, 3.0]))  # longer than its deadline, too
            end_worker(pid, signal.SIGCONT)

    def kill_cups(self):
        self.site.cups.stop(hard=True)
        time.sleep(self.random.uniform(0, 0.3))
        loses = self.random.random() < 0.5
        if loses:
            self.site.cups.lose_cache()
        self.site.cups.start()
        self.kills["cupsd, and its list of jobs" if loses else "cupsd"] += 1

    def stop_cups(self):
        process = self.site.cups.process
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 1.0))
        process.send_signal(signal.SIGCONT)
        self.kills["cupsd stopped for a while"] += 1

    def kill_mail(self):
        self.site.sink.stop()
        time.sleep(self.random.uniform(0, 0.3))
        self.site.sink.start()
        self.kills["mail server"] += 1

    def stop_mail(self):
        self.site.sink.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 1.5))
        self.site.sink.process.send_signal(signal.SIGCONT)
        self.kills["mail server stopped for a while"] += 1

    def run(self, seconds):
        feeder = threading.Thread(target=self.feed)
        feeder.start()
        deadline = time.monotonic() + seconds
        deeds = [self.kill_dispatcher, self.terminate_dispatcher, self.kill_worker, self.kill_worker, self.stop_worker,
                 self.kill_cups, self.stop_cups, self.kill_mail, self.stop_mail]
        try:
            while time.monotonic() < deadline and feeder.is_alive():
                time.sleep(self.random.uniform(0.05, 0.6))
                self.random.choice(deeds)()
        finally:
            self.over.set()
            feeder.join()


def table(chaos, verdict, tell):
    tell("kills and stops:")
    for kind, count in sorted(chaos.kills.items()):
        tell(f"    {kind:<34} {count:>5}")
    tell(f"events {len(chaos.site.secrets)}, delivered {verdict.delivered}, dispatcher started {chaos.site.starts} times")
    for reason, count in sorted(verdict.reasons.items()):
        tell(f"    {reason:<34} {count:>5}")
    tell(f"repeated mail {len(verdict.repeated)} (same Message-ID), printed again by cupsd itself after it was killed "
         f"{len(verdict.again)} (told of {verdict.told} letters that they may have been), held letters left in the spool "
         f"{len(verdict.left)}")


def run_kills(seconds, seed, defaults, tell=print):
    """(good, verdict); TELL gets the lines of the table."""
    tell(f"random kills for {seconds:.0f} s, seed {seed}, cupsd with {'its defaults' if defaults else 'safe settings'}")
    with tempfile.TemporaryDirectory(prefix="pindispatch-chaos-") as folder:
        site = Site(pathlib.Path(folder) / "site", "hold" if seed % 2 else "retry", cups_defaults=defaults,
                    keys=make_keys(pathlib.Path(folder) / "keys"),
                    workers={"deadline": "2s"}, email={"timeout": "2s"})
        chaos = Chaos(site, seed)
        try:
            site.start()
            site.cups.fault(PRINTER)
            chaos.run(seconds)
            rows = site.settle()
            verdict = judge(site, rows)
        finally:
            site.stop()
            if os.environ.get("CHAOS_KEEP"):
                subprocess.run(["cp", "-a", folder, os.environ["CHAOS_KEEP"]], check=False)
        table(chaos, verdict, tell)
        for word in verdict.words() + chaos.trouble:
            tell(word)
    return verdict.good() and not chaos.trouble, verdict
