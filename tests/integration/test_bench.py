"""tests/bench/run in short: each figure is printed, and is what it says. No times are judged here."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Each figure with those beside it.
FIGURES = {
    "mail": {"postfix", "libesmtp"},
    "mail-sealed": {"postfix", "libesmtp"},
    "print": {"libcups", "rsvg-convert|lp"},
    "print-disk": {"libcups", "rsvg-convert|lp"},
    "render": {"pango+cairo", "librsvg", "rsvg-convert", "weasyprint"},
    "nopin": {"sqlite", "sqlite-one-row"},
    "latency": {"fdatasync+smtp", "fdatasync+pipelined"},
    "latency-p99": {"fdatasync+smtp", "fdatasync+pipelined"},
    "backlog": {"empty"},
    "backlog-latency": {"empty"},
    "backlog-ready": {"empty"},
    "backlog-status": {"empty"},
    "backlog-memory": {"empty"},
    "backlog-worker": {"empty"},
    "backlog-store": set(),
    "idle": set(),
    "idle-wakes": set(),
    "memory-dispatcher": set(),
    "memory-worker": set(),
}


def bench(*arguments):
    build = pathlib.Path(os.environ["PINDISPATCH_BIN"]).parent
    return subprocess.run([sys.executable, ROOT / "tests" / "bench" / "run", *arguments], capture_output=True,
                          text=True, timeout=300, check=False, env={**os.environ, "PINDISPATCH_BUILD": str(build)})


class Figures(unittest.TestCase):
    def test_each_is_printed_as_json(self):
        done = bench("--json", "--rounds", "1", "--size", "10", "--seconds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({line["bench"]: set(line["vs"]) for line in lines}, FIGURES)
        for line in lines:
            self.assertEqual(set(line), {"bench", "rate", "unit", "vs"})
            for peer in line["vs"].values():
                self.assertGreater(peer["rate"], 0, line)
                self.assertAlmostEqual(peer["ratio"], line["rate"] / peer["rate"], delta=peer["ratio"] / 100)
            if not line["bench"].startswith(("idle", "memory")):
                self.assertGreater(line["rate"], 0, line)

    def test_the_table_names_the_machine_and_the_peers(self):
        done = bench("nopin", "--rounds", "2", "--size", "10")
        self.assertEqual(done.returncode, 0, done.stderr)
        machine, _, ours, other = done.stdout.splitlines()
        self.assertIn(os.uname().release, machine)
        self.assertRegex(ours, r"^nopin +[\d.,e+]+ events/s +sqlite +[\d.,e+]+ +[\d.,e+]+$")
        self.assertRegex(other, r"^ +sqlite-one-row +[\d.,e+]+ +[\d.,e+]+$")
        self.assertIn("nopin: round 2 of 2: ", done.stderr)

    def test_an_unknown_name_is_answered_with_those_that_exist(self):
        done = bench("speed")
        self.assertEqual(done.returncode, 2)
        self.assertIn("speed: the names are mail, print, render, nopin, latency, backlog, idle, memory", done.stderr)


if __name__ == "__main__":
    unittest.main()
