"""What servers do while their disk fails: a workload runs again and again in one folder."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from pathlib import Path

from platter_rigs.anomaly import Place, together
from platter_rigs.anomaly_client import Violation
from platter_rigs.failing_calls import FailingDisk, Plan
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.volumes import mount_tmpfs

LENGTH = 1_500_000
HALF = LENGTH // 2
#: Runs in one folder, so that it does not grow for ever.
GENERATION = 40
#: A disk of which the cache leaves a twentieth free, which the index needs, what somebody else has
#: on it, and what is asked for: a few fit beside that.
DISK, OTHERS, FILM = 48 << 20, 36 << 20, 3 << 20


class Workload:
    """Something to do to a server while its disk fails."""

    flags: tuple[str, ...] = ("--chunk-size", "64K")
    is_fresh = False
    #: Whether the disk must be small.
    needs_disk = False
    #: Whether the disk is mended before the server ends.
    mends = True
    #: Responses that the workload itself brings to an early end.
    cuts = 0

    def __init__(self, folder: Path, cache: Path):
        folder.mkdir(exist_ok=True)
        self.place = Place(folder, cache, *self.flags)
        self.place.is_tight = self.needs_disk
        self.place.cuts = self.cuts
        self.client = self.place.client
        self.film: Film | None = None
        self.runs = 0

    def run(self, plan: Plan) -> FailingDisk:
        """One run; its folder is made ready first."""
        if self.is_fresh or self.runs % GENERATION == 0:
            self.place.empty()
            self.film = None
        self.runs += 1
        try:
            self.prepare()
            return self.place.run(plan, self.work, self.mends)
        except Violation:
            self.runs = 0
            raise

    def prepare(self) -> None:
        """Without a fault."""

    def work(self, platter: Platter) -> None:
        raise NotImplementedError

    def store_film(self, end: int = LENGTH) -> None:
        """A film is on disk, up to `end`."""
        if self.film is None:
            self.film = self.place.new_film(LENGTH)
        platter = self.place.start()
        try:
            self.client.take(platter.url, self.film, 0, end)
        finally:
            self.place.stop(platter)


class Fill(Workload):
    """A first start, and two readers."""

    is_fresh = True

    def work(self, platter: Platter) -> None:
        film = self.place.new_film(LENGTH)
        together(
            lambda: self.client.take(platter.url, film),
            lambda: self.client.take(platter.url, film, HALF))
        self.client.take(platter.url, film)


class Warm(Workload):
    """What is on disk is read, as a whole and in ranges that are copied or sent as files."""

    def prepare(self) -> None:
        self.store_film()

    def work(self, platter: Platter) -> None:
        for start, end in ((0, LENGTH), (0, 1), (HALF - 30_000, HALF + 30_000), (HALF, LENGTH)):
            self.client.take(platter.url, self.film, start, end)


class Reboot(Warm):
    """After a boot, so that all is compared with its checksums first."""

    def prepare(self) -> None:
        self.store_film()
        index = sqlite3.connect(self.place.cache / "index.sqlite")
        with contextlib.closing(index), index:
            index.execute("UPDATE cache_chunks SET boot = 'another'")


class Evict(Workload):
    """A film that does not fit on the disk beside those that are there.

    Each run begins with the same disk, just full: eviction makes room ahead, so that of the runs on
    one disk every fourth would find room, and the n-th call would be another each time.
    """

    needs_disk = True
    # Each chunk that goes is some ten calls.
    flags = ("--chunk-size", "256K")

    def prepare(self) -> None:
        kept = self.place.folder / "full"
        if not kept.exists():
            self.fill_up(kept)
        copy_cache(kept, self.place.cache)

    def fill_up(self, kept: Path) -> None:
        """Keeps a cache that the next film is too much for."""
        recorded = 0
        while True:
            platter = self.place.start()
            try:
                self.client.take(platter.url, self.place.new_film(FILM))
                self.place.wait_for_eviction()
            finally:
                self.place.stop(platter)
            if self.place.recorded() < recorded + FILM:
                return
            recorded = self.place.recorded()
            copy_cache(self.place.cache, kept)

    def work(self, platter: Platter) -> None:
        film = self.place.new_film(FILM)
        self.client.take(platter.url, film)
        self.client.take(platter.url, film, FILM // 2)


class Changed(Workload):
    """An object changes of which half is on disk."""

    # What begins with the old half cannot go on with the new one. What is passed through for a
    # fault finds that out for itself, and the next fetch once more.
    cuts = 2

    def prepare(self) -> None:
        self.film = self.place.new_film(LENGTH)
        self.client.versions[self.film.path] = [self.film.seed, self.film.seed + 50]
        self.store_film(HALF)

    def work(self, platter: Platter) -> None:
        path = self.film.path
        self.client.take(platter.url, self.film, 0, HALF)
        self.place.origin.serve(path, LENGTH, self.client.versions[path][1])
        self.client.take(platter.url, self.film)
        self.client.take(platter.url, self.film)


class Restart(Workload):
    """A start, something new, and an end on a disk that still fails."""

    mends = False

    def prepare(self) -> None:
        self.store_film()

    def work(self, platter: Platter) -> None:
        self.client.take(platter.url, self.film, 0, 100_000)
        self.client.take(platter.url, self.place.new_film(200_000))


def copy_cache(cache: Path, copy: Path) -> None:
    """A cache that no server has, with its holes, in place of another."""
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "--archive", "--sparse=always", str(cache), str(copy)], check=True)


def make_lane(kind: type[Workload], folder: Path, ends: contextlib.ExitStack) -> Workload:
    """A workload in a folder of its own, on a disk of its own if it needs one."""
    cache = folder / "cache"
    if kind.needs_disk:
        folder.mkdir()
        mount_tmpfs(folder / "disk", DISK, ends)
        (folder / "disk" / "others").write_bytes(bytes(OTHERS))
        cache = folder / "disk" / "cache"
    return kind(folder, cache)
