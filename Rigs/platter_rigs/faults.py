"""What can befall a cache while it is in use, and what is allowed to come of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from platter_rigs import volumes
from platter_rigs.volumes import Filler

if TYPE_CHECKING:
    from platter_rigs.scene import Scene

_FLIPS = 200
_NOBODY = 65534
#: Room for the objects of a scene twice over, and soon full.
_SMALL_DISK = 128 << 20


class Fault:
    """Nothing happens. Base of all that do."""

    #: Responses under way when it strikes that may be closed short, each so often.
    cuts = 0
    #: It can be undone while Platter runs, or needs no undoing.
    can_be_mended = True
    #: Platter must make a new index and remove the files that it does not know.
    makes_index_anew = False
    #: Of the origin, in bytes a second, where several clients ask.
    bandwidth = 8_000_000
    #: Platter runs as this user.
    user: int | None = None

    @property
    def under(self) -> list[str]:
        """The command under which Platter becomes that user; only root can say so."""
        if self.user is None:
            return []
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]

    @property
    def name(self) -> str:
        return type(self).__name__

    @staticmethod
    def is_possible() -> bool:
        return True

    def make_place(self, folder: Path, ends: contextlib.ExitStack) -> Path:
        """The cache folder to be, or one that is there and empty."""
        return folder / "cache"

    def strike(self, scene: Scene) -> None:
        """Makes it happen."""

    def was_felt(self, scene: Scene) -> bool:
        """Whether it can be seen that it happened at all."""
        return True

    def mend(self, scene: Scene) -> None:
        """Undoes it, as far as a person would. May be called again, and without a strike."""


class FileDeleted(Fault):
    def strike(self, scene: Scene) -> None:
        for file in scene.data_files():
            file.unlink()


class FileCutShort(Fault):
    """To a size below what the players have got. What a socket takes from the file by itself cannot
    be called back, so a response under way may end there."""

    cuts = 1

    def size(self, scene: Scene) -> int:
        return scene.dice.randrange(1, scene.behind)

    def strike(self, scene: Scene) -> None:
        for file in scene.data_files():
            os.truncate(file, self.size(scene))


class FileEmptied(FileCutShort):
    def size(self, scene: Scene) -> int:
        return 0


class BitsFlipped(Fault):
    """In rows of a boot before this one, which are compared before they are served.

    What is on its way to a client was looked up before, and zero copies are made of it: the flips
    keep away from there.
    """

    def strike(self, scene: Scene) -> None:
        rows = scene.platter.sql(
            'BEGIN IMMEDIATE; UPDATE cache_chunks SET boot = \'another\';'
            'SELECT start, "end" FROM cache_chunks ORDER BY start; COMMIT')
        recorded = [tuple(map(int, row.split("|"))) for row in rows.split()]
        flip(scene, recorded)


def flip(scene: Scene, recorded: list[tuple[int, int]]) -> None:
    """Flips random bits of recorded bytes, before and beyond what clients are being given."""
    beyond = float("inf") if scene.beyond is None else scene.beyond
    pieces = [(start, min(end, scene.behind)) for start, end in recorded]
    pieces += [(max(start, beyond), end) for start, end in recorded]
    pieces = [(start, end) for start, end in pieces if start < end]
    (path,) = scene.data_files()
    with open(path, "r+b", buffering=0) as file:
        for _ in range(_FLIPS):
            place = scene.dice.randrange(*scene.dice.choice(pieces))
            byte = os.pread(file.fileno(), 1, place)[0] ^ 1 << scene.dice.randrange(8)
            os.pwrite(file.fileno(), bytes([byte]), place)


class IndexDeleted(Fault):
    makes_index_anew = True

    def strike(self, scene: Scene) -> None:
        for file in scene.platter.cache.glob("index.sqlite*"):
            file.unlink()


class IndexReplaced(Fault):
    """Something else has its name. What was in its WAL is in the old file, and not in that."""

    makes_index_anew = True

    def strike(self, scene: Scene) -> None:
        index = scene.platter.index
        scene.platter.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        other = index.with_suffix(".other")
        other.write_bytes(scene.dice.randbytes(index.stat().st_size))
        other.rename(index)


class IndexGarbled(Fault):
    """The same files, with something else in them. The -shm is memory, and left alone."""

    makes_index_anew = True

    def strike(self, scene: Scene) -> None:
        index = scene.platter.index
        for path in (index, index.with_name(f"{index.name}-wal")):
            with open(path, "r+b", buffering=0) as file:
                os.pwrite(file.fileno(), scene.dice.randbytes(path.stat().st_size), 0)


class _DiskFull(Fault):
    filler: Filler | None = None

    @staticmethod
    def is_possible() -> bool:
        return volumes.are_possible()

    def strike(self, scene: Scene) -> None:
        self.filler = Filler(scene.platter.cache)
        self.filler.wait_until_full()

    def mend(self, scene: Scene) -> None:
        if self.filler is not None:
            self.filler.give_back()


class TmpfsFull(_DiskFull):
    def make_place(self, folder: Path, ends: contextlib.ExitStack) -> Path:
        place = folder / "cache"
        volumes.mount_tmpfs(place, _SMALL_DISK, ends)
        return place


class Ext4Full(_DiskFull):
    def make_place(self, folder: Path, ends: contextlib.ExitStack) -> Path:
        place = folder / "cache"
        volumes.mount_ext4(place, _SMALL_DISK, ends)
        return place


class Ext4ReadOnly(Fault):
    """Nothing can be written, not even to files that are open, until it is mounted anew."""

    can_be_mended = False

    @staticmethod
    def is_possible() -> bool:
        return volumes.are_possible()

    def make_place(self, folder: Path, ends: contextlib.ExitStack) -> Path:
        place = folder / "cache"
        volumes.mount_ext4(place, _SMALL_DISK, ends)
        return place

    def strike(self, scene: Scene) -> None:
        volumes.abort_ext4(scene.platter.cache)


class FoldersReadOnly(Fault):
    """Nothing can be made or removed; files that are open can be written."""

    def __init__(self) -> None:
        self.user = _NOBODY if os.geteuid() == 0 else None

    def make_place(self, folder: Path, ends: contextlib.ExitStack) -> Path:
        place = folder / "cache"
        place.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(place, self.user, self.user)
        return place

    def strike(self, scene: Scene) -> None:
        self._change(scene.platter.cache, 0o500)

    def mend(self, scene: Scene) -> None:
        self._change(scene.platter.cache, 0o700)

    @staticmethod
    def _change(cache: Path, mode: int) -> None:
        for folder, _, _ in os.walk(cache):
            os.chmod(folder, mode)


class OriginResets(Fault):
    """Each response of the origin is reset after 3 MB. Means nothing where all is on disk."""

    after = 3_000_000
    # While several clients ask, a request lasts a third of a second: these are longer than 3 MB.
    bandwidth = 18_000_000

    def strike(self, scene: Scene) -> None:
        scene.origin.behave("reset", n=self.after)

    def was_felt(self, scene: Scene) -> bool:
        return any(sent.bytes == self.after for sent in scene.origin.log_of_requests())

    def mend(self, scene: Scene) -> None:
        scene.origin.clear()


FAULTS: list[type[Fault]] = [
    FileDeleted, FileCutShort, FileEmptied, BitsFlipped, IndexDeleted, IndexReplaced, IndexGarbled,
    TmpfsFull, Ext4Full, Ext4ReadOnly, FoldersReadOnly, OriginResets,
]
WARM_FAULTS = [fault for fault in FAULTS if fault is not OriginResets]
