"""Content whose every byte follows from its offset: the origin's ramps."""

from __future__ import annotations

PERIOD = 251
_SEED_STEP = 97
_PATTERN = bytes(range(PERIOD)) * 8192
#: The most that one comparison takes.
_LONGEST = len(_PATTERN) - PERIOD


def _phase(offset: int, seed: int) -> int:
    return (offset + seed % PERIOD * _SEED_STEP) % PERIOD


def ramp(start: int, end: int, seed: int = 0) -> bytes:
    """The bytes from `start` up to `end`."""
    pieces = []
    while start < end:
        length = min(end - start, _LONGEST)
        phase = _phase(start, seed)
        pieces.append(_PATTERN[phase:phase + length])
        start += length
    return b"".join(pieces)


def first_mismatch(data: bytes | bytearray | memoryview, offset: int, seed: int = 0) -> int | None:
    """The offset of the first byte that is wrong, or None when all are right.

    `offset` is where in the content the first of `data` belongs.
    """
    view = memoryview(data)
    for checked in range(0, len(view), _LONGEST):
        piece = view[checked:checked + _LONGEST]
        position = offset + checked
        if _PATTERN.startswith(piece, _phase(position, seed)):
            continue
        expected = ramp(position, position + len(piece), seed)
        wrong = next(i for i, (a, b) in enumerate(zip(piece, expected)) if a != b)
        return position + wrong
    return None


def wrong_bytes(data: bytes, offset: int, seed: int = 0, unit: int = 4096) -> int:
    """How many bytes lie in units of which a byte is wrong; `offset` begins a unit."""
    view = memoryview(data)
    if first_mismatch(view, offset, seed) is None:
        return 0
    pieces = [(at, view[at:at + unit]) for at in range(0, len(view), unit)]
    return sum(
        len(piece) for at, piece in pieces
        if first_mismatch(piece, offset + at, seed) is not None)
