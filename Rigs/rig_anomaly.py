"""Anomaly loop: the n-th operation on the cache folder fails, for every n until none is left."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.anomaly import FILES, THREADS, together
from platter_rigs.anomaly_client import Violation
from platter_rigs.anomaly_work import (
    LENGTH, Changed, Evict, Fill, Reboot, Restart, Warm, Workload, make_lane)
from platter_rigs.failing_calls import FAULTS, FailingDisk, Plan
from platter_rigs.platter import Platter
from platter_rigs.call_filter import are_countable
from platter_rigs.series import Plans, Series
from platter_rigs.volumes import are_possible

SEED = int(os.environ.get("PLATTER_ANOMALY_SEED", 32))
#: Runs of each workload in the short form.
SAMPLE = 6
#: Runs at once: most of a run is waiting.
LANES = int(os.environ.get("PLATTER_ANOMALY_LANES", 6))
#: The share of the calls of a run without a fault that a series must have reached.
REACHED = 0.75
#: Violations after which the rest would tell nothing new.
MOST = 100
#: In the long form every so many n are tried, and of faults that last fewer.
STEP = int(os.environ.get("PLATTER_ANOMALY_STEP", 1))
LASTING_STEP = 5 * STEP
#: The first of them, up to the step: so all n can be tried in parts. Else a random one.
FIRST = int(os.environ.get("PLATTER_ANOMALY_FIRST", 0))


def every(fault: str, lasts: bool) -> Series:
    """One n after the other, from `FIRST` or a random one of the first."""
    dice = random.Random(f"{SEED} {fault} {lasts}")
    step = LASTING_STEP if lasts else STEP
    first = dice.randint(1, step)
    if FIRST:
        first = FIRST + STEP * dice.randrange(step // STEP)
    return Series(fault, lasts, first, step)


@unittest.skipUnless(are_countable(), "this system hands over no system calls")
class Anomaly(Rig):
    limit = 7200

    def setUp(self) -> None:
        super().setUp()
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        atexit.register(self.ends.close)
        self.violations: list[str] = []
        self.tally: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.lock = threading.Lock()

    def test_a_first_start_and_a_fill(self) -> None:
        self.loop(Fill)

    def test_reads_of_what_is_on_disk(self) -> None:
        self.loop(Warm)

    def test_reads_after_a_boot(self) -> None:
        self.loop(Reboot)

    @unittest.skipUnless(are_possible(), "needs root, and may not mount")
    def test_eviction(self) -> None:
        self.loop(Evict)

    def test_an_object_that_changes(self) -> None:
        self.loop(Changed)

    def test_an_end_and_a_start(self) -> None:
        self.loop(Restart)

    def loop(self, kind: type[Workload]) -> None:
        lanes = [
            make_lane(kind, self.folder / f"lane{number}", self.ends) for number in range(LANES)]
        counts = lanes[0].run(Plan("EIO", 0)).counts
        figure(", ".join(f"{count} for {fault}" for fault, count in counts.items()))
        series = self.all() if is_long() else self.sample(kind, counts)
        plans = Plans(series)
        begun = time.monotonic()
        with ThreadPoolExecutor(LANES) as pool:
            for done in [pool.submit(self.work_off, lane, plans) for lane in lanes]:
                done.result()
        minutes = (time.monotonic() - begun) / 60
        for lane in lanes:
            self.hits += lane.place.hits
            self.tally += lane.place.tally
        figure(f"seed {SEED}: " + ", ".join(f"{self.tally[key]} {key}" for key in self.tally))
        figure(f"{minutes:.1f} minutes, {self.tally['runs'] / minutes:.0f} runs a minute")
        if is_long():
            for what, count in sorted(self.hits.items()):
                figure(f"    {count:4} {what}")
        self.assertEqual(len(self.violations), 0, "\n\n".join(self.violations[:5]))
        self.assertGreaterEqual(self.tally["with a fault"], SAMPLE // 2)
        if is_long():
            for one in series:
                self.assertGreaterEqual(
                    one.furthest, REACHED * counts[one.fault] - one.step, f"{one} ended early")

    def all(self) -> list[Series]:
        """Every fault, once and lasting, for every n."""
        once = [every(fault, False) for fault in FAULTS]
        return once + [every(fault, True) for fault in FAULTS if not fault.startswith("crash")]

    def sample(self, kind: type[Workload], counts: dict[str, int]) -> list[Series]:
        dice = random.Random(f"{SEED} {kind.__name__}")
        chosen = []
        for fault in dice.sample(list(FAULTS), min(SAMPLE, len(FAULTS))):
            lasts = not fault.startswith("crash") and dice.random() < 0.3
            when = dice.randint(1, max(1, counts[fault]))
            chosen.append(Series(fault, lasts, first=when, last=when))
        return chosen

    def work_off(self, lane: Workload, plans: Plans) -> None:
        """Takes one plan after the other."""
        while len(self.violations) < MOST and (plan := plans.take()):
            is_met = True
            try:
                is_met = lane.run(plan).first is not None
            except Violation as problem:
                self.note(f"{type(lane).__name__} {problem}")
            plans.tell(plan, is_met)

    def note(self, problem: str) -> None:
        with self.lock:
            self.violations.append(problem)
            if is_long():
                figure(f"VIOLATION {len(self.violations)}: {problem}")


@unittest.skipUnless(are_countable(), "this system hands over no system calls")
class OneServer(Rig):
    """A server that meets one fault after the other must not wear out."""

    limit = 1800

    def test_an_index_that_cannot_be_looked_at_once_is_still_there(self) -> None:
        """It is looked whether it lies in its place, every second."""
        lane = make_lane(Warm, self.folder / "lane", contextlib.ExitStack())
        lane.prepare()
        place = lane.place
        disk = FailingDisk(place.folder, place.cache, Plan("EIO", 0))
        platter = Platter(place.origin.url, place.cache, *place.flags, under=disk.command)
        try:
            place.client.take(platter.url, lane.film)
            disk.wait_until_quiet()
            place.origin.reset()
            for fault in ("EIO", "EACCES") * 3:
                disk.arm(Plan(fault, 1, where="newfstatat index.sqlite"))
                self.wait_until(lambda: disk.first, 5, "it is looked at")
                disk.wait_until_quiet()
                place.client.take(platter.url, lane.film)
                self.assertEqual(place.origin.body_bytes(), 0, f"{fault}: fetched again")
        finally:
            place.stop(platter)

    def test_files_and_threads_do_not_add_up(self) -> None:
        dice = random.Random(SEED)
        lane = make_lane(Warm, self.folder / "lane", contextlib.ExitStack())
        lane.prepare()
        place, film = lane.place, lane.film
        faults = [fault for fault in FAULTS if not fault.startswith("crash")]
        disk = FailingDisk(place.folder, place.cache, Plan("EIO", 0))
        platter = Platter(place.origin.url, place.cache, *place.flags, under=disk.command)
        hits: Counter[str] = Counter()
        most: list[tuple[int, int]] = []
        try:
            for _ in range(4):
                for _ in range(250 if is_long() else 15):
                    disk.arm(Plan(dice.choice(faults), dice.randint(1, 15), dice.random() < 0.2))
                    new = place.new_film(300_000)
                    place.client.take(platter.url, film, dice.randrange(LENGTH))
                    together(
                        lambda: place.client.take(platter.url, new),
                        lambda: place.client.take(platter.url, film, 0, 70_000))
                    hits += disk.hits
                disk.mend()
                place.check_mended(platter)
                self.wait_until(lambda: platter.status()["fetches"] == 0, 10, "nothing is fetched")
                most.append((platter.open_files(), platter.threads()))
        except Violation as problem:
            raise Violation(f"{disk.plan} {dict(disk.hits)}: {problem}\n{platter.log_tail()}")
        finally:
            place.stop(platter)
        figure(f"seed {SEED}: {hits.total()} faults; open files and threads then: {most}")
        self.assertLessEqual(most[-1][0], most[0][0] + FILES)
        self.assertLessEqual(most[-1][1], most[0][1] + THREADS)
        place.check_restart()


def main() -> None:
    """One run: `rig_anomaly.py Warm EIO 3 [lasts] ["pread64 index.sqlite"]`."""
    kind, fault, when, *more = sys.argv[1:]
    lasts = "lasts" in more
    where = next((word for word in more if word != "lasts"), None)
    with tempfile.TemporaryDirectory(prefix="platter-rig-") as name, contextlib.ExitStack() as ends:
        lane = make_lane(globals()[kind], Path(name) / "lane", ends)
        ends.callback(lane.place.origin.stop)
        disk = lane.run(Plan(fault, int(when), lasts, where))
        print(
            f"no violation; {disk.count} such calls, {dict(disk.hits)}, {dict(lane.place.tally)}")


if __name__ == "__main__":
    main()
