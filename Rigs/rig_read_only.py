"""The cache folder becomes read-only under load and can be written to again later (F26).

Meanwhile every byte is right, what is on disk is served without the origin, and nothing new is
stored. Afterwards new bytes are stored again by themselves, without a restart.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import are_possible, mount_btrfs, mount_ext4, run

MB = 1_000_000
SIZE = 256 << 20
#: Seconds from the moment that the folder can be written to until new bytes are stored.
BACK = 15
#: Seconds until the change is felt.
FELT = 5
_NOBODY = 65534


class ReadOnly(Rig):
    """What all ways have in common to take the right to write away."""

    #: The command behind which the server starts.
    under: tuple[str, ...] = ()
    new_films = 100

    def make_place(self) -> Path:
        """The cache folder, empty."""
        raise NotImplementedError

    def take_away(self) -> None:
        raise NotImplementedError

    def give_back(self) -> None:
        raise NotImplementedError

    def check_all(self) -> None:
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        atexit.register(self.ends.close)
        self.folder.chmod(0o711)
        self.cache = self.make_place()
        self.origin = self.start_origin()
        # By a link, so that the log lies beside what is read-only.
        link = self.folder / "link"
        link.symlink_to(self.cache)
        self.link = link
        self.start()
        self.addCleanup(self.give_back)

        known, under_way, new = Film(8 * MB, 1), Film(24 * MB, 2), Film(8 * MB, 3)
        self.read(known)
        self.origin.pace(bandwidth=12 * MB)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(self.read, under_way)
            self.wait_until(
                lambda: self.origin.body_bytes(under_way.path) > 8 * MB, 20, "it is being read")
            self.take_away()
            self.assertFalse(reading.done(), "it must happen in the middle")
            reading.result()
        self.origin.pace(bandwidth=0)
        self.wait_until(lambda: not self.is_stored_new(), FELT, "nothing new can be stored")
        self.check_hit(known)
        self.read(new)

        self.give_back()
        begun = time.monotonic()
        self.wait_until(self.is_stored_new, BACK, f"it is stored again\n{self.platter.log_tail()}")
        figure(f"stored again after {time.monotonic() - begun:.1f} s")
        self.check_hit(known)
        for film in (under_way, new):
            self.read(film)
            self.check_hit(film)
        self.check_restart(known)

    def start(self) -> None:
        self.platter = Platter(
            self.origin.url, self.link, "--no-background-fill", "--chunk-size", "1M",
            under=self.under)
        self.addCleanup(self._end, self.platter)

    def check_restart(self, known: Film) -> None:
        """A server that is started while nothing may be written passes all on, and stores later."""
        self.take_away()
        self.assertEqual(self.platter.stop(), 0, self.platter.log_tail())
        self.start()
        self.read(known)
        self.assertFalse(self.is_stored_new(), "nothing may be written")
        self.give_back()
        self.wait_until(self.is_stored_new, BACK, f"it is stored\n{self.platter.log_tail()}")
        self.check_hit(known)

    def read(self, film: Film) -> None:
        self.assertEqual(
            fetch_checked(self.platter.url, film.path, seed=film.seed), film.length)

    def check_hit(self, film: Film) -> None:
        """All of it comes without the origin."""
        self.origin.wait_until_quiet()
        before = self.origin.body_bytes()
        self.read(film)
        self.assertEqual(
            self.origin.body_bytes(), before, f"{film} is on disk\n{self.platter.log_tail()}")

    def is_stored_new(self) -> bool:
        """Whether an object that was never asked for is given without the origin afterwards."""
        self.new_films += 1
        film = Film(300_000, self.new_films)
        self.read(film)
        before = self.origin.body_bytes()
        self.read(film)
        return self.origin.body_bytes() == before


@unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
class Permissions(ReadOnly):
    """Files and folders that others than root may not write to; what is open can be written."""

    under = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")

    def test_files_and_folders(self) -> None:
        self.check_all()

    def make_place(self) -> Path:
        place = self.folder / "cache"
        place.mkdir(mode=0o700)
        os.chown(place, _NOBODY, _NOBODY)
        return place

    def take_away(self) -> None:
        self._change(0o500, 0o400)

    def give_back(self) -> None:
        self._change(0o700, 0o600)

    def _change(self, folders: int, files: int) -> None:
        for folder, _, names in os.walk(self.cache):
            os.chmod(folder, folders)
            for name in names:
                # Some come and go.
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(os.path.join(folder, name), files)


@unittest.skipUnless(are_possible("chattr"), "needs root, loop devices, mkfs.ext4 and chattr")
class Immutable(ReadOnly):
    """`chattr +i`: not even root may write to the index, which is open, nor make or remove files.

    The -shm is memory, and left alone. So are data files: that they were touched would have to be
    noted in the index before they are served.
    """

    def test_folders_and_the_index(self) -> None:
        self.check_all()

    def make_place(self) -> Path:
        mount_ext4(self.folder / "disk", SIZE, self.ends)
        place = self.folder / "disk" / "cache"
        place.mkdir(mode=0o700)
        return place

    def take_away(self) -> None:
        self._change("+i")

    def give_back(self) -> None:
        self._change("-i")

    def _change(self, what: str) -> None:
        index = self.cache / "index.sqlite"
        folders = [folder for folder, _, _ in os.walk(self.cache)]
        run("chattr", what, str(index), f"{index}-wal", *folders)


@unittest.skipUnless(
    are_possible("mkfs.btrfs"), "needs root, loop devices and mkfs.btrfs (btrfs-progs)")
class Subvolume(ReadOnly):
    """EROFS, from a file system of which a part is made read-only while files are open."""

    def test_a_subvolume(self) -> None:
        self.check_all()

    def make_place(self) -> Path:
        mount_btrfs(self.folder / "disk", SIZE, self.ends)
        place = self.folder / "disk" / "cache"
        run("btrfs", "subvolume", "create", str(place))
        place.chmod(0o700)
        return place

    def take_away(self) -> None:
        run("btrfs", "property", "set", "-t", "subvol", str(self.cache), "ro", "true")

    def give_back(self) -> None:
        run("btrfs", "property", "set", "-t", "subvol", str(self.cache), "ro", "false")
