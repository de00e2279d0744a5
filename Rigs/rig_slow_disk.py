"""A disk that takes seconds for an operation, or does not answer at all for a while."""

from __future__ import annotations

import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import figure, log_texts
from platter_rigs.disk_rig import MB, DiskRig
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, fetch_checked
from platter_rigs.volumes import are_possible, forget, frozen, mount_ext4, slow_reads, write_back

SIZE = 512 << 20
#: Seconds in which a response must be complete whatever the disk does.
LIMIT = 12
#: Seconds in which a client that needs nothing of the slow disk is answered.
OTHERS = 1.5


@unittest.skipUnless(are_possible("fsfreeze"), "needs root, loop devices and mkfs.ext4")
class SlowDisk(DiskRig):
    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends)

    def test_writes_that_hang(self) -> None:
        known, unknown = Film(20 * MB, 1), Film(20 * MB, 2)
        platter = self.start()
        self.read(platter, known)
        self.keep(platter, known)
        with frozen(self.place), ThreadPoolExecutor(4) as clients:
            reads = [clients.submit(self.timed, platter, film) for film in (unknown, known) * 2]
            for read in reads:
                self.assertLess(read.result(), LIMIT)
            figure(f"slowest while writes hang: {max(read.result() for read in reads):.1f} s")
            # It is known by now that the disk hangs.
            for film in (unknown, known, Film(10 * MB, 3)):
                self.assertLess(self.timed(platter, film), 3)
        self.check_back(platter, Film(20 * MB, 9))
        self.check_new(platter, Film(10 * MB, 10))

    @unittest.skipUnless(slow_reads.is_possible(), "needs the blkio controller")
    def test_reads_that_take_seconds(self) -> None:
        cold, warm = Film(20 * MB, 1), Film(2 * MB, 2)
        platter = self.start()
        for film in (cold, warm):
            self.read(platter, film)
            self.keep(platter, film)
        write_back(self.place)
        self.forget(cold)
        with slow_reads(self.place, platter.pid, 16_384), ThreadPoolExecutor(4) as clients:
            reads = [clients.submit(self.timed, platter, cold) for _ in range(4)]
            slowest = 0.0
            while not all(read.done() for read in reads):
                slowest = max(slowest, self.timed(platter, warm))
            for read in reads:
                self.assertLess(read.result(), LIMIT)
            figure(
                f"slowest from the slow disk: {max(read.result() for read in reads):.1f} s; "
                f"of others meanwhile: {slowest:.2f} s")
            self.assertLess(slowest, OTHERS)
        self.check_back(platter, Film(20 * MB, 9))

    def test_a_first_viewing_while_writes_hang(self) -> None:
        """Only what could not be kept meanwhile has to come again, not all the rest of the film."""
        film, other = Film(150 * MB, 1), Film(20 * MB, 2)
        platter = self.start()

        def says(*texts: str) -> bool:
            lines = platter.log.read_text(errors="replace").splitlines()
            return any(all(text in line for text in texts) for line in lines)

        def is_past_the_store() -> bool:
            response.check(256 << 10, film.seed)
            return any(says(text, film.path) for text in log_texts.PAST_STORE)

        with Connection(platter.url, receive_buffer=64 << 10) as viewer:
            response = viewer.request(film.path)
            response.check(3 * MB, film.seed)
            self.origin.wait_until_quiet()
            self.origin.pace(bandwidth=20 * MB)
            with frozen(self.place), ThreadPoolExecutor(1) as clients:
                read = clients.submit(self.timed, platter, other)
                self.wait_until(lambda: says(log_texts.DISK_SLOW), 15, "it is known to be slow")
                self.wait_until(is_past_the_store, 15, "the viewer needs what is not there")
                read.result()
            response.check(seed=film.seed)
            self.assertEqual(response.left, 0)
        self.origin.wait_until_quiet()
        kept = sum(end - start for start, end in self.recorded(platter, film))
        figure(f"{kept / MB:.0f} MB of {film.length / MB:.0f} MB are kept")
        self.assertGreater(kept, film.length / 2)

    def timed(self, platter: Platter, film: Film) -> float:
        begun = time.monotonic()
        self.assertEqual(
            fetch_checked(platter.url, film.path, seed=film.seed), film.length)
        return time.monotonic() - begun

    def forget(self, film: Film) -> None:
        """Takes what is on disk out of memory."""
        for file in (self.place / "cache/objects").glob("*/*"):
            if file.stat().st_size == film.length:
                forget(file)
