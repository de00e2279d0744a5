"""A disk that cannot read what it was given, in one object after the other: it is not believed until
everything on it was compared."""

from __future__ import annotations

import errno
import itertools
import subprocess
import unittest
from pathlib import Path

from platter_rigs import Rig, figure
from platter_rigs.call_filter import are_countable
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import Connection, Ending, range_of
from platter_rigs.system_calls import CARRY_ON, Answer, Call, Supervisor

LENGTH = 4_000_000
#: Bytes of each film that cannot be read, each a sector, and each in another MiB: nearer ones are one place.
PLACES = [100_000, 1_900_000, 3_700_000]
SECTOR = 4096
SICK = [Film(LENGTH, seed) for seed in (1, 2, 3)]
WELL = Film(LENGTH, 4)
SUSPECT = "detail=disk-suspect"


class SickDisk(Supervisor):
    """Reads of some places of some files fail, each time."""

    def __init__(self, folder: Path):
        self.files: set[str] = set()
        super().__init__(folder, asks_all=True)

    def decide(self, call: Call) -> Answer:
        if call.name not in ("pread64", "preadv2", "sendfile") or call.path() not in self.files:
            return CARRY_ON
        length, start = call.arguments[2:4]
        if call.name == "sendfile":
            length, start = start, int.from_bytes(call.memory(length, 8), "little")
        if call.name == "preadv2":
            length = int.from_bytes(call.memory(call.arguments[1] + 8, 8), "little")
        if not any(start < place + SECTOR and place < start + length for place in PLACES):
            return CARRY_ON
        if call.name == "preadv2":
            # Reads from memory alone, where such bytes never come.
            return Answer(error=errno.EAGAIN)
        self.count += 1
        return Answer(error=errno.EIO)


@unittest.skipUnless(are_countable(), "this system hands over no system calls")
class SuspectDisk(Rig):
    def setUp(self) -> None:
        super().setUp()
        self.origin = self.start_origin()
        self.new_seeds = itertools.count(10)
        self.disk = SickDisk(self.folder)
        self.platter = Platter(
            self.origin.url, self.folder / "cache", "--no-background-fill", "--chunk-size", "64K",
            under=self.disk.command)
        self.addCleanup(self._end, self.platter)

    def test_it_is_passed_by_until_all_was_compared(self) -> None:
        for film in (*SICK, WELL):
            self.read(film)
            self.settle()
            self.assertEqual(self.recorded(film), LENGTH)
        for number, film in enumerate(SICK):
            self.disk.files.add(str(self.file(film)))
            failed = self.disk.count
            self.assertTrue(self.is_hit(WELL), f"{number} objects are no reason for doubt")
            # The first look finds it, the next ones find what was written there again.
            for place in PLACES:
                for _ in range(2):
                    self.read(film, place, place + 50_000)
            self.assertGreater(self.disk.count, failed)
        self.settle()
        figure(f"{self.disk.count} reads failed")
        self.check_passed_by()

        # What is found damaged now is no reason to believe it.
        self.disk.files = {str(self.file(WELL))}
        self.assertEqual(self.verify(), 1)
        self.check_passed_by()

        self.disk.files = set()
        self.assertEqual(self.verify(), 0)
        # The last one was found damaged in many places, so it was given up as the others were.
        for film in (*SICK, WELL, Film(LENGTH, next(self.new_seeds))):
            self.read(film)
            self.settle()
            self.assertTrue(self.is_hit(film), f"{film} is stored")

    def check_passed_by(self) -> None:
        """All is passed through, what is on disk as well, and nothing is stored."""
        before = self.everything()
        for film in (*SICK, WELL, Film(LENGTH, next(self.new_seeds))):
            self.origin.reset()
            self.assertIn(SUSPECT, self.read(film))
            self.assertIn(SUSPECT, self.read(film, 700_000, 1_200_000))
            self.assertGreaterEqual(self.origin.body_bytes(film.path), LENGTH + 500_000)
        self.settle()
        self.assertEqual(self.everything(), before)

    def read(self, film: Film, start: int = 0, end: int = LENGTH) -> str:
        """Compares every byte. Returns what Cache-Status says."""
        with Connection(self.platter.url, timeout=10) as connection:
            response = connection.request(film.path, range_of(start, end))
            self.assertEqual((response.status, response.start), (206, start))
            self.assertEqual(response.check(seed=film.seed), end - start)
            self.assertEqual(response.ending, Ending.COMPLETE)
            return response.fields["cache-status"]

    def is_hit(self, film: Film) -> bool:
        self.origin.reset()
        status = self.read(film)
        return status == "Platter; hit" and not self.origin.log_of_requests()

    def settle(self) -> None:
        self.wait_until(
            lambda: not self.platter.status()["fetches"], 10, "what was fetched is recorded")
        self.disk.wait_until_quiet()

    def verify(self) -> int:
        done = subprocess.run(
            [binary("platter"), "verify", "--admin", self.platter.admin.removeprefix("http://")],
            capture_output=True, text=True, timeout=30, check=False)
        figure(f"verify: {done.returncode}, {done.stdout.splitlines()[-1:]} {done.stderr}")
        return done.returncode

    def recorded(self, film: Film) -> int:
        return int(self.platter.sql(
            'SELECT sum("end" - start) FROM cache_chunks JOIN cache_entries ON id = entry '
            f"WHERE key LIKE '%{film.path}'") or 0)

    def file(self, film: Film) -> Path:
        name = self.platter.sql(
            f"SELECT file FROM cache_entries WHERE key LIKE '%{film.path}'").strip()
        [path] = (self.platter.cache / "objects").glob(f"*/{name}")
        return path

    def everything(self) -> str:
        """All that the index says is on disk."""
        return self.platter.sql("SELECT entry, start, \"end\" FROM cache_chunks ORDER BY 1, 2")
