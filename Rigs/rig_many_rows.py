"""A start over an index of a million rows: how long it takes, what it costs, who waits for it."""

from __future__ import annotations

import itertools
import random
import shutil
import time
import unittest

from platter_rigs import Rig, figure, is_long
from platter_rigs.call_filter import are_countable
from platter_rigs.killed import start_until
from platter_rigs.load import Film
from platter_rigs.old_index import add_rows, look, make_old
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, fetch_checked, range_of
from platter_rigs.volumes import forget

SEED = 43
PER_ENTRY = 500
#: Bytes that all rows promise together: more than the least that a cache can be told to take.
PROMISED = 100_000_000
LEAST = ("--max-size", "64M")
#: Eviction has ended by here.
LIMIT = 61_000_000
#: Seconds that it is given.
PATIENCE = 60
MB = 1_000_000
#: Seconds until a player must be answered, whatever the cache is busy with (REQUIREMENTS E3).
DEADLINE = 10
#: What a server may need in memory beyond one with an empty index: rows are asked for, not kept.
MOST = 64 * MB


class ManyRows(Rig):
    limit = 900

    def setUp(self) -> None:
        super().setUp()
        self.rows = 1_000_000 if is_long() else 20_000
        self.origin = self.start_origin()
        self.known = Film(6_000_000, 1)
        self.cold = (Film(100_000, seed) for seed in itertools.count(1000))
        platter = self.start()
        fetch_checked(platter.url, self.known.path, seed=self.known.seed)
        self.least = platter.memory()
        self.assertEqual(platter.stop(), 0)
        make_old(platter.cache)
        add_rows(
            platter.cache, f"{self.origin.url}/ramp/{PER_ENTRY * 65_536}/", self.rows, PER_ENTRY,
            PROMISED // self.rows)
        self.cache = platter.cache
        self.all_rows = look(self.cache).rows

    def start(self, *flags: str) -> Platter:
        return self.start_platter(
            self.origin, "--no-background-fill", "--chunk-size", "64K", *flags)

    def test_a_start(self) -> None:
        begun = time.monotonic()
        platter = self.start()
        figure(
            f"{self.all_rows} rows, {platter.index.stat().st_size / MB:.0f} MB: brought up to date "
            f"in {time.monotonic() - begun:.2f} s, {platter.memory('VmHWM') / MB:.0f} MB at most")
        self.assertEqual(platter.stop(), 0)
        found = look(self.cache)
        self.assertEqual((found.version, found.rows, found.unsealed), ("2", self.all_rows, 0))
        for state in ("in memory", "on disk"):
            if state == "on disk":
                forget(platter.index)
            begun = time.monotonic()
            platter = self.start()
            listening = time.monotonic() - begun
            cold = self.answered(platter, next(self.cold)) - begun
            self.origin.reset()
            known = self.answered(platter, self.known) - begun
            self.assertEqual(self.origin.log_of_requests(), [], "what is known is not fetched")
            self.wait_until_calm(platter)
            figure(
                f"index {state}: listening after {listening:.2f} s, an unknown object answered "
                f"after {cold:.2f} s, a known one after {known:.2f} s; "
                f"{platter.memory() / MB:.0f} MB, {platter.memory('VmHWM') / MB:.0f} MB at most, "
                f"{self.least / MB:.0f} MB with an empty index")
            self.assertLess(max(cold, known), DEADLINE)
            self.assertLess(platter.memory("VmHWM"), self.least + MOST)
            self.assertEqual(platter.stop(), 0)
        # What no file holds is not believed for all its rows.
        platter = self.start()
        film = Film(PER_ENTRY * 65_536, 3)
        self.assertEqual(fetch_checked(platter.url, film.path, seed=film.seed), film.length)

    def test_players_while_most_of_it_is_evicted(self) -> None:
        """A row at a time, each with its hole: of very many that takes longer than is waited for here."""
        self.assertEqual(self.start().stop(), 0)
        platter = self.start(*LEAST)
        begun = time.monotonic()
        slowest, count = 0.0, 0
        while count < 5 or self.recorded(platter) > LIMIT and time.monotonic() < begun + PATIENCE:
            asked = time.monotonic()
            slowest = max(slowest, self.answered(platter, next(self.cold)) - asked)
            count += 1
            time.sleep(0.2)
        seconds = time.monotonic() - begun
        gone = self.all_rows + 2 * count - int(platter.sql("SELECT count(*) FROM cache_chunks"))
        figure(
            f"{gone} of {self.all_rows} rows evicted in {seconds:.1f} s, {self.recorded(platter) / MB:.0f} "
            f"MB are left; {count} unknown objects meanwhile, the slowest answered after "
            f"{slowest:.2f} s; {platter.memory('VmHWM') / MB:.0f} MB at most")
        self.assertGreater(gone, 1000, "rows must have gone")
        self.assertLess(slowest, DEADLINE)

    @unittest.skipUnless(are_countable(), "this system hands over no system calls")
    def test_kills_while_it_is_brought_up_to_date(self) -> None:
        """All of it in one transaction, of which much is on disk before its end."""
        dice = random.Random(SEED)
        old = self.folder / "old.sqlite"
        shutil.copy(self.cache / "index.sqlite", old)
        count = start_until(0, self.origin, self.cache).count
        kills = 0
        for when in sorted(dice.sample(range(1, count), 8 if is_long() else 3)):
            for file in self.cache.glob("index.sqlite*"):
                file.unlink()
            shutil.copy(old, self.cache / "index.sqlite")
            place = start_until(when, self.origin, self.cache).killed_before
            kills += place is not None
            found = look(self.cache)
            self.assertEqual((found.rows, found.unsealed), (self.all_rows, 0), f"{when}, {place}")
            figure(f"killed before call {when} of {count}, {place}: version {found.version}")
            platter = self.start()
            self.origin.reset()
            self.answered(platter, self.known)
            self.assertEqual(self.origin.log_of_requests(), [], "what is known is not fetched")
            self.assertEqual(platter.stop(), 0)
        self.assertGreater(kills, 0, f"seed {SEED}: it must have been killed")
        found = look(self.cache)
        self.assertEqual((found.version, found.rows, found.unsealed), ("2", self.all_rows, 0))

    def answered(self, platter: Platter, film: Film) -> float:
        """Reads all of a film. Returns when its first byte came."""
        with Connection(platter.url, timeout=60) as connection:
            response = connection.request(film.path, range_of(0))
            self.assertEqual(response.check(seed=film.seed), film.length)
            self.assertEqual(response.ending, Ending.COMPLETE)
            return response.first_byte_at

    def recorded(self, platter: Platter) -> int:
        return int(platter.sql('SELECT sum("end" - start) FROM cache_chunks'))

    def wait_until_calm(self, platter: Platter) -> None:
        """Until what a start goes through in the background is over, as far as it shows."""
        last, since = -1.0, time.monotonic()

        def is_calm() -> bool:
            nonlocal last, since
            used = platter.cpu_seconds()
            if used - last > 0.02:
                last, since = used, time.monotonic()
            return time.monotonic() - since > 1

        self.wait_until(is_calm, 60, "the server has nothing to do")
