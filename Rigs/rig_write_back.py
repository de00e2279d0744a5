"""A disk that says yes to every write and then cannot keep it: the system tells of it once, and only
who asks. What it has lost is never served."""

from __future__ import annotations

import contextlib
import threading
import time
import unittest
from pathlib import Path

from platter_rigs import figure, is_long
from platter_rigs.disk_rig import MB, DiskRig, Readers
from platter_rigs.load import Film, Load
from platter_rigs.log_texts import NOT_KEPT
from platter_rigs.platter import Platter
from platter_rigs.ramp import wrong_bytes
from platter_rigs.raw_http import fetch_checked
from platter_rigs.stored import stored
from platter_rigs.volumes import (
    are_possible, fill, forget, mount_promising_ext4, write_back)

#: What the disk promises, and what it has.
SIZE, MEMORY = 512 << 20, 96 << 20
#: Seconds from the end of a fetch until its file is asked, and for the asking.
NOTICED = 20
SEED = 41
_PIECE = 1 << 20


class Forgetful(threading.Thread):
    """Has all data files written back, and takes them out of memory, again and again: as a system
    does that needs its memory for others."""

    def __init__(self, place: Path):
        super().__init__(daemon=True)
        self.place = place
        self.rounds = 0
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            # What the disk does not take is told here too, and to whoever else asks.
            with contextlib.suppress(RuntimeError):
                write_back(self.place)
            for file in (self.place / "cache/objects").glob("*/*"):
                try:
                    forget(file)
                except FileNotFoundError:
                    continue
            self.rounds += 1

    def stop(self) -> None:
        self._is_over.set()
        self.join(20)


