#!/usr/bin/python3
"""Runs tests and counts them, one line a test; the last line is "N passed, N failed".

    runner.py ctest BUILD [-k PATTERN]        units and fuzzers' corpora, counted by cmocka's cases
    runner.py integration BUILD [-k PATTERN]  tests/integration/test_*.py against the programs in BUILD/bin

PATTERN is a regular expression, searched in names. The exit status is 1 when a test failed, or none was found
without a pattern.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASE = re.compile(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] (\w+)$", re.MULTILINE)


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, ok, name, seconds=None, words=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
        when = "" if seconds is None else f"  ({seconds:.1f} s)"
        print(f"  {'ok  ' if ok else 'FAIL'}  {name}{when}", flush=True)
        if words:
            print(words.rstrip(), flush=True)

    def finish(self, pattern):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not (self.passed or pattern) else 0


def add_program(count, case):
    """A cmocka program counts by its cases, another one (a corpus) as one."""
    name, good = case.get("name"), case.get("status") == "run"
    words = case.findtext("system-out") or ""
    cases = CASE.findall(words)
    # cmocka says FAILED twice, once where it happened and once in its summary.
    failed = {case_name for state, case_name in cases if state == "FAILED"}
    for _, case_name in dict.fromkeys(cases):
        count.add(case_name not in failed, f"{name}: {case_name}")
    if not cases or (not good and not failed):
        count.add(good, name, float(case.get("time", 0)))
    if not good:
        print(words.rstrip(), flush=True)


def run_ctest(options):
    report = options.build / "ctest.xml"
    report.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(options.build), "-j2", "--output-junit", str(report), "-Q",
               "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000"]
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1")
    subprocess.run(command + (["-R", options.k] if options.k else []), env=environment, check=False)
    count = Count()
    if report.exists():
        for case in sorted(ElementTree.parse(report).iter("testcase"), key=lambda c: c.get("name")):
            add_program(count, case)
    return count.finish(options.k)


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = Count()
        self.started = 0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def tell(self, test, ok, words=""):
        self.count.add(ok, test.id(), time.monotonic() - self.started, words)

    def addSuccess(self, test):
        self.tell(test, True)

    def addError(self, test, err):
        self.tell(test, False, self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self.addError(subtest, err)

    def addSkip(self, test, reason):
        # What cannot run here did not pass: a missing package must not look like success.
        self.tell(test, False, f"        not run: {reason}")


def chosen(suite, pattern):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, pattern)
        elif not pattern or re.search(pattern, test.id()):
            yield test


def run_integration(options):
    os.environ["PINDISPATCH_BIN"] = str(options.build / "bin")
    sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "integration")]
    sys.dont_write_bytecode = True
    found = unittest.TestLoader().discover(str(ROOT / "tests" / "integration"), "test_*.py")
    result = Result()
    unittest.TestSuite(chosen(found, options.k)).run(result)
    return result.count.finish(options.k)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ctest", "integration"])
    parser.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("-k", metavar="PATTERN")
    options = parser.parse_args()
    sys.exit(run_ctest(options) if options.what == "ctest" else run_integration(options))


if __name__ == "__main__":
    main()
