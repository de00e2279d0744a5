"""kill -9 before every system call of a fill that changes files, and at random under load."""

from __future__ import annotations

import collections
import itertools
import random
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.executioner import Executioner
from platter_rigs.extents import length_of, overlap
from platter_rigs.load import Film, Load
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, fetch_checked, range_of
from platter_rigs.stored import Stored, stored
from platter_rigs.call_filter import are_countable

SEED = 30
#: Files without an entry that may be left at the end: one cleaned up in the background may be late.
ORPHANS = 1
#: Runs in a row that end by themselves, after which all calls have been tried: how they fall
#: together differs.
MISSES = 4
#: The share of the calls of a run without a kill before which there must have been one.
REACHED = 0.75
#: Kills of each kind in the short form.
SAMPLE = 12
#: The least that a cache can be told to take.
LEAST = ("--max-size", "64M")
#: Eviction begins at 90 % of it, and has ended by here.
LIMIT = 61_000_000


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
        finally:
            code = platter.stop()
        self.assertEqual(code, 0, f"{what}: the end after the restart")
        after = self.audit(cache, f"{what}, after the restart")
        for film in films:
            self.assertEqual(
                length_of(after.extents(film.path)), film.length, f"{what}: all is recorded")
        return after

    def check_orphans(self, cache: Path, what: str) -> None:
        """Files without an entry go, at the latest while the next server runs."""
        before = len(stored(cache).orphans)
        platter = Platter(self.origin.url, cache)
        try:
            self.wait_until(
                lambda: orphans(platter) <= ORPHANS, 20,
                f"{what}: of {before} files without an entry all but {ORPHANS} are removed")
        finally:
            platter.stop()


def orphans(platter: Platter) -> int:
    """Files without an entry, while a server runs."""
    files = {path.name for path in (platter.cache / "objects").glob("*/*")}
    return len(files - set(platter.sql("SELECT file FROM cache_entries").split()))


