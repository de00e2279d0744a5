"""What somebody can do to a data file in an instant."""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable
from pathlib import Path

Strike = Callable[[Path, random.Random, int], None]

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
#: Bytes that are overwritten at once.
_ZEROS = 500_000


def empty(path: Path, dice: random.Random, end: int) -> None:
    os.truncate(path, 0)


def cut_short(path: Path, dice: random.Random, end: int) -> None:
    os.truncate(path, dice.randrange(1, end))


def punch(path: Path, dice: random.Random, end: int) -> None:
    """From a random place to the end of the file."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "r+b") as file:
        result = libc.fallocate(
            file.fileno(), _KEEP_SIZE | _PUNCH_HOLE, ctypes.c_int64(dice.randrange(end)),
            ctypes.c_int64(1 << 40))
    if result != 0:
        raise OSError(ctypes.get_errno(), "cannot punch a hole")


def overwrite(path: Path, dice: random.Random, end: int) -> None:
    with open(path, "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), bytes(min(_ZEROS, end)), dice.randrange(max(1, end - _ZEROS)))


def delete(path: Path, dice: random.Random, end: int) -> None:
    path.unlink()


def swap(path: Path, dice: random.Random, end: int) -> None:
    """Puts zeros in its place, as long as it is."""
    other = path.with_name("other")
    other.write_bytes(bytes(path.stat().st_size))
    other.rename(path)


#: Each has the file, dice, and the byte before which it is to begin; it is longer than that.
STRIKES: list[Strike] = [empty, cut_short, punch, overwrite, delete, swap]
