"""A disk that is really full: memory and ext4 of their own, taken to the last block or inode."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.load import Film
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import Filler, are_possible, fill, free, mount_ext4, mount_tmpfs

MB = 1_000_000
SIZE = 128 << 20
#: The share of the disk that is to stay free.
RESERVE = 0.05
#: Seconds from the moment that there is room again until new bytes are kept.
BACK = 5


class Readers:
    """Clients that read films from end to end, each at once with the others. Bytes are compared."""

    def __init__(self, platter: Platter, films: list[Film], starts: tuple[float, ...] = (0,)):
        self._pool = ThreadPoolExecutor(len(films) * len(starts))
        self._reads = [
            self._pool.submit(
                fetch_checked, platter.url, film.path, int(film.length * start), seed=film.seed)
            for film in films for start in starts
        ]

    def are_done(self) -> bool:
        return all(read.done() for read in self._reads)

    def finish(self) -> None:
        """Raises what was wrong with the bytes of any."""
        self._pool.shutdown()
        for read in self._reads:
            read.result()


class Watch(threading.Thread):
    """The least share of a disk that was free."""

    def __init__(self, place: Path):
        super().__init__(daemon=True)
        self.place = place
        self.least = 1.0
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            self.least = min(self.least, free(self.place))

    def stop(self) -> float:
        self._is_over.set()
        self.join(5)
        return self.least


class FullDisk(Rig):
    limit = 300

    def mount(self, place: Path) -> None:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        atexit.register(self.ends.close)
        self.place = self.folder / "disk"
        self.mount(self.place)
        self.origin = self.start_origin()
        (self.place / "cache").mkdir()
        # By a link, so that the log lies beside the disk: what is said must not need room on it.
        (self.folder / "cache").symlink_to(self.place / "cache")

    def start(self) -> Platter:
        return self.start_platter(self.origin, "--no-background-fill")

    def read(self, platter: Platter, film: Film) -> None:
        self.assertEqual(fetch_checked(platter.url, film.path, seed=film.seed), film.length)

    def faults(self, platter: Platter) -> str:
        """What the log says, by kind."""
        text = platter.log.read_text(errors="replace") if platter.log.exists() else ""
        kinds = (
            "The disk refuses bytes", "No room could be reserved", "The index refuses a range",
            "Nothing can be stored", "Eviction failed", "larger than it should be")
        return ", ".join(f"{kind!r} {text.count(kind)} times" for kind in kinds if kind in text)

    def recorded(self, platter: Platter, film: Film) -> list[tuple[int, int]]:
        text = platter.sql(
            'SELECT start, "end" FROM cache_chunks JOIN cache_entries ON id = entry '
            f"WHERE key LIKE '%{film.path}' ORDER BY start")
        return [(int(start), int(end)) for start, end in (row.split("|") for row in text.split())]

    def check_hits(self, platter: Platter, films: list[Film]) -> None:
        """What is recorded of some films is served without the origin."""
        self.origin.wait_until_quiet()
        hits = 0
        for film in films:
            for start, end in self.recorded(platter, film):
                self.origin.reset()
                fetch_checked(platter.url, film.path, start, end, film.seed)
                self.assertEqual(self.origin.log_of_requests(), [], f"{film} from {start} to {end}")
                hits += end - start
        figure(f"{hits / MB:.1f} MB of hits without the origin")
        self.assertGreater(hits, 0, "something must be on disk")

    def check_reserve(self) -> None:
        """The cache leaves room to others, of its own."""
        self.wait_until(
            lambda: free(self.place) >= RESERVE, 10,
            f"{RESERVE:.0%} of the disk are free, not only {free(self.place):.1%}")

    def check_back(self, platter: Platter, film: Film) -> None:
        """There is room again: new bytes are kept, without a restart."""
        begun = time.monotonic()
        places = iter(range(0, film.length - 300_000, 300_000))

        def is_kept() -> bool:
            start = next(places)
            fetch_checked(platter.url, film.path, start, start + 300_000, film.seed)
            return bool(self.recorded(platter, film))

        self.wait_until(is_kept, BACK, f"bytes of {film} are kept again; {self.faults(platter)}")
        figure(f"kept again after {time.monotonic() - begun:.1f} s")

    def check_new(self, platter: Platter, film: Film) -> None:
        """And all of a film is, as if nothing had been."""
        self.read(platter, film)
        self.origin.wait_until_quiet()
        self.origin.reset()
        self.read(platter, film)
        self.assertEqual(self.origin.log_of_requests(), [], f"{film} was kept")

    def start_full(self, *, kills: bool) -> None:
        """A server with a film on disk ends, the disk fills up, the next server starts."""
        known, unknown = Film(20 * MB, 1), Film(30 * MB, 2)
        platter = self.start()
        self.read(platter, known)
        self.wait_until(
            lambda: sum(end - start for start, end in self.recorded(platter, known))
            == known.length, 10, "all is recorded")
        if kills:
            platter.kill()
        else:
            self.assertEqual(platter.stop(), 0)
        other = self.place / "other"
        fill(other)
        platter = self.start()
        self.check_hits(platter, [known])
        self.read(platter, unknown)
        figure(self.faults(platter) or "no fault")
        other.unlink()
        self.check_back(platter, Film(20 * MB, 9))
        self.check_new(platter, Film(10 * MB, 10))


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
class FullMemory(Cases, FullDisk):
    def mount(self, place: Path) -> None:
        mount_tmpfs(place, SIZE, self.ends)


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class FullExt4(Cases, FullDisk):
    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends, "-b", "4096")


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class SmallBlocks(FullDisk):
    """Blocks of 1 KiB, as mkfs chooses for small disks: SQLite maps pages that have holes then."""

    def mount(self, place: Path) -> None:
        mount_ext4(place, SIZE, self.ends, "-b", "1024")

    def test_a_start_on_a_full_disk(self) -> None:
        self.start_full(kills=False)


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class NoInodes(FullDisk):
    """Room enough for bytes, none for another file."""

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
        for seed in range(2, 6):
            self.read(platter, Film(5 * MB, seed))
        self.check_hits(platter, [known])
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
