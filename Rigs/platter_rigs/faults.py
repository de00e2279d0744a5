"""What can befall a cache while it is in use, and what is allowed to come of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from platter_rigs import log_texts, volumes
from platter_rigs.volumes import Filler
from platter_rigs.waiting import until

if TYPE_CHECKING:
    from platter_rigs.scene import Scene

_FLIPS = 200
_NOBODY = 65534
#: Seconds until a fault that lasts is felt; what eviction frees on a full disk is taken at once.
_FELT = 5
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
        """Whether Platter has met it: bytes of which it knew were fetched again, a line in its log,
        or what is new is not stored."""
        raise NotImplementedError

    def mend(self, scene: Scene) -> None:
        """Undoes it, as far as a person would. May be called again, and without a strike."""


class _FilesLost(Fault):
    """Something befalls all data files, of which there is at least one."""

    def strike(self, scene: Scene) -> None:
        files = scene.data_files()
        if not files:
            raise AssertionError("there is no data file to strike")
        for file in files:
            self.strike_file(scene, file)

    def strike_file(self, scene: Scene, file: Path) -> None:
        raise NotImplementedError

    def was_felt(self, scene: Scene) -> bool:
        # Who has it open may go on with what is left of it, when that has been compared.
        return (
            scene.origin.body_bytes() > scene.length
            or scene.has_said(log_texts.FILE_CHANGED))


class FileDeleted(_FilesLost):
    def strike_file(self, scene: Scene, file: Path) -> None:
        file.unlink()


class FileCutShort(_FilesLost):
    """To a size below what the players have got. What a socket takes from the file by itself cannot
    be called back, so a response under way may end there."""

    cuts = 1

    def size(self, scene: Scene) -> int:
        return scene.dice.randrange(1, scene.behind)

    def strike_file(self, scene: Scene, file: Path) -> None:
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

    def was_felt(self, scene: Scene) -> bool:
        return scene.has_said(log_texts.DAMAGED)


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


class _IndexLost(Fault):
    makes_index_anew = True

    def was_felt(self, scene: Scene) -> bool:
        def is_met() -> bool:
            # What is on disk is served without a look at it; what is new is written to it.
            scene.is_stored_new()
            return scene.has_said(log_texts.INDEX_UNUSABLE)

        return until(is_met, _FELT, interval=0.3)


class IndexDeleted(_IndexLost):
    def strike(self, scene: Scene) -> None:
        for file in scene.platter.cache.glob("index.sqlite*"):
            file.unlink()


class IndexReplaced(_IndexLost):
    """Something else has its name. What was in its WAL is in the old file, and not in that."""

    def strike(self, scene: Scene) -> None:
        index = scene.platter.index
        scene.platter.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        other = index.with_suffix(".other")
        other.write_bytes(scene.dice.randbytes(index.stat().st_size))
        other.rename(index)


class IndexGarbled(_IndexLost):
    """The same files, with something else in them. The -shm is memory, and left alone."""

    def strike(self, scene: Scene) -> None:
        index = scene.platter.index
        for path in (index, index.with_name(f"{index.name}-wal")):
            with open(path, "r+b", buffering=0) as file:
                os.pwrite(file.fileno(), scene.dice.randbytes(path.stat().st_size), 0)


class _NothingStored(Fault):
    """While it lasts, nothing that is new can be stored."""

    def was_felt(self, scene: Scene) -> bool:
        return until(lambda: not scene.is_stored_new(), _FELT, interval=0.3)


class _DiskFull(_NothingStored):
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


class Ext4ReadOnly(_NothingStored):
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


class FoldersReadOnly(_NothingStored):
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