@unittest.skipUnless(are_possible(), "needs root, loop devices and mkfs.ext4")
class WriteBack(DiskRig):
    limit = 600
    size = SIZE

    def mount(self, place: Path) -> None:
        self.memory = mount_promising_ext4(place, SIZE, MEMORY, self.ends)

    def setUp(self) -> None:
        super().setUp()
        self.known = Film(20 * MB, 1)

    def start_with_known(self) -> Platter:
        """A server with a film that is on the disk, which takes nothing more from then on."""
        platter = self.start()
        self.read(platter, self.known)
        self.keep(platter, self.known)
        write_back(self.place)
        fill(self.memory / "other")
        return platter

    def test_what_is_lost_is_noticed(self) -> None:
        film = Film(40 * MB, 2)
        platter = self.start_with_known()
        self.origin.pace(bandwidth=30 * MB)
        Readers(platter, [film], (0, 0.5)).finish()
        self.wait_until(lambda: self.told(platter), NOTICED, "the loss is noticed")
        self.check_lost(platter, [film])
        self.check_known(platter)
        self.mend(platter)

    def test_what_is_lost_is_noticed_at_the_end(self) -> None:
        """A server that ends asks for what was written last, of the index too: one that the disk cannot keep is
        marked or set aside, and the next server believes nothing."""
        films = [Film(20 * MB, seed) for seed in (2, 3)]
        platter = self.start_with_known()
        for film in films:
            self.read(platter, film)
        self.assertEqual(platter.stop(), 0)
        self.assertGreater(self.told(platter), 0, "the loss is noticed")
        self.check_believed(platter)
        figure(f"in doubt at the end: {self.is_doubted(platter)}")
        platter = self.start()
        for film in (*films, self.known):
            self.read(platter, film)
        (self.memory / "other").unlink()
        self.wait_until(lambda: self.has_index(platter), NOTICED, "there is an index again")
        self.check_back(platter, Film(20 * MB, 9))
        self.wait_until(lambda: not self.is_doubted(platter), NOTICED, "the index is kept again")
        self.check_new(platter, Film(10 * MB, 10))

    @unittest.skipUnless(is_long(), "the disk may lose what the file system needs itself")
    def test_memory_forgets_before_anybody_has_asked(self) -> None:
        """No player gets a wrong byte. The disk loses the index's own writes too: rows may be as they were some
        time before, and none is believed without its bytes."""
        films = [Film(24 * MB, seed) for seed in range(2, 6)]
        platter = self.start_with_known()
        self.origin.pace(bandwidth=30 * MB)
        forgetful = Forgetful(self.place)
        load = Load(platter.url, [*films, self.known], seed=SEED, kinds="sssrrrv")
        try:
            time.sleep(60 if is_long() else 6)
        finally:
            load.finish()
            forgetful.stop()
        self.origin.pace(bandwidth=0)
        figure(
            f"seed {SEED}: {load.received / MB:.0f} MB received while memory forgot "
            f"{forgetful.rounds} times; {self.said(platter)}")
        self.assertGreater(self.told(platter), 0, "the loss is noticed")
        # It may have been too much for this server to believe the disk ever again.
        self.assertEqual(platter.stop(), 0)
        self.check_believed(platter)

    # What must hold.

    def told(self, platter: Platter) -> int:
        return platter.log.read_text(errors="replace").count(NOT_KEPT)

    def has_index(self, platter: Platter) -> bool:
        try:
            return bool(platter.sql("SELECT count(*) FROM cache_chunks"))
        except RuntimeError:
            return False

    def is_doubted(self, platter: Platter) -> bool:
        return (platter.cache / "index.sqlite.doubted").exists()

    def said(self, platter: Platter) -> str:
        return f"noticed {self.told(platter)} times; {self.faults(platter) or 'no other fault'}"

    def check_lost(self, platter: Platter, films: list[Film]) -> None:
        """Bytes are lost that the index had promised; they are fetched again, and never served."""
        lost = 0
        for film in films:
            promised = self.recorded(platter, film)
            for file in self.files_of(platter, film):
                forget(file)
                lost += sum(
                    lost_of(file, start, end, film.seed) for start, end in promised)
        self.assertGreater(lost, 0, "the disk must have lost what the index promises")
        self.origin.reset()
        for film in films:
            self.assertEqual(
                fetch_checked(platter.url, film.path, film.length // 3, seed=film.seed),
                film.length - film.length // 3)
            self.read(platter, film)
        again = sum(self.origin.body_bytes(film.path) for film in films)
        figure(
            f"{lost / MB:.1f} MB lost of {sum(film.length for film in films) / MB:.1f} MB, "
            f"{again / MB:.1f} MB fetched again; {self.said(platter)}")
        self.assertGreaterEqual(again, lost)

    def check_believed(self, platter: Platter) -> None:
        """The next server believes nothing that the disk does not have. This one has ended."""
        for file in (platter.cache / "objects").glob("*/*"):
            forget(file)
        found = stored(platter.cache)
        figure(f"{len(found.lies)} of {len(found.rows)} rows are without their bytes at the end")
        self.assertEqual([row for row in found.lies if row.is_believed], [])

    def files_of(self, platter: Platter, film: Film) -> list[Path]:
        names = platter.sql(f"SELECT file FROM cache_entries WHERE key LIKE '%{film.path}'")
        return [
            path for name in names.split()
            for path in (self.place / "cache/objects").glob(f"*/{name}")]

    def check_known(self, platter: Platter) -> None:
        """What had reached the disk is not doubted."""
        self.origin.reset()
        self.read(platter, self.known)
        self.assertEqual(self.origin.log_of_requests(), [], "what was safe is served")

    def mend(self, platter: Platter) -> None:
        """The disk keeps again what it is given, and so does the cache."""
        (self.memory / "other").unlink()
        self.check_back(platter, Film(20 * MB, 9))
        self.check_new(platter, Film(10 * MB, 10))


def lost_of(file: Path, start: int, end: int, seed: int) -> int:
    """Bytes of a stretch of a data file, in whole blocks, that are not the film's."""
    lost = 0
    with open(file, "rb") as data:
        for at in range(start, end, _PIECE):
            data.seek(at)
            piece = data.read(min(_PIECE, end - at))
            lost += wrong_bytes(piece, at, seed) + min(_PIECE, end - at) - len(piece)
    return lost
