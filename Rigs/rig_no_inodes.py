"""A disk on which there is room enough for bytes, and none for another file."""

from __future__ import annotations

import unittest
from pathlib import Path

from platter_rigs import figure
from platter_rigs.disk_rig import MB, SIZE, DiskRig
from platter_rigs.load import Film
from platter_rigs.volumes import are_possible, mount_ext4


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class NoInodes(DiskRig):
    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends, "-b", "4096", "-N", "64")

    def test_a_disk_without_inodes(self) -> None:
        films = [Film(300_000, seed) for seed in range(1, 61)]
        platter = self.start()
        for film in films:
            self.read(platter, film)
        kept = [film for film in films if self.recorded(platter, film)]
        figure(f"{len(kept)} of {len(films)} films kept; {self.faults(platter) or 'no fault'}")
        self.check_hits(platter, kept)
        for film in films:
            self.read(platter, film)

    def test_the_last_films_drive_out_the_first(self) -> None:
        """A new entry for which there is no file is tried again after an eviction (D4)."""
        platter = self.start()
        for seed in range(1, 61):
            self.read(platter, Film(300_000, seed))
        self.check_new(platter, Film(300_000, 61))

    def test_another_program_takes_all_inodes(self) -> None:
        known = Film(300_000, 1)
        platter = self.start()
        self.read(platter, known)
        others = self.take_inodes()
        films = [Film(5 * MB, seed) for seed in range(2, 6)]
        for film in films:
            self.read(platter, film)
        # One entry may have made way for another.
        self.check_hits(platter, [known, *films])
        figure(f"{len(others)} files of others; {self.faults(platter) or 'no fault'}")
        for file in others:
            file.unlink()
        self.check_back(platter, Film(20 * MB, 9))

    def take_inodes(self) -> list[Path]:
        files = []
        while True:
            file = self.place / f"other{len(files)}"
            try:
                file.touch()
            except OSError:
                return files
            files.append(file)
