"""A disk that is really full: memory and ext4 of their own, taken to the last block."""

from __future__ import annotations

import unittest
from pathlib import Path

from platter_rigs import figure, is_long
from platter_rigs.disk_rig import MB, SIZE, DiskRig, Readers, Watch
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.volumes import Filler, are_possible, fill, free, mount_ext4, mount_tmpfs


class Cases:
    """What is tried on each kind of disk."""

    def test_films_larger_than_the_disk(self) -> None:
        self.origin.pace(bandwidth=200 * MB)
        films = [Film(70 * MB, seed) for seed in range(1, 5)]
        platter = self.start()
        watch = Watch(self.place)
        rounds = 3 if is_long() else 1
        for _ in range(rounds):
            readers = Readers(platter, films, (0, 0.5))
            readers.finish()
        least = watch.stop()
        figure(
            f"{sum(film.length for film in films) / MB:.0f} MB on a disk of {SIZE / MB:.0f} MB, "
            f"{rounds} times: at least {least:.1%} free; {self.faults(platter) or 'no fault'}")
        self.check_reserve()
        self.check_hits(platter, films)
        # The store may be left alone for some seconds after the last write that failed.
        self.check_back(platter, Film(20 * MB, 8))
        self.check_new(platter, Film(10 * MB, 9))

    def test_a_restart_after_films_larger_than_the_disk(self) -> None:
        """What it has filled itself must not keep it from starting."""
        films = [Film(70 * MB, seed) for seed in range(1, 5)]
        platter = self.start()
        Readers(platter, films, (0, 0.5)).finish()
        self.assertEqual(platter.stop(), 0)
        figure(f"{free(self.place):.1%} free at the restart")
        platter = self.start()
        self.check_hits(platter, films)
        self.check_new(platter, Film(10 * MB, 9))

    def test_another_program_takes_all_room(self) -> None:
        films = [Film(60 * MB, seed) for seed in range(1, 4)]
        platter = self.start()
        self.read(platter, Film(20 * MB, 8))
        self.origin.reset()
        self.origin.pace(bandwidth=30 * MB)
        readers = Readers(platter, films)
        self.wait_until(lambda: self.origin.body_bytes() > 15 * MB, 20, "the films are being read")
        other = self.place / "other"
        fill(other)
        self.assertFalse(readers.are_done(), "it is full while they are read")
        self.origin.pace(bandwidth=0)
        readers.finish()
        figure(self.faults(platter) or "no fault")
        self.check_hits(platter, [*films, Film(20 * MB, 8)])
        self.check_reserve()
        other.unlink()
        self.check_back(platter, Film(20 * MB, 9))
        self.check_new(platter, Film(10 * MB, 10))

    def test_another_program_takes_what_becomes_free_as_well(self) -> None:
        films = [Film(60 * MB, seed) for seed in range(1, 4)]
        platter = self.start()
        self.read(platter, Film(20 * MB, 8))
        self.origin.reset()
        self.origin.pace(bandwidth=30 * MB)
        readers = Readers(platter, films)
        self.wait_until(lambda: self.origin.body_bytes() > 15 * MB, 20, "the films are being read")
        filler = Filler(self.place)
        try:
            filler.wait_until_full()
            self.assertFalse(readers.are_done(), "it is full while they are read")
            self.origin.pace(bandwidth=0)
            readers.finish()
            figure(self.faults(platter) or "no fault")
            self.read(platter, Film(20 * MB, 8))
        finally:
            filler.give_back()
        self.check_back(platter, Film(20 * MB, 9))
        self.check_new(platter, Film(10 * MB, 10))

    def test_a_start_on_a_full_disk(self) -> None:
        self.start_full(kills=False)

    def test_a_start_on_a_full_disk_after_a_kill(self) -> None:
        self.start_full(kills=True)

    def test_a_first_start_on_a_full_disk(self) -> None:
        """It says in one line why it cannot, and leaves nothing that hinders the next start."""
        other = self.place / "other"
        fill(other)
        with self.assertRaises(RuntimeError) as refused:
            Platter(self.origin.url, self.folder / "cache")
        said = (self.folder / "cache.log").read_text().splitlines()
        self.assertEqual(len(said), 1, f"{said} {refused.exception}")
        self.assertIn("No space left on device", said[0])
        other.unlink()
        self.check_new(self.start(), Film(10 * MB, 1))


@unittest.skipUnless(are_possible(), "needs root, and may not mount")
class FullMemory(Cases, DiskRig):
    def mount(self, place: Path) -> None:
        mount_tmpfs(place, SIZE, self.ends)


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class FullExt4(Cases, DiskRig):
    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends, "-b", "4096")


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class SmallBlocks(DiskRig):
    """Blocks of 1 KiB, as mkfs chooses for small disks: SQLite maps pages that have holes then."""

    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends, "-b", "1024")

    def test_a_start_on_a_full_disk(self) -> None:
        self.start_full(kills=False)
