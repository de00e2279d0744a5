"""CRC32C of the ramps, as the index keeps it. From algebra: a row of any length costs little."""

from __future__ import annotations

from functools import lru_cache

from platter_rigs.ramp import PERIOD, ramp

#: The polynomial of RFC 3720, with its bits reversed.
_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of a few bytes, one after the other."""
    crc = _ONES
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ _ONES


def _product(left: int, right: int) -> int:
    """Two polynomials multiplied modulo the polynomial; the highest bit is x to the power of 0."""
    result = 0
    bit = 1 << 31
    while left:
        if left & bit:
            result ^= right
            left ^= bit
        bit >>= 1
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return result


@lru_cache(maxsize=4096)
def _shift(length: int) -> int:
    """x to the power of 8 times `length`: what so many bytes behind it do to a checksum."""
    result, square = 1 << 31, 1 << 23
    while length:
        if length & 1:
            result = _product(result, square)
        square = _product(square, square)
        length >>= 1
    return result


def combined(first: int, second: int, length: int) -> int:
    """The checksum of two pieces end to end; `length` is that of the second."""
    return _product(_shift(length), first) ^ second


@lru_cache(maxsize=None)
def _of_periods(phase: int, doublings: int) -> int:
    """The checksum of 2 to the power of `doublings` whole periods."""
    if doublings == 0:
        return crc32c(ramp(phase, phase + PERIOD))
    half = _of_periods(phase, doublings - 1)
    return combined(half, half, PERIOD << (doublings - 1))


def crc32c_of_ramp(start: int, end: int, seed: int = 0) -> int:
    """The checksum of the bytes of a ramp from `start` up to `end`."""
    phase = ramp(start, start + 1, seed)[0]
    periods, rest = divmod(end - start, PERIOD)
    crc = 0
    for doublings in range(periods.bit_length()):
        if periods >> doublings & 1:
            crc = combined(crc, _of_periods(phase, doublings), PERIOD << doublings)
    return combined(crc, crc32c(ramp(phase, phase + rest)), rest)
