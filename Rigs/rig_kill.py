"""kill -9 before every system call of a fill that changes files, and at random under load."""

from __future__ import annotations

import time
import unittest
from pathlib import Path

from platter_rigs import figure, is_long
from platter_rigs.call_filter import are_countable
from platter_rigs.executioner import Executioner
from platter_rigs.killed import ORPHANS, SEED, Killed
from platter_rigs.load import Film, Load
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, fetch_checked, range_of
from platter_rigs.stored import stored

#: The least that a cache can be told to take.
LEAST = ("--max-size", "64M")
#: Eviction begins at 90 % of it, and has ended by here.
LIMIT = 61_000_000


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

    def test_a_first_start_and_a_fill(self) -> None:
        """A folder of its own for each kill."""
        def run(when: int) -> Executioner:
            cache(when).parent.mkdir()
            return self.run_until(when, cache(when), [Film(3_000_000, when)])

        def cache(when: int) -> Path:
            return self.folder / str(when) / "cache"

        for when, what in self.each_kill(run(0).count, lambda when: run(when).killed_before):
            after = self.check_restart(cache(when), [Film(3_000_000, when)], what)
            self.assertLessEqual(len(after.orphans), ORPHANS, what)

    def test_a_fill_of_a_cache_that_is_full(self) -> None:
        """One folder for all; what is filled drives out what was there."""
        cache = self.folder / "cache"
        self.fill(cache, [Film(6_000_000, seed) for seed in range(1, 12)])
        self.trim(cache)

        def run(when: int) -> Executioner:
            self.trim(cache)
            return self.run_until(when, cache, [Film(6_000_000, 100 + when)], *LEAST)

        for when, what in self.each_kill(run(0).count, lambda when: run(when).killed_before):
            self.check_restart(cache, [Film(6_000_000, 100 + when)], what)
        self.tell_room(cache)
        self.check_orphans(cache, "after all kills")

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
