"""ffmpeg as a player whose every frame can be compared."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from platter_rigs.media import DURATION

#: Seconds decoded after a seek.
_PLAYED = 2


@dataclass(frozen=True)
class Part:
    """A piece of a film: from a second on, for so many seconds."""

    name: str
    start: float
    seconds: float


#: What a person does with a film.
PARTS = [
    Part("start", 0, _PLAYED),
    Part("70 %", 0.7 * DURATION, _PLAYED),
    Part("20 %", 0.2 * DURATION, _PLAYED),
    Part("end", DURATION - 2 * _PLAYED, DURATION),
]


def decoded(source: str, part: Part) -> list[str]:
    """Time and MD5 of every decoded frame of a part of a URL or a file."""
    return _hashes(source, ["-ss", str(part.start)], ["-t", str(part.seconds)])


def copied(source: str) -> list[str]:
    """Time and MD5 of every packet, as `ffmpeg -c copy` receives them."""
    return _hashes(source, [], ["-c", "copy"])


def _hashes(source: str, before: list[str], after: list[str]) -> list[str]:
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", *before, "-i", source, *after]
        + ["-map", "0", "-f", "framemd5", "-"],
        capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"ffmpeg on {source}: exit code {done.returncode}\n{done.stderr}")
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


def difference(expected: list[str], seen: list[str]) -> str | None:
    """The first line that differs, or None."""
    for number, (left, right) in enumerate(zip(expected, seen)):
        if left != right:
            return f"line {number}: {left!r} expected, not {right!r}"
    if len(expected) != len(seen):
        return f"{len(expected)} lines expected, not {len(seen)}"
    return None
