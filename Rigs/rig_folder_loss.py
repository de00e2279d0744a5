"""The cache folder is removed, moved away or unmounted while films are read through it.

Each byte that comes is right, and no response is cut. The folder is used again without a restart, and
nothing is ever written below the mount point of a file system that is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import subprocess
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from platter_rigs import Rig, figure, is_long, log_texts
from platter_rigs.curl import Curl
from platter_rigs.load import Film
from platter_rigs.origin import ramp_path
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import (
    are_possible, attach, attach_tmpfs, detach, mount_ext4, mount_tmpfs)

MB = 1_000_000
LENGTH = 24 * MB
#: Of each curl, so that a film takes a while.
RATE = 8 * MB
#: What curl has when it happens, at least and at most.
STRUCK = (MB // 10, 16 * MB)
ROUNDS = 50 if is_long() else 1
SIZE = 256 << 20
#: For all films of the long form, so that nothing is evicted.
LARGE = 2 << 30
SEED = 27
#: Seconds until new bytes are stored again; a try to use the folder may be 10 s away.
BACK = 15
NEW_LENGTH = 300_000


class FolderLoss(Rig):
    """Films that are read while something happens to the folder."""

    limit = 1800

    def setUp(self) -> None:
        super().setUp()
        self.dice = random.Random(SEED)
        self.new_objects = 0
        self.slowest = 0.0
        # Beside the small file systems, and where films are compared.
        self.films = self.folder / "films"
        self.films.mkdir()

    def start(self, cache: str) -> None:
        self.origin = self.start_origin(latency=5)
        self.platter = self.start_platter(self.origin, "--no-background-fill", cache=cache)

    def play_through(self, number: int, strike: Callable[[], None]) -> None:
        """Two of a film, one of which may find it on disk; `strike` happens in the middle."""
        film = Film(LENGTH, number)
        curls = [
            Curl(
                self.platter.url + film.path, self.films / f"{number}-{name}",
                "--limit-rate", str(RATE))
            for name in ("first", "second")
        ]
        struck_at = self.dice.randrange(*STRUCK)
        self.wait_until(
            lambda: curls[0].received() >= struck_at, 30, f"{struck_at} bytes have come")
        strike()
        for curl in curls:
            curl.finish(60)
            curl.compare(film.length, film.seed)
            curl.file.unlink()

    def check_back(self) -> None:
        """New objects are stored, and then given without the origin."""
        begun = time.monotonic()
        self.wait_until(self.is_stored_new, BACK, f"seed {SEED}: something new is stored")
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def is_stored_new(self) -> bool:
        """In the folder that the path leads to, not in one that is gone."""
        known = self.data_files()
        path, seed = self.fetch_new()
        before = self.origin.body_bytes(path)
        fetch_checked(self.platter.url, path, seed=seed)
        return (
            before > 0 and self.origin.body_bytes(path) == before
            and bool(self.data_files() - known) and (self.platter.cache / "index.sqlite").exists())

    def data_files(self) -> set[Path]:
        return set((self.platter.cache / "objects").glob("*/*"))

    def fetch_new(self) -> tuple[str, int]:
        """Something that was never asked for."""
        self.new_objects += 1
        seed = 1000 + self.new_objects
        path = ramp_path(NEW_LENGTH, seed)
        fetch_checked(self.platter.url, path, seed=seed)
        return path, seed

    def said(self, text: str) -> int:
        """How often Platter has logged it."""
        return self.platter.log.read_text(errors="replace").count(text)

    def tell(self) -> None:
        figure(
            f"{ROUNDS} times, {2 * ROUNDS * LENGTH / MB:.0f} MB by curl: stored again within "
            f"{self.slowest:.1f} s")


class RemovedFolder(FolderLoss):
    """A person or a tidying program takes it away."""

    def test_removed(self) -> None:
        self.run_rounds(self.remove)

    def test_moved_away(self) -> None:
        self.run_rounds(self.move_away)

    def test_without_its_data_files(self) -> None:
        self.run_rounds(lambda: self.remove(self.platter.cache / "objects"))

    def run_rounds(self, strike: Callable[[], None]) -> None:
        self.start("cache")
        for number in range(ROUNDS):
            self.play_through(number, lambda: (strike(), self.check_back()))
        self.assertEqual(
            os.stat(self.platter.cache).st_mode & 0o777, 0o700, "the folder is for its owner")
        self.tell()

    def remove(self, folder: Path | None = None) -> None:
        """As a person does it: again, when something new was put into it meanwhile."""
        folder = folder or self.platter.cache
        self.wait_until(
            lambda: subprocess.run(
                ["rm", "-rf", str(folder)], capture_output=True, check=False).returncode == 0,
            20, f"{folder} can be removed")

    def move_away(self) -> None:
        away = self.folder / "away"
        shutil.rmtree(away, ignore_errors=True)
        self.platter.cache.rename(away)


@unittest.skipUnless(are_possible(), "needs root, and may not mount")
class UnmountedFolder(FolderLoss):
    """`umount -l` under load, and mounted again some time later."""

    def setUp(self) -> None:
        super().setUp()
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        atexit.register(self.ends.close)
        self.place = self.folder / "disk"

    def test_a_mount_point(self) -> None:
        mount_tmpfs(self.place, SIZE, self.ends)
        self.start("disk")
        self.run_rounds(lambda source: attach_tmpfs(self.place, SIZE))

    def test_a_folder_below_a_mount_point(self) -> None:
        mount_tmpfs(self.place, SIZE, self.ends)
        self.start_below()
        self.run_rounds(lambda source: attach_tmpfs(self.place, SIZE))

    def test_the_same_disk_again(self) -> None:
        """What it holds is used again: nothing that was stored is fetched twice."""
        mount_ext4(self.place, LARGE, self.ends)
        self.start_below()
        kept, seed = self.fetch_new()
        self.check_back()
        sent = self.origin.body_bytes(kept)

        def mount_and_look(source: str) -> None:
            attach(source, self.place)
            self.wait_until(self.has_index, BACK, "the index is in use again")
            fetch_checked(self.platter.url, kept, seed=seed)
            self.assertEqual(self.origin.body_bytes(kept), sent, f"seed {SEED}: still there")

        self.run_rounds(mount_and_look)
        self.assertFalse((self.place / "cache" / "index.sqlite.lost").exists())

    def has_index(self) -> bool:
        return self.said(log_texts.INDEX_UNUSABLE) == self.said(log_texts.INDEX_BACK)

    def start_below(self) -> None:
        """By a link, so that the log lies beside the disk."""
        (self.place / "cache").mkdir()
        (self.folder / "cache").symlink_to(self.place / "cache")
        self.start("cache")

    def run_rounds(self, mount: Callable[[str], None]) -> None:
        for number in range(ROUNDS):
            self.play_through(number, lambda: self.unmount_for_a_while(mount))
        self.tell()

    def unmount_for_a_while(self, mount: Callable[[str], None]) -> None:
        refused = self.said(log_texts.NO_INDEX_YET)
        source = detach(self.place)
        mode = os.stat(self.place).st_mode
        # It may be back before anything was noticed.
        if not is_long() or self.dice.random() < 0.5:
            self.wait_until(
                lambda: self.said(log_texts.NO_INDEX_YET) > refused, BACK, "it is noticed")
            self.fetch_new()
        else:
            time.sleep(self.dice.uniform(0, 2))
        self.assertEqual(list(self.place.iterdir()), [], f"seed {SEED}: below the mount point")
        self.assertEqual(os.stat(self.place).st_mode, mode, "the mount point is left as it was")
        mount(source)
        self.check_back()
