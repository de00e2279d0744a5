"""Quotas of a disk: what is written beyond one is refused (EDQUOT), however much room there is."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from platter_rigs import volumes
from platter_rigs.system_calls import CARRY_ON, Answer, Call, Supervisor, kind_of

#: fallocate(2)
_PUNCH_HOLE = 2
#: What is reserved is reserved in larger pieces than this, and shorter ranges not at all [bytes].
_RESERVED = 1 << 16
_BLOCK = 4096


class GroupQuota:
    """One of btrfs, for all that is in a file system. It counts for root as well, and the file system's own
    books count too; what is given back counts as such with the next commit."""

    def __init__(self, place: Path):
        self._place = place
        volumes.run("btrfs", "quota", "enable", str(place))

    def set(self, size: int) -> None:
        """Bytes that may be taken, whatever is there already."""
        volumes.run("btrfs", "qgroup", "limit", str(size), str(self._place))

    def under(self) -> list[str]:
        """A command that becomes a server which the quota is for."""
        return []


class CountedQuota:
    """One that the rig keeps, as a kernel does for a user on ext4: calls that make files of a folder take more
    than it are refused. Some at once may go beyond it, each by what it adds."""

    def __init__(self, folder: Path, cache: Path):
        self._folder = folder
        self._cache = cache
        self._size = 0
        self._counter: _Counter | None = None

    def set(self, size: int) -> None:
        """Bytes that may be taken, whatever is there already."""
        self._size = size
        if self._counter is not None:
            self._counter.size = size

    def under(self) -> list[str]:
        """A command that becomes a server which the quota is for."""
        self._counter = _Counter(self._folder, self._cache, self._size)
        return self._counter.command


def taken(folder: Path) -> int:
    """Bytes that the files of a folder take of the disk."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total


class _Counter(Supervisor):
    def __init__(self, folder: Path, cache: Path, size: int):
        self.size = size
        self._cache = Path(os.path.realpath(cache))
        self._roots = (f"{cache}/", f"{self._cache}/")
        super().__init__(folder, asks_all=False)

    def decide(self, call: Call) -> Answer:
        path = call.path()
        if not path.startswith(self._roots):
            return CARRY_ON
        more = _growth(call, path)
        if more == 0 or taken(self._cache) + more <= self.size:
            return CARRY_ON
        self.count += 1
        return Answer(error=errno.EDQUOT)


def _growth(call: Call, path: str) -> int:
    """Bytes that a file takes more afterwards, as far as can be told."""
    match call.name:
        case "fallocate" if not call.arguments[1] & _PUNCH_HOLE:
            return call.arguments[3]
        case "pwrite64":
            _, _, length, offset = call.arguments[:4]
            if kind_of(path) == "data file":
                # It has holes, and what was reserved for it counts already.
                return length if length < _RESERVED else 0
            return max(0, offset + length - os.stat(path).st_size)
        case "mkdir" | "mkdirat" if not os.path.exists(path):
            return _BLOCK
    return 0
