"""The base of all rigs: a place to work in, programs that are always ended, a limit on time."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.waiting import until

FORM_VARIABLE = "PLATTER_RIGS_FORM"


def is_long() -> bool:
    """Whether the long form was asked for."""
    return os.environ.get(FORM_VARIABLE) == "long"


def long_only(item):
    """Marks a test that the short form leaves out."""
    return unittest.skipUnless(is_long(), "in the long form only")(item)


def patient(item):
    """Marks a test, or all of a class, that waits for time to pass, and neither measures nor mounts anything: it
    may run beside others."""
    item.is_patient = True
    return item


def is_patient(test: unittest.TestCase) -> bool:
    """Whether it is marked so."""
    method = getattr(test, test._testMethodName, None)
    return getattr(test, "is_patient", False) or getattr(method, "is_patient", False)


def figure(text: str) -> None:
    """Shows a measurement under the name of its test."""
    print(f"      {text}", flush=True)


class Rig(unittest.TestCase):
    """One test, with its own folder, origin and cache. Programs end with it, whatever happens."""

    #: Seconds that one test may take.
    limit = 120
    maxDiff = 2000

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="platter-rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._limit_time()

    def _limit_time(self) -> None:
        def expired(number: int, frame: object) -> None:
            raise TimeoutError(f"the test took more than {self.limit} s")

        old = signal.signal(signal.SIGALRM, expired)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        self.addCleanup(signal.alarm, 0)
        signal.alarm(self.limit)

    def start_origin(self, **options) -> Origin:
        origin = Origin(self.folder, **options)
        self.addCleanup(origin.stop)
        return origin

    def start_platter(self, origin: Origin | str, *flags: str, cache: str = "cache") -> Platter:
        """Starts Platter in front of an origin. The same `cache` again is a restart."""
        url = origin if isinstance(origin, str) else origin.url
        platter = Platter(url, self.folder / cache, *flags)
        self.addCleanup(self._end, platter)
        return platter

    def _end(self, platter: Platter) -> None:
        """A crash that no client noticed is a failure all the same."""
        code = platter.stop()
        if not self._outcome.success or code not in (0, -signal.SIGKILL):
            print(platter.log_tail(), end="", flush=True)
        self.assertIn(code, (0, -signal.SIGKILL), "platter must end with 0 on SIGTERM")

    def wait_until(self, condition, seconds: float, what: str) -> None:
        """Fails when the condition does not come true in time."""
        if not until(condition, seconds):
            self.fail(f"not within {seconds} s: {what}")
