"""The crash-point run: one site a point, the point armed, everything that died started again, then the judge."""

import concurrent.futures
import os
import pathlib
import subprocess
import tempfile
import time

from chaos_site import Site, Verdict, judge
from dispatcher import Dispatcher, program

# What must have gone wrong before these can be passed at all.
BEFORE = {"print.fencing": "print.sent", "print.fenced": "print.sent", "dispatch.recovering": "dispatch.go-sent",
          "dispatch.worker-lost": "worker.composed"}


def points_of(name):
    """The crash points that the linker found in a program."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["objcopy", "-O", "binary", "-j", "crash_points", program(name), out.name], check=True)
        return {p.decode() for p in pathlib.Path(out.name).read_bytes().split(b"\0") if p}


def all_points():
    """(point, is a worker's). The daemon links the methods for their tables, and never passes them."""
    worker = points_of("pindispatch-worker")
    points = [(p, False) for p in sorted(points_of("pindispatchd") - worker)] + [(p, True) for p in sorted(worker)]
    if not points:
        raise SystemExit("these programs have no crash points: cmake --preset crash, and $PINDISPATCH_CRASH_BIN")
    return points


class Run:
    """One point, in one way."""

    def __init__(self, point, passage=1, whom="self", in_doubt="retry", forgetful=False, verb=None, becomes=None):
        self.point, self.passage, self.whom, self.in_doubt = point, passage, whom, in_doubt
        self.forgetful = forgetful
        self.verb = verb        # the operator's, where the point is one of those
        self.becomes = becomes  # what email.in_doubt is when the dispatcher starts again
        self.direct = point.startswith("direct.")  # passed only with a printer that is talked to without a spooler
        self.fired, self.verdict, self.trouble = False, Verdict(), ""

    def name(self):
        more = [f"passage {self.passage}"] * (self.passage > 1) + [f"ends {self.whom}"] * (self.whom != "self")
        more += ["no history"] * self.forgetful + [f"verb {self.verb}"] * bool(self.verb)
        more += [f"then {self.becomes}"] * bool(self.becomes)
        return f"{self.point:<26}" + f" in_doubt={self.in_doubt}" + "".join(f", {m}" for m in more)

    def may_stay_silent(self):
        """A later passage need not come; a printer without history is not followed; a worker that lives on leaves
        nothing to be fenced."""
        return ((self.passage > 1 and not self.verb) or (self.forgetful and self.point == "print.followed")
                or (self.whom == "parent" and self.point in BEFORE))

    def good(self):
        return self.verdict.good() and not self.trouble and (self.fired or self.may_stay_silent())

    def line(self):
        fired = "fired" if self.fired else "not reached" if self.may_stay_silent() else "NEVER FIRED"
        repeated = f", repeated mail {len(self.verdict.repeated)}" if self.verdict.repeated else ""
        repeated += f", LEFT IN THE SPOOL {len(self.verdict.left)}" if self.verdict.left else ""
        return f"{self.name():<62} {fired:<12} {self.verdict.numbers()}{repeated}{self.trouble}"

    def run(self, keys):
        with tempfile.TemporaryDirectory(prefix="pindispatch-chaos-") as folder:
            once = pathlib.Path(folder) / "once"
            once.mkdir()
            wanted = [w for w in (BEFORE.get(self.point), f"{self.point}:{self.passage}") if w]
            environment = {"PINDISPATCH_CRASH": ",".join(wanted), "PINDISPATCH_CRASH_ONCE": str(once),
                           "PINDISPATCH_CRASH_WHOM": self.whom}
            site = Site(pathlib.Path(folder) / "site", self.in_doubt, environment, forgetful=self.forgetful,
                        keys=keys, direct=self.direct)
            try:
                self._play(site)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                self.trouble = f"\n    {type(error).__name__}: {error}"
            finally:
                site.stop()
            self.fired = (once / self.point).exists()
            if not self.good() and os.environ.get("CHAOS_KEEP"):
                subprocess.run(["cp", "-a", folder, os.environ["CHAOS_KEEP"]], check=False)
        return self

    def _operate(self, site):
        """An operator who gets no answer asks again. The printer is stopped: its letters wait."""
        site.cups.pause()
        site.submit(["o1", "o2"])
        first, second = (site.letter_of(event) for event in ("o1", "o2"))
        for verb in PATHS[self.verb] + ["release"] * (self.verb == "hold"):
            site.operate(verb, first)
        site.operate("hold", second)
        site.operate("release", second)
        site.cups.resume()

    def _play(self, site):
        site.start()
        if self.becomes:
            site.dispatcher.groups["email"]["in_doubt"] = self.becomes
            site.dispatcher.write_config()
        if self.verb:
            self._operate(site)
        site.submit(["a1", "a2", "a3"])
        site.drop(["b1"])
        site.settle()
        site.reload("nopin", "nopuk")
        site.submit(["c1"])
        if not site.is_down():
            site.dispatcher.stop()
        site.keep_up()
        self.verdict = judge(site, site.settle())


def make_keys(folder):
    """One key pair for all sites: making one is no part of what is tested."""
    Dispatcher(folder).prepare()
    return folder


# How a waiting letter gets to where each verb can be told: by verbs, the last of which is the one.
PATHS = {"hold": ["hold"], "release": ["hold", "release"], "retry": ["retry"], "cancel": ["cancel"],
         "cancel of a held": ["hold", "cancel"]}

# Where doubt waits for a person, mail is marked, and its beginning is not told apart.
ONLY_RETRY = {"dispatch.begun", "worker.beginning", "worker.begun"}


def answers_to(point, number, deep):
    """The values of email.in_doubt to try: both for mail's own points, else one by turns."""
    if point in ONLY_RETRY:
        return ["retry"]
    if deep or point.startswith("email."):
        return ["retry", "hold"]
    return ["hold" if number % 2 else "retry"]


def plan(deep, only=None):
    """Each point; in depth also other passages, other victims, and both answers to doubt."""
    runs = []
    about_letters = ("print.", "worker.mark", "worker.report", "dispatch.mark", "dispatch.go", "dispatch.settl")
    for number, (point, of_worker) in enumerate(all_points()):
        if only and only not in point:
            continue
        if point.startswith("control."):
            runs += [Run(point, passage=len(path), verb=verb) for verb, path in PATHS.items()]
            continue
        answers = answers_to(point, number, deep)
        runs += [Run(point, in_doubt=answer) for answer in answers]
        if point.startswith(about_letters):
            # The dispatcher must end too: what it remembers would do instead of what it committed.
            runs.append(Run(point, whom="both" if of_worker else "self", forgetful=True))
        if point.startswith("email.") or point in ONLY_RETRY:
            runs.append(Run(point, whom="both" if of_worker else "self", becomes="hold"))
        if point.startswith("direct.") and not deep:
            # An orphan sends what the next worker would send, too; without the mark nobody knows of the job.
            runs += [Run(point, whom=whom) for whom in ("parent", "both")]
        if deep:
            runs += [Run(point, passage) for passage in (2, 3, 5)]
        if deep and of_worker:
            runs += [Run(point, whom=whom, in_doubt=answer) for whom in ("parent", "both") for answer in answers]
            runs += [Run(point, whom=whom, forgetful=True) for whom in ("self", "parent") if not runs[-1].direct]
    return runs


def run_points(deep=False, jobs=2, only=None, tell=print):
    """True when nothing was lost and nothing came twice; TELL gets a line a point."""
    total, good = Verdict(), True
    runs = plan(deep, only)
    with tempfile.TemporaryDirectory(prefix="pindispatch-chaos-keys-") as folder:
        keys = make_keys(folder)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for run in pool.map(lambda r: r.run(keys), runs):
                tell(run.line())
                for word in run.verdict.words():
                    tell(word)
                total.add(run.verdict)
                good = good and run.good()
    silent = [r.point for r in runs if not r.fired and not r.may_stay_silent()]
    broken = [r.name() for r in runs if r.trouble]
    tell(f"{len(runs)} runs over {len({r.point for r in runs})} points, {sum(r.fired for r in runs)} fired; "
         f"delivered {total.delivered}, repeated mail {len(total.repeated)} (same Message-ID)")
    if silent or broken:
        tell(f"never fired: {', '.join(silent) or 'none'}; broken off: {', '.join(broken) or 'none'}")
    for reason, count in sorted(total.reasons.items()):
        tell(f"    {reason}: {count}")
    return good, total
