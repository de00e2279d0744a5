"""What must hold after a kill at any instant."""

from __future__ import annotations

import collections
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from platter_rigs.case import Rig, figure, is_long
from platter_rigs.executioner import Executioner
from platter_rigs.extents import length_of, overlap
from platter_rigs.load import Film
from platter_rigs.log_texts import PAST_STORE
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked
from platter_rigs.stored import Stored, files_without_entry, stored

SEED = 30
#: Files without an entry that may be left at the end: one cleaned up in the background may be late.
ORPHANS = 1
#: Runs in a row that end by themselves, after which all calls have been tried: how they fall
#: together differs.
MISSES = 4
#: The share of the calls of a run without a kill before which there must have been one.
REACHED = 0.75
#: Kills of each kind in the short form.
SAMPLE = 8


class Killed(Rig):
    """What must hold after every kill."""

    def setUp(self) -> None:
        super().setUp()
        self.dice = random.Random(SEED)
        self.origin = self.start_origin()
        self.places: collections.Counter[str] = collections.Counter()

    def audit(self, cache: Path, what: str) -> Stored:
        """Every row tells the truth: its bytes are in the file, and its checksum is theirs."""
        found = stored(cache)
        self.assertEqual(found.lies, [], f"{what}: rows without their bytes")
        self.assertEqual(found.wrong_sums, [], f"{what}: rows with another checksum")
        return found

    def check_restart(self, cache: Path, films: list[Film], what: str) -> Stored:
        """Started plainly, it serves the films whole and fetches nothing that was recorded."""
        before = self.audit(cache, what)
        self.origin.reset()
        platter = Platter(self.origin.url, cache, "--no-background-fill")
        try:
            for film in films:
                count = fetch_checked(platter.url, film.path, seed=film.seed)
                self.assertEqual(count, film.length, what)
            for sent in self.origin.log_of_requests():
                known = before.extents(sent.path)
                self.assertEqual(
                    overlap([sent.extent()], known), 0,
                    f"{what}: fetched again although recorded: {sent}")
            # Where the disk was slow for a while not all of it was stored.
            if any(text in platter.log.read_text(errors="replace") for text in PAST_STORE):
                for film in films:
                    fetch_checked(platter.url, film.path, seed=film.seed)
        finally:
            code = platter.stop()
        self.assertEqual(code, 0, f"{what}: the end after the restart")
        after = self.audit(cache, f"{what}, after the restart")
        for film in films:
            self.assertEqual(
                length_of(after.extents(film.path)), film.length,
                f"{what}: all is recorded\n{platter.log_tail()}")
        return after

    def each_kill(
        self, count: int, run: Callable[[int], str | None]
    ) -> Iterator[tuple[int, str]]:
        """Runs that are killed before one call after the other, until runs end by themselves; some of
        them in the short form. The caller checks each before the next one.

        - Parameters:
          - count: The calls of a run without a kill.
          - run: One that is to be killed before the call of this number. Returns which one that was,
            or None when it ended by itself.
        - Returns: The number of each call before which there was a kill, and what to say of it.
        """
        runs = misses = 0
        for when in self.numbers(count):
            place = run(when)
            if place is None:
                misses += 1
                if is_long() and misses == MISSES:
                    break
                continue
            runs, misses = runs + 1, 0
            yield when, f"killed before call {when}, {place}"
        # A run may end by itself before its number: how calls fall together differs each time.
        least = REACHED * count if is_long() else SAMPLE // 2
        self.assertGreaterEqual(runs, least, f"of {count} calls")
        self.tell(runs)

    def numbers(self, count: int) -> Iterator[int]:
        figure(f"{count} calls in a run without a kill")
        if is_long():
            return itertools.count(1)
        return iter(sorted(self.dice.sample(range(1, count), SAMPLE)))

    def tell(self, runs: int) -> None:
        figure(f"seed {SEED}: {runs} kills")
        for place, count in sorted(self.places.items()):
            figure(f"    {count:4} before {place}")

    def check_orphans(self, cache: Path, what: str) -> None:
        """Files without an entry go, at the latest while the next server runs."""
        before = len(stored(cache).orphans)
        platter = Platter(self.origin.url, cache)
        try:
            self.wait_until(
                lambda: len(files_without_entry(cache)) <= ORPHANS, 20,
                f"{what}: of {before} files without an entry all but {ORPHANS} are removed")
        finally:
            platter.stop()


def start_until(when: int, origin: Origin, cache: Path) -> Executioner:
    """A start, and nothing else, that is killed before a call, or once it changes nothing any more.

    - Parameter when: The number of the call; 0 is never.
    """
    counter = Executioner(cache.parent, when)
    try:
        platter = Platter(origin.url, cache, "--no-background-fill", under=counter.command)
        try:
            counter.wait_until_quiet(60)
        finally:
            platter.kill()
    except (OSError, RuntimeError):
        if counter.killed_before is None:
            raise
    counter.join(20)
    if counter.problem is not None:
        raise counter.problem
    return counter
