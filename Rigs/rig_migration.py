"""kill -9 while an index of the version before this one is brought up to date."""

from __future__ import annotations

import collections
import shutil
import unittest
from pathlib import Path

from platter_rigs.call_filter import are_countable
from platter_rigs.killed import Killed, start_until
from platter_rigs.load import Film
from platter_rigs.old_index import look, make_old
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked

#: Nearly a hundred rows each.
FILMS = [Film(6_000_000, seed) for seed in (1, 2)]
OLD, NEW = "1", "2"


@unittest.skipUnless(are_countable(), "this system hands over no system calls")
class Migration(Killed):
    limit = 1200

    def setUp(self) -> None:
        super().setUp()
        self.old = self.folder / "old"
        platter = Platter(self.origin.url, self.old, "--chunk-size", "64K")
        for film in FILMS:
            fetch_checked(platter.url, film.path, seed=film.seed)
        self.assertEqual(platter.stop(), 0)
        make_old(self.old)
        self.rows = look(self.old).rows
        self.assertGreater(self.rows, 180)

    def start_until(self, when: int, cache: Path) -> str | None:
        """A start over an old index. Returns the call before which it was killed."""
        shutil.copytree(self.old, cache)
        place = start_until(when, self.origin, cache).killed_before
        if place is not None:
            self.places[place] += 1
        return place

    def test_a_kill_at_each_call(self) -> None:
        """The index is the old one or the new one, with all its rows, whose bytes are believed."""
        self.assertEqual(look(self.old).version, OLD)
        first = self.folder / "0"
        shutil.copytree(self.old, first)
        count = start_until(0, self.origin, first).count
        self.check(first, "not killed", {NEW})
        found: collections.Counter[str] = collections.Counter()

        def cache(when: int) -> Path:
            return self.folder / str(when)

        kills = self.each_kill(count, lambda when: self.start_until(when, cache(when)))
        for when, what in kills:
            found[self.check(cache(when), what, {OLD, NEW})] += 1
            shutil.rmtree(cache(when))
        self.assertGreater(found[OLD], 0, "there must have been kills before the index was new")
        self.assertGreater(found[NEW], 0, "and after it")

    def check(self, cache: Path, what: str, versions: set[str]) -> str:
        """Nothing recorded is lost, now or by the next start.

        - Returns: The version of the index that was found.
        """
        before = look(cache)
        self.assertIn(before.version, versions, what)
        self.assertEqual((before.rows, before.unsealed), (self.rows, 0), what)
        self.check_restart(cache, FILMS, what)
        self.assertEqual(self.origin.log_of_requests(), [], f"{what}: all was on disk")
        after = look(cache)
        self.assertEqual((after.version, after.unsealed), (NEW, 0), what)
        return before.version
