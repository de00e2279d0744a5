#!/usr/bin/env python3
"""Runs the rigs: `Rigs/run.py short|long [name…]`. A name selects tests that contain it.

Tests that only wait (`patient`) run in a process of their own beside the others; what it says comes at the end.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

#: So many problems are told again at the end, where they are found.
REPEATED = 5

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from platter_rigs import processes  # noqa: E402
from platter_rigs.case import FORM_VARIABLE, is_patient  # noqa: E402


class Progress(unittest.TestResult):
    """A line when a test begins, its figures, and a line with its verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.problem_ids: set[str] = set()
        self._began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._began = time.monotonic()
        print(f"..... {name_of(test)}", flush=True)

    def _say(self, verdict: str, test: unittest.TestCase, more: str = "") -> None:
        seconds = time.monotonic() - self._began
        print(f"{verdict:5} {name_of(test)} ({seconds:.1f} s){more}", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1
        self._say("ok", test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._say("skip", test, f": {reason}")

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self._problem(test, self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self._problem(test, self.errors[-1][1])

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            problems = self.failures if issubclass(err[0], test.failureException) else self.errors
            self._problem(test, f"{subtest}\n{problems[-1][1]}")

    def _problem(self, test: unittest.TestCase, text: str) -> None:
        self.problem_ids.add(test.id())
        self._say("FAIL", test)
        print(indented(text), end="", flush=True)


def indented(text: str) -> str:
    return "".join(f"      {line}\n" for line in text.splitlines())


def name_of(test: unittest.TestCase) -> str:
    return test.id().removeprefix("rig_")


def tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests(item)
        else:
            yield item


def load(names: list[str]) -> unittest.TestSuite:
    """All rigs, or those with one of the names in theirs. Classes stay together."""
    loader = unittest.defaultTestLoader
    selected = unittest.TestSuite()
    for path in sorted(HERE.glob("rig_*.py")):
        found = loader.loadTestsFromModule(importlib.import_module(path.stem))
        for test in tests(found):
            if not names or any(name in test.id() for name in names):
                selected.addTest(test)
    return selected


def divided(suite: unittest.TestSuite) -> tuple[unittest.TestSuite, unittest.TestSuite]:
    """The tests that only wait, and the others."""
    patient, others = unittest.TestSuite(), unittest.TestSuite()
    for test in tests(suite):
        (patient if is_patient(test) else others).addTest(test)
    return patient, others


class Beside:
    """This program once more, in the background, for the tests that only wait."""

    def __init__(self, arguments: argparse.Namespace):
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, __file__, arguments.form, *arguments.names, "--patient"],
            stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT)

    def finish(self) -> tuple[int, int, int]:
        """Shows what it said. How many passed, failed and were skipped."""
        code = self._process.wait()
        self._said.seek(0)
        text = self._said.read()
        print(text, end="", flush=True)
        counts = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.MULTILINE)
        if counts is None:
            return 0, max(1, code), 0
        passed, failed, skipped = map(int, counts.groups())
        return passed, failed, skipped

    def end(self) -> None:
        """It ends its programs itself."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._said.close()


def interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=["short", "long"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--patient", action="store_true", help="only tests that only wait")
    arguments = parser.parse_args()
    os.environ[FORM_VARIABLE] = arguments.form
    signal.signal(signal.SIGTERM, interrupted)

    suite = load(arguments.names)
    if suite.countTestCases() == 0:
        parser.error(f"no rig is called {arguments.names}")
    patient, others = divided(suite)
    beside: Beside | None = None
    if arguments.patient:
        suite = patient
    elif patient.countTestCases() and others.countTestCases():
        suite, beside = others, Beside(arguments)
    result = Progress()
    passed, failed, skipped = 0, 0, 0
    try:
        suite.run(result)
        if beside is not None:
            passed, failed, skipped = beside.finish()
    finally:
        if beside is not None:
            beside.end()
        processes.end_all()
    passed += result.passed
    failed += len(result.problem_ids)
    skipped += len(result.skipped)
    for test, text in (result.failures + result.errors)[:REPEATED]:
        print(f"FAIL  {name_of(test)}\n{indented(text)}", end="")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
