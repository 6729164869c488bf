"""Nothing lost, no letter twice, in short: every crash point, random kills from a printed seed, failing system calls.

At length: tests/chaos. The programs are those of the preset "crash" ($PINDISPATCH_CRASH_BIN).
"""

import os
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from chaos_faults import run_faults  # noqa: E402
from chaos_kills import run_kills  # noqa: E402
from chaos_points import run_points  # noqa: E402

JOBS, KILL_SECONDS = 3, 10


class Chaos(unittest.TestCase):
    def setUp(self):
        programs = os.environ.get("PINDISPATCH_CRASH_BIN")
        self.assertTrue(programs, "PINDISPATCH_CRASH_BIN: where the preset \"crash\" put its programs")
        before = os.environ["PINDISPATCH_BIN"]
        os.environ["PINDISPATCH_BIN"] = programs
        self.addCleanup(os.environ.__setitem__, "PINDISPATCH_BIN", before)
        self.lines = []

    def check(self, good, verdict):
        self.assertTrue(good, "\n" + "\n".join([*self.lines, verdict.numbers()]))
        self.assertTrue(verdict.numbers().startswith("lost 0, twice 0, in-doubt "))

    def test_every_crash_point(self):
        self.check(*run_points(jobs=JOBS, tell=self.lines.append))

    def test_random_kills(self):
        self.check(*run_kills(KILL_SECONDS, random.randrange(1 << 32), False, self.lines.append))

    def test_random_kills_with_the_defaults_of_cupsd(self):
        self.check(*run_kills(KILL_SECONDS, random.randrange(1 << 32), True, self.lines.append))

    def test_failing_system_calls(self):
        self.check(*run_faults(jobs=JOBS, tell=self.lines.append))


if __name__ == "__main__":
    unittest.main()
