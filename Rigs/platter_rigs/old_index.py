"""An index as the version before this one has left it, and rows without number in it."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platter_rigs.crc32c import crc32c
from platter_rigs.stored import BOOT

#: What the second migration has added.
_UNDO = """
    DROP TRIGGER cache_entries_sealed;
    DROP TRIGGER cache_chunks_sealed;
    ALTER TABLE cache_entries DROP COLUMN seal;
    ALTER TABLE cache_entries DROP COLUMN stamp;
    ALTER TABLE cache_chunks DROP COLUMN seal;
    DELETE FROM grdb_migrations WHERE identifier <> '1';
"""
#: Bytes of a chunk of entries that are made up.
CHUNK = 65_536


def make_old(cache: Path) -> None:
    """Takes back what later versions have done to the index of a server that has ended."""
    with _opened(cache / "index.sqlite") as index:
        index.executescript(f"BEGIN; {_UNDO} COMMIT;")


def make_newer(cache: Path) -> None:
    """Makes the index look like that of a version to come."""
    with _opened(cache / "index.sqlite") as index:
        index.execute("INSERT INTO grdb_migrations VALUES ('of a version to come')")


def add_rows(cache: Path, prefix: str, count: int, per_entry: int, length: int) -> None:
    """Adds entries to an old index whose files have the right size, and nothing in them.

    - Parameters:
      - prefix: Of the keys; the number of the entry follows.
      - length: Bytes of each row. There is one in each chunk.
    """
    dice = random.Random(count)
    with _opened(cache / "index.sqlite") as index:
        index.execute("BEGIN")
        for number in range(count // per_entry):
            name = f"{dice.getrandbits(128):032x}-{dice.getrandbits(64):016x}"
            entry = index.execute(
                "INSERT INTO cache_entries (key, validator, complete_length, chunk_length, file, "
                "origin, fields, created_at, accessed_at) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?)",
                (f"{prefix}{number}", f'strong "{number}"', per_entry * CHUNK, CHUNK, name,
                 prefix, number, number)).lastrowid
            index.executemany(
                'INSERT INTO cache_chunks (entry, start, "end", crc32c, boot) '
                "VALUES (?, ?, ?, ?, ?)",
                ((entry, at * CHUNK, at * CHUNK + length, dice.getrandbits(32), BOOT)
                 for at in range(per_entry)))
            file = cache / "objects" / name[:2] / name
            file.parent.mkdir(exist_ok=True)
            with open(file, "wb") as data:
                data.truncate(per_entry * CHUNK)
        index.execute("COMMIT")


@dataclass
class Look:
    """What is in an index."""

    #: Of the last migration that was carried out; "0" before the first.
    version: str
    rows: int
    #: Rows whose seal is not theirs.
    unsealed: int


def look(cache: Path) -> Look:
    """Looks at a copy, so that looking changes nothing."""
    with tempfile.TemporaryDirectory(prefix="platter-index-") as folder:
        for path in cache.glob("index.sqlite*"):
            # Made anew for the copy.
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with _opened(Path(folder) / "index.sqlite") as index:
            versions = [name for (name,) in index.execute(
                "SELECT identifier FROM grdb_migrations ORDER BY identifier")]
            [(rows,)] = index.execute("SELECT count(*) FROM cache_chunks")
            columns = {row[1] for row in index.execute("PRAGMA table_info(cache_chunks)")}
            if ("seal" in columns) != ("2" in versions):
                raise AssertionError(f"the index of version {versions} has columns {columns}")
            unsealed = sum(not is_right for is_right in _seals(index)) if "2" in versions else 0
            return Look(versions[-1] if versions else "0", rows, unsealed)


def _seals(index: sqlite3.Connection) -> Iterator[bool]:
    """Of each row, whether it is sealed as it should be."""
    for *row, seal in index.execute('SELECT entry, start, "end", crc32c, seal FROM cache_chunks'):
        yield crc32c(struct.pack("<4q", *row)) == seal


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as index:
        yield index
