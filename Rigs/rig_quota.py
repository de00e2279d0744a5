"""A disk quota below what films take: one of btrfs, and one that the rig keeps, as of a user on ext4."""

from __future__ import annotations

import itertools
import subprocess
import time
import unittest
from pathlib import Path

from platter_rigs import figure
from platter_rigs.call_filter import are_countable
from platter_rigs.disk_rig import MB, DiskRig, Readers
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.quotas import CountedQuota, GroupQuota, taken
from platter_rigs.volumes import are_possible, mount_btrfs, mount_ext4
from platter_rigs.waiting import until

#: Of the disk: it always has room beyond its reserve.
DISK = 512 << 20
#: Of the quota.
SIZE = 96 << 20
#: What several calls at once, and files that are not counted, may take beyond the quota.
SLACK = 8 << 20
#: By how much a quota becomes smaller than what is taken: less than what the cache keeps for a full disk.
LESS = 2 << 20
#: Of another quota, in which there is no room for anything.
NOTHING = 1 << 20
#: Seconds until new films are kept: the store is left alone for 1, 2, 4, 8 and then 10 s after it was refused bytes, and
#: the first tries may find that room is still being made.
TRIED = 30


class Cases:
    """What is tried with each kind of quota."""

    def setUp(self) -> None:
        super().setUp()
        self.seeds = itertools.count(101)

    def start(self) -> Platter:
        platter = Platter(
            self.origin.url, self.folder / "cache", "--no-background-fill", "--log-level", "info",
            under=self.quota.under())
        self.addCleanup(self._end, platter)
        return platter

    def start_with(self, known: Film) -> Platter:
        platter = self.start()
        self.read(platter, known)
        self.keep(platter, known)
        return platter

    def test_films_larger_than_the_quota(self) -> None:
        films = [Film(SIZE // 2, seed) for seed in range(1, 5)]
        platter = self.start()
        Readers(platter, films, (0, 0.5)).finish()
        self.check_hits(platter, films)
        self.check_taken(SIZE)
        self.check_goes_on(platter)
        self.check_taken(SIZE)
        self.check_stored(platter)

    def test_a_quota_that_is_just_used_up(self) -> None:
        """Not even a row of the index finds room, until some is made."""
        known = Film(SIZE // 2, 1)
        platter = self.start_with(known)
        self.quota.set(taken(self.place / "cache"))
        self.check_goes_on(platter)
        self.read(platter, known)
        self.check_stored(platter)

    def test_a_quota_that_becomes_smaller(self) -> None:
        known = Film(SIZE // 2, 1)
        platter = self.start_with(known)
        small = taken(self.place / "cache") - LESS
        self.quota.set(small)
        Readers(platter, [Film(30 * MB, seed) for seed in (2, 3)], (0, 0.5)).finish()
        self.check_goes_on(platter)
        self.check_taken(small)
        self.read(platter, known)
        self.quota.set(SIZE)
        self.check_goes_on(platter)
        self.check_stored(platter)

    def test_a_quota_that_others_have_used_up(self) -> None:
        """All goes to the origin, over a restart too, and into the store again once the quota is raised."""
        known = Film(20 * MB, 1)
        platter = self.start_with(known)
        self.quota.set(NOTHING)
        self.read_through(platter, known)
        self.assertEqual(platter.stop(), 0)
        platter = self.start()
        self.read_through(platter, known)
        self.quota.set(SIZE)
        self.check_goes_on(platter)
        self.check_stored(platter)

    def read_through(self, platter: Platter, known: Film) -> None:
        for film in (Film(10 * MB, next(self.seeds)), known, Film(10 * MB, next(self.seeds))):
            self.read(platter, film)
        self.check_refusals(platter)

    # What must hold.

    def check_goes_on(self, platter: Platter) -> None:
        """New films are kept whole, after a while in which the store may be left alone."""
        begun = time.monotonic()
        self.assertTrue(
            until(lambda: self.is_kept(platter, Film(10 * MB, next(self.seeds))), TRIED, interval=0.2),
            f"nothing new is kept; {self.faults(platter)}")
        figure(f"kept after {time.monotonic() - begun:.1f} s; {self.faults(platter) or 'no fault'}")

    def is_kept(self, platter: Platter, film: Film) -> bool:
        self.read(platter, film)
        self.origin.wait_until_quiet()
        before = self.origin.body_bytes(film.path)
        self.read(platter, film)
        return self.origin.body_bytes(film.path) == before

    def check_taken(self, most: int) -> None:
        """The cache is within its quota, and not much more has gone than had to."""
        cache = self.place / "cache"
        self.wait_until(
            lambda: taken(cache) <= most + SLACK, 20,
            f"{most / MB:.1f} MB are taken at most, not {taken(cache) / MB:.1f} MB")
        figure(f"{taken(cache) / MB:.1f} MB of {most / MB:.1f} MB are taken")
        self.assertGreater(taken(cache), most // 4, "no more goes than has to")

    def check_stored(self, platter: Platter) -> None:
        """What the index promises is there."""
        done = subprocess.run(
            [binary("platter"), "verify", "--admin", platter.admin.removeprefix("http://")],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@unittest.skipUnless(
    are_possible() and are_countable(),
    "needs root, loop devices, mkfs.ext4, and a system that hands over system calls")
class QuotaOfAUser(Cases, DiskRig):
    def mount(self, place: Path) -> None:
        mount_ext4(place, DISK, self.ends, "-b", "4096")
        self.quota = CountedQuota(self.folder, self.folder / "cache")
        self.quota.set(SIZE)


@unittest.skipUnless(
    are_possible("btrfs", "mkfs.btrfs"), "needs root, loop devices and mkfs.btrfs (btrfs-progs)")
class QuotaOfBtrfs(Cases, DiskRig):
    #: A known limit, in docs/RELIABILITY.md: a page of the index's shared memory that was written back needs room
    #: to be written to again.
    FATAL = "a quota of btrfs that is used up may end the program (SIGBUS)"

    def mount(self, place: Path) -> None:
        mount_btrfs(place, DISK, self.ends)
        self.quota = GroupQuota(place)
        self.quota.set(SIZE)

    def test_a_quota_that_is_just_used_up(self) -> None:
        self.skipTest(self.FATAL)

    def test_a_quota_that_becomes_smaller(self) -> None:
        self.skipTest(self.FATAL)

    def test_a_quota_that_others_have_used_up(self) -> None:
        self.skipTest(self.FATAL)
