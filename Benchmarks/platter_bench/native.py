"""The programs in C, compiled when the benchmark starts, and wrk: what loads, and how it is read."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SOURCES = Path(__file__).parent / "native"


class Failed(Exception):
    """A load did not go as it must; the figures would mean nothing."""


@dataclass(frozen=True)
class Answer:
    """One request of the client. Seconds; `first` is None when no byte of a body came."""

    status: int
    bytes: int
    connected: float
    first: float | None
    end: float
    since_start: float


@dataclass(frozen=True)
class Rate:
    """What wrk says. Latencies are seconds."""

    requests: int
    bytes: int
    seconds: float
    p50: float
    p99: float


class Tools:
    """The compiled programs, in a folder."""

    def __init__(self, folder: Path):
        self._folder = folder
        for name in ("origin", "client"):
            subprocess.run(
                ["cc", "-O2", "-pthread", "-o", str(folder / name), str(_SOURCES / f"{name}.c")],
                check=True)

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def ask(
        self, url: str, length: int, size: int = 0, readers: int = 1, requests: int = 1,
        at_random: bool = False, seconds: float = 120,
    ) -> list[Answer]:
        """Each reader asks so often for `size` bytes, 0 for all, each time on a new connection."""
        parts = urlsplit(url)
        done = subprocess.run(
            [self.path("client"), str(parts.port), parts.path, str(length), str(size),
             str(readers), str(requests), str(int(at_random))],
            capture_output=True, text=True, timeout=seconds, check=True)
        return [_answer(line) for line in done.stdout.splitlines()]

    def ask_well(self, url: str, length: int, size: int = 0, **options) -> list[Answer]:
        """The same. Raises Failed unless every answer has the right status and all its bytes."""
        answers = self.ask(url, length, size, **options)
        for answer in answers:
            if (answer.status, answer.bytes) != ((206, size) if size else (200, length)):
                raise Failed(f"{answer} for {size or 'all'} of {url}")
        return answers

    def wrk(self, url: str, length: int, size: int, clients: int, seconds: float) -> Rate:
        """Random ranges on connections that stay open."""
        done = subprocess.run(
            ["wrk", "-t", str(min(2, clients)), "-c", str(clients), "-d", f"{max(1, seconds):.0f}s",
             "--timeout", "30s", "-s", str(_SOURCES / "ranges.lua"), url, "--", str(size),
             str(length)],
            capture_output=True, text=True, timeout=seconds + 60, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        rate = Rate(told["requests"], told["bytes"], told["duration"] / 1e6, told["p50"] / 1e6,
                    told["p99"] / 1e6)
        if told["errors"] or rate.requests == 0:
            raise Failed(f"wrk: {told}")
        # wrk counts bodies as they come, and no more than that: one more is under way on each connection.
        if not rate.requests * size <= rate.bytes <= (rate.requests + clients) * (size + 2000):
            raise Failed(f"{rate.bytes} bytes in {rate.requests} answers of {size}")
        return rate


def _answer(line: str) -> Answer:
    status, count, *times = line.split()
    connected, first, end, since_start = (int(time) / 1e6 for time in times)
    return Answer(int(status), int(count), connected, first or None, end, since_start)
