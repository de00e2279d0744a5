"""Sets of byte ranges, as lists of pairs: the first byte, and the one after the last."""

from __future__ import annotations

Extent = tuple[int, int]


def merged(extents: list[Extent]) -> list[Extent]:
    """The same bytes in order, as few pairs as can be."""
    result: list[Extent] = []
    for start, end in sorted(extents):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def length_of(extents: list[Extent]) -> int:
    """The sum; a byte that is in two of them counts twice."""
    return sum(end - start for start, end in extents)


def overlap(some: list[Extent], others: list[Extent]) -> int:
    """How many bytes are in both sets."""
    left, right = merged(some), merged(others)
    return length_of(left) + length_of(right) - length_of(merged(left + right))