@unittest.skipUnless(are_countable(), "this system hands over no system calls")
class KillAtEachCall(Killed):
    limit = 1500

    def run_until(
        self, when: int, cache: Path, films: list[Film], *flags: str, only: str | None = None
    ) -> Executioner:
        """One run, with a reader of the second half of each film and then one of the whole.

        - Parameters:
          - when: The call before which it is killed, if it makes so many; 0 is never.
          - only: Calls of other names do not count.
        """
        counter = Executioner(self.folder, when, only)
        platter = None
        try:
            platter = Platter(
                self.origin.url, cache, "--chunk-size", "64K", *flags, under=counter.command)
            for film in films:
                self.read(platter, film, film.length // 2)
                self.read(platter, film, 0)
            counter.wait_until_quiet()
            platter.stop()
        except (OSError, RuntimeError):
            if platter is not None:
                platter.kill()
            if counter.killed_before is None:
                raise
        counter.join(20)
        self.assertIsNone(counter.problem)
        if counter.killed_before is not None:
            self.places[counter.killed_before] += 1
        return counter

    def read(self, platter: Platter, film: Film, start: int) -> None:
        """Compares what comes; a kill is a `ConnectionError`."""
        with Connection(platter.url) as connection:
            response = connection.request(film.path, range_of(start))
            response.check(seed=film.seed)
            if response.ending is not Ending.COMPLETE:
                raise ConnectionError(f"{response.left} bytes before the end: {response.ending}")

    def numbers(self, counter: Executioner) -> Iterator[int]:
        """All numbers in the long form, until runs end by themselves; else some, in order."""
        figure(f"{counter.count} calls in a run without a kill")
        if is_long():
            return itertools.count(1)
        return iter(sorted(self.dice.sample(range(1, counter.count), SAMPLE)))

    def check_count(self, runs: int, whole: Executioner) -> None:
        """A run may end by itself before its number: how calls fall together differs each time."""
        least = REACHED * whole.count if is_long() else SAMPLE // 2
        self.assertGreaterEqual(runs, least, f"of {whole.count} calls")

    def tell(self, runs: int) -> None:
        figure(f"seed {SEED}: {runs} kills")
        for place, count in sorted(self.places.items()):
            figure(f"    {count:4} before {place}")

    def test_a_first_start_and_a_fill(self) -> None:
        """A folder of its own for each kill."""
        whole = self.run_until(0, self.folder / "cache", [Film(3_000_000, 0)])
        runs = misses = 0
        for when in self.numbers(whole):
            cache = self.folder / str(when) / "cache"
            cache.parent.mkdir()
            film = Film(3_000_000, when)
            place = self.run_until(when, cache, [film]).killed_before
            if place is None:
                misses += 1
                if is_long() and misses == MISSES:
                    break
                continue
            runs, misses = runs + 1, 0
            after = self.check_restart(cache, [film], f"killed before call {when}, {place}")
            self.assertLessEqual(len(after.orphans), ORPHANS, f"call {when}, {place}")
        self.check_count(runs, whole)
        self.tell(runs)

    def test_a_fill_of_a_cache_that_is_full(self) -> None:
        """One folder for all; what is filled drives out what was there."""
        cache = self.folder / "cache"
        self.fill(cache, [Film(6_000_000, seed) for seed in range(1, 12)])
        self.trim(cache)
        whole = self.run_until(0, cache, [Film(6_000_000, 100)], *LEAST)
        runs = misses = 0
        for when in self.numbers(whole):
            film = Film(6_000_000, 100 + when)
            self.trim(cache)
            place = self.run_until(when, cache, [film], *LEAST).killed_before
            if place is None:
                misses += 1
                if is_long() and misses == MISSES:
                    break
                continue
            runs, misses = runs + 1, 0
            self.check_restart(cache, [film], f"killed before call {when}, {place}")
        self.check_count(runs, whole)
        self.tell(runs)
        self.tell_room(cache)
        self.check_orphans(cache, f"after {runs} kills")

    def test_files_that_are_being_removed(self) -> None:
        """The entry has gone, its file has not yet: nobody would ever remove it."""
        cache = self.folder / "cache"
        self.fill(cache, [Film(1_000_000, seed) for seed in range(1, 61)])
        kills = 30 if is_long() else 5
        for number in range(kills):
            films = [Film(1_000_000, 100 + number * 8 + index) for index in range(8)]
            self.trim(cache)
            counter = self.run_until(1 + number % 3, cache, films, *LEAST, only="unlinkat")
            self.assertIsNotNone(counter.killed_before, "files must be removed")
            self.check_restart(cache, films, f"kill {number + 1}")
        self.tell(kills)
        self.tell_room(cache)
        self.check_orphans(cache, f"after {kills} kills")

    def fill(self, cache: Path, films: list[Film]) -> None:
        platter = Platter(self.origin.url, cache, "--chunk-size", "64K")
        for film in films:
            fetch_checked(platter.url, film.path, seed=film.seed)
        self.assertEqual(platter.stop(), 0)

    def trim(self, cache: Path) -> None:
        """Brings the cache down to where the next film begins to drive others out."""
        platter = Platter(self.origin.url, cache, *LEAST)
        try:
            self.wait_until(
                lambda: int(platter.sql('SELECT sum("end" - start) FROM cache_chunks')) < LIMIT,
                10, "the cache is within its limit")
        finally:
            self.assertEqual(platter.stop(), 0)

    def tell_room(self, cache: Path) -> None:
        found = stored(cache)
        figure(
            f"{len(found.orphans)} files without an entry; {found.allocated / 1e6:.1f} MB on disk "
            f"for {found.recorded() / 1e6:.1f} MB recorded")


class KillAtRandom(Killed):
    limit = 1800

    #: Films are others after so many kills.
    GENERATION = 8

    def films(self, number: int) -> list[Film]:
        generation = number // self.GENERATION
        return [Film(24_000_000, generation * 4 + index + 1) for index in range(4)]

    def test_kills_under_load(self) -> None:
        cache = self.folder / "cache"
        received = 0
        count = 200 if is_long() else 6
        for number in range(count):
            films = self.films(number)
            flags = LEAST if number % 2 else ()
            self.origin.pace(bandwidth=self.dice.choice([0, 20_000_000, 60_000_000]))
            platter = Platter(self.origin.url, cache, *flags)
            load = Load(platter.url, films, seed=SEED + number)
            time.sleep(self.dice.uniform(0.02, 1.0))
            load.expect_the_end()
            platter.kill()
            load.finish()
            received += load.received
            self.origin.pace(bandwidth=0)
            whole = [films[number % len(films)]]
            if number % self.GENERATION == self.GENERATION - 1:
                whole = films
            self.check_restart(cache, whole, f"seed {SEED}, kill {number + 1}")
        found = stored(cache)
        figure(
            f"seed {SEED}: {count} kills, {received / 1e6:.0f} MB received before them, "
            f"{len(found.orphans)} files without an entry, {found.allocated / 1e6:.1f} MB on disk "
            f"for {found.recorded() / 1e6:.1f} MB recorded")
        self.check_orphans(cache, f"seed {SEED}")
