"""What is in a cache folder, compared with the index row by row, while no server has it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platter_rigs.crc32c import crc32c_of_ramp
from platter_rigs.extents import Extent
from platter_rigs.ramp import first_mismatch

#: Of the running boot, as the index notes it; "" where there is no such file.
BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")
BOOT = BOOT_FILE.read_text().strip() if BOOT_FILE.exists() else ""
_PIECE = 1 << 20


@dataclass(frozen=True)
class Row:
    """A run of bytes that the index promises. `path` is that of the ramp at the origin."""

    path: str
    seed: int
    file: str
    start: int
    end: int
    crc32c: int
    #: The bytes are served without a comparison, by a server of this boot.
    is_believed: bool

    def extent(self) -> Extent:
        return self.start, self.end


@dataclass
class Stored:
    """The rows, those whose bytes or checksums are wrong, and files that no entry has."""

    rows: list[Row] = field(default_factory=list)
    #: Their bytes in the file are not those of the object.
    lies: list[Row] = field(default_factory=list)
    #: The checksum is not that of the object's bytes.
    wrong_sums: list[Row] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    #: Bytes on disk of all data files.
    allocated: int = 0

    def extents(self, path: str) -> list[Extent]:
        """What is recorded of an object."""
        return [row.extent() for row in self.rows if row.path == path]

    def recorded(self) -> int:
        return sum(row.end - row.start for row in self.rows)


def stored(
    cache: Path, versions: Mapping[str, Sequence[int]] | None = None, boot: str = BOOT
) -> Stored:
    """Reads all of a cache folder, the index from a copy, so that looking changes nothing.

    - Parameter versions: The seeds of the versions of objects that have changed, by path. All rows
      of a file must be of one version.
    - Parameter boot: The one whose servers would believe what is believed.
    """
    result = Stored()
    files: set[str] = set()
    # Whoever opens it next compares all.
    is_doubted = (cache / "index.sqlite.doubted").exists()
    with tempfile.TemporaryDirectory(prefix="platter-index-") as folder:
        for path in cache.glob("index.sqlite*"):
            # Made anew for the copy; a real one may have been left in any state.
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / "index.sqlite")) as index:
            # Killed before it had made its tables.
            tables = {name for (name,) in index.execute("SELECT name FROM sqlite_master")}
            if "cache_chunks" in tables:
                files = {file for (file,) in index.execute("SELECT file FROM cache_entries")}
                result.rows = [
                    _row(columns, versions or {}, boot, is_doubted) for columns in index.execute(
                        'SELECT key, file, start, "end", crc32c, boot FROM cache_chunks '
                        "JOIN cache_entries ON id = entry ORDER BY entry, start")]
    seeds: dict[str, int] = {}
    for row in result.rows:
        if row.seed != seeds.setdefault(row.file, row.seed):
            result.wrong_sums.append(row)
        _judge(row, cache, result)
    for path in (cache / "objects").glob("*/*"):
        result.allocated += path.stat().st_blocks * 512
        if path.name not in files:
            result.orphans.append(path.name)
    return result


def _row(
    columns: tuple[str, str, int, int, int, str], versions: Mapping[str, Sequence[int]],
    boot: str, is_doubted: bool
) -> Row:
    key, file, start, end, crc32c, compared = columns
    path, own = re.search(r"(/ramp/\d+/(\d+))$", key).groups()
    seed = int(own)
    for other in versions.get(path, ()):
        if crc32c_of_ramp(start, end, other) == crc32c:
            seed = other
    return Row(path, seed, file, start, end, crc32c, compared == boot and not is_doubted)


def _judge(row: Row, cache: Path, result: Stored) -> None:
    if not _is_there(row, cache / "objects" / row.file[:2] / row.file):
        result.lies.append(row)
    if row.crc32c != crc32c_of_ramp(row.start, row.end, row.seed):
        result.wrong_sums.append(row)


def _is_there(row: Row, path: Path) -> bool:
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return False
    with file:
        file.seek(row.start)
        position = row.start
        while position < row.end:
            piece = file.read(min(_PIECE, row.end - position))
            if not piece or first_mismatch(piece, position, row.seed) is not None:
                return False
            position += len(piece)
    return True


def files_without_entry(cache: Path) -> set[str]:
    """While a server has the cache."""
    files: set[str] = set()
    for folder in os.listdir(cache / "objects"):
        # It goes with its last file.
        with contextlib.suppress(FileNotFoundError):
            files.update(os.listdir(cache / "objects" / folder))
    with contextlib.closing(sqlite3.connect(
            f"file:{cache}/index.sqlite?mode=ro", timeout=5, uri=True)) as index:
        return files - {name for (name,) in index.execute("SELECT file FROM cache_entries")}
