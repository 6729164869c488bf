"""What every figure shares: where things are, rounds in turn, medians, the table and the JSON."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = 1000  # a figure at least this large needs no decimals


def say(text):
    print(text, file=sys.stderr, flush=True)


def number(value):
    if value is None:
        return "-"
    if abs(value) >= WORDS:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


@dataclasses.dataclass
class Figure:
    """One line of the result: what was measured in each round, ours and the peers'."""

    bench: str
    unit: str
    ours: list
    peers: dict = dataclasses.field(default_factory=dict)

    def line(self):
        """As --json prints it. A ratio is ours by the peer's."""
        rate = statistics.median(self.ours)
        vs = {}
        for name, values in self.peers.items():
            peer = statistics.median(values)
            vs[name] = {"rate": rounded(peer), "ratio": rounded(rate / peer) if peer else None}
        return {"bench": self.bench, "rate": rounded(rate), "unit": self.unit, "vs": vs}


def rounded(value):
    """Four digits say more than any of these figures knows."""
    return float(f"{value:.4g}")


class Bench:
    """One run: the options, the programs, a folder that is removed at the end."""

    def __init__(self, options, build):
        self.options = options
        self.build = build
        self.bin = build / "bin"
        self.tools = build / "tests"
        self.temporary = None
        self.folder = None

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="pindispatch-bench-", dir=self.options.dir)
        self.folder = pathlib.Path(self.temporary.name)
        self.folder.chmod(0o711)  # Postfix and the printer run as others
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def size(self, standard):
        return self.options.size or standard

    def tool(self, name, *arguments, timeout=600):
        """What a program of this folder prints."""
        return subprocess.run([self.tools / name, *map(str, arguments)], check=True, capture_output=True, text=True,
                              timeout=timeout).stdout

    def rounds(self, what, unit, contestants, times=1):
        """Each contestant once a round, in turn; NAME -> what it returned, by rounds. What is called gets the
        round's number and returns a value in UNIT. TIMES as many rounds as wanted: where the ratio is near 1."""
        values = {name: [] for name in contestants}
        for turn in range(1, times * self.options.rounds + 1):
            words = []
            for name, run in contestants.items():
                values[name].append(run(turn))
                words.append(f"{name} {number(values[name][-1])}")
            say(f"{what}: round {turn} of {times * self.options.rounds}: {', '.join(words)} {unit}")
        return values


def figures_of(values, unit, ours, peers):
    """A figure for each of OURS (figure's name -> contestant's name), with the same PEERS beside it."""
    return [Figure(bench, unit, values[name], {peer: values[peer] for peer in peers})
            for bench, name in ours.items()]


def loud(*command):
    """Runs it in the source tree; what it prints is shown when it fails."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")


def build_programs():
    """The build folder: $PINDISPATCH_BUILD, or build/release, with what is needed built."""
    folder = os.environ.get("PINDISPATCH_BUILD")
    if not folder:
        loud("cmake", "--preset", "release")
        folder = ROOT / "build" / "release"
    folder = pathlib.Path(folder).resolve()
    loud("cmake", "--build", folder, "--target", "bench", "pindispatchd", "pindispatch-worker", "pindispatchctl")
    return folder


def machine():
    """The machine in a line: figures mean nothing without it."""
    model = "?"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {model}, Linux {platform.release()}, load {load:.1f} at the start"


def show(figures):
    """The table."""
    print(f"{'':18}{'rate':>10} {'unit':<12}{'beside':<24}{'rate':>10}{'ratio':>10}")
    for figure in figures:
        line = figure.line()
        head = f"{line['bench']:18}{number(line['rate']):>10} {line['unit']:<12}"
        for name, peer in line["vs"].items() or [("", {"rate": None, "ratio": None})]:
            print(f"{head}{name:<24}{number(peer['rate']):>10}{number(peer['ratio']):>10}".rstrip())
            head = " " * len(head)


def show_json(figures):
    for figure in figures:
        print(json.dumps(figure.line()), flush=True)
