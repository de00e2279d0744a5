"""What the rigs of full disks share: a disk of their own, clients, and what must hold on it."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import log_texts
from platter_rigs.case import Rig, figure
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import fill, free

MB = 1_000_000
SIZE = 128 << 20
#: What mkfs.xfs makes at least.
XFS_SIZE = 320 << 20
#: The share of the disk that is to stay free.
RESERVE = 0.05
#: Seconds from the moment that there is room again until new bytes are kept.
BACK = 5

#: How Platter says that it passes through because there is no room.
REFUSALS = (log_texts.NO_ROOM, log_texts.STORE_REFUSES)
#: What else may be wrong.
FAULTS = (
    *REFUSALS, log_texts.NOT_KEPT, log_texts.INDEX_UNWRITABLE, log_texts.INDEX_UNUSABLE,
    log_texts.ROOM_NOT_GIVEN_BACK, log_texts.EVICTION_FAILED, log_texts.TOO_LARGE)


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


class DiskRig(Rig):
    """A rig whose cache folder is on a disk of its own."""

    limit = 300
    #: Bytes of the disk.
    size = SIZE

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
        return self.start_platter(self.origin, "--no-background-fill", "--log-level", "info")

    def read(self, platter: Platter, film: Film) -> None:
        self.assertEqual(fetch_checked(platter.url, film.path, seed=film.seed), film.length)

    def keep(self, platter: Platter, film: Film) -> None:
        """Waits until all of a film is recorded."""
        self.wait_until(
            lambda: sum(end - start for start, end in self.recorded(platter, film))
            == film.length, 10, "all is recorded")

    def faults(self, platter: Platter) -> str:
        """What the log says, by kind."""
        text = platter.log.read_text(errors="replace") if platter.log.exists() else ""
        return ", ".join(f"{kind!r} {text.count(kind)} times" for kind in FAULTS if kind in text)

    def check_refusals(self, platter: Platter) -> None:
        """The disk was as full as it should have been: bytes were passed through for it."""
        text = platter.log.read_text(errors="replace")
        self.assertTrue(
            any(refusal in text for refusal in REFUSALS), f"no refusal; {self.faults(platter)}")

    def recorded(self, platter: Platter, film: Film) -> list[tuple[int, int]]:
        text = platter.sql(
            'SELECT start, "end" FROM cache_chunks JOIN cache_entries ON id = entry '
            f"WHERE key LIKE '%{film.path}' ORDER BY start")
        return [(int(start), int(end)) for start, end in (row.split("|") for row in text.split())]

    def check_hits(self, platter: Platter, films: list[Film]) -> None:
        """What is recorded of some films is served without the origin."""
        self.origin.wait_until_quiet()
        self.wait_for_eviction(platter)
        hits = 0
        for film in films:
            for start, end in self.recorded(platter, film):
                self.origin.reset()
                fetch_checked(platter.url, film.path, start, end, film.seed)
                if (start, end) not in self.recorded(platter, film):
                    # It was evicted before it was asked for.
                    continue
                self.assertEqual(self.origin.log_of_requests(), [], f"{film} from {start} to {end}")
                hits += end - start
        figure(f"{hits / MB:.1f} MB of hits without the origin")
        self.assertGreater(hits, 0, "something must be on disk")

    def wait_for_eviction(self, platter: Platter) -> None:
        """Until the index has stayed the same for a second: what goes now may come again."""
        last, since = "", time.monotonic()

        def is_quiet() -> bool:
            nonlocal last, since
            rows = platter.sql('SELECT entry, start, "end" FROM cache_chunks')
            if rows != last:
                last, since = rows, time.monotonic()
            return time.monotonic() - since > 1

        self.wait_until(is_quiet, 20, "eviction comes to its end")

    def check_reserve(self) -> None:
        """The cache leaves room to others, of its own."""
        self.wait_until(
            lambda: free(self.place) >= RESERVE, 10,
            f"{RESERVE:.0%} of the disk are free, not only {free(self.place):.1%}")

    def check_back(self, platter: Platter, film: Film) -> None:
        """There is room again: new bytes are kept, without a restart."""
        begun = time.monotonic()
        places = itertools.cycle(range(0, film.length - 300_000, 300_000))

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
        # Some of it may stay when the reserve is made free again.
        known, unknown = Film(int(self.size * 0.15), 1), Film(30 * MB, 2)
        platter = self.start()
        self.read(platter, known)
        self.keep(platter, known)
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
