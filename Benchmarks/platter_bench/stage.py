"""One target before an origin of its own, with an empty folder: what a scenario plays on."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platter_bench.native import Failed, Tools
from platter_bench.origin import Origin
from platter_bench.targets import TARGETS, Options, Target
from platter_bench.targets.base import Memory
from platter_rigs.raw_http import Connection, Ending, range_of

#: Reads after the first in which all must have been stored.
_FILLS = 4


@dataclass(frozen=True)
class Film:
    """An object of the origin."""

    path: str
    length: int
    seed: int


def film(length: int, seed: int = 1) -> Film:
    return Film(f"/media/film-{seed}.bin", length, seed)


@dataclass
class Cost:
    """What was spent while something was measured; known when it is over."""

    cpu: float | None = None
    origin_bytes: int = 0
    seconds: float = 0


@dataclass
class Peak:
    """The most memory that was seen."""

    memory: Memory


class Stage:
    """Programs end and the folder goes with `close`."""

    def __init__(self, tools: Tools, name: str, films: list[Film], options: Options, folder: Path):
        self.tools = tools
        self.name = name
        self.films = films
        self.folder = folder
        folder.mkdir()
        # Some programs give up root and must still get through.
        os.chmod(folder, 0o711)
        self.target: Target = TARGETS[name](options)
        self.origin = Origin(tools.path("origin"), folder)
        try:
            for one in films:
                self.origin.serve(one.path, one.length, one.seed)
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def is_direct(self) -> bool:
        return self.name == "direct"

    def start(self) -> None:
        """Again, after `stop`: a restart."""
        self.target.start(self.origin.url, self.folder / "target")

    def stop(self) -> None:
        self.target.stop()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.target.stop()
        self.origin.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, one: Film) -> str:
        return self.target.url(one.path)

    def connect(self, timeout: float = 30, receive_buffer: int | None = None) -> Connection:
        return Connection(self.target.base, timeout, receive_buffer)

    def read(self, one: Film, start: int = 0, end: int | None = None) -> int:
        """Reads a range and compares every byte. Raises Failed when it does not come whole."""
        with self.connect() as connection:
            response = connection.request(one.path, range_of(start, end))
            if response.status != 206 or response.start != start:
                raise Failed(f"206 from {start} expected, not {response.status} {response.fields}")
            count = response.check(seed=one.seed)
            if response.ending is not Ending.COMPLETE:
                raise Failed(f"{count} of {response.length} bytes, then {response.ending}")
            return count

    def fill(self, one: Film) -> None:
        """Reads all of it until a read costs the origin nothing. Raises Failed when none does.

        Some caches do not keep all of what passes through them the first time.
        """
        self.read(one)
        for _ in range(_FILLS):
            self.origin.wait_until_quiet()
            with self.cost() as cost:
                self.read(one)
            if self.is_direct or cost.origin_bytes == 0:
                return
        raise Failed(f"{cost.origin_bytes} bytes from the origin for what should be stored")

    @contextlib.contextmanager
    def cost(self) -> Iterator[Cost]:
        """CPU of the target (None of no target), bytes of the origin, time."""
        cost = Cost()
        sent, cpu, begun = self.origin.body_bytes(), self.target.cpu_seconds(), time.monotonic()
        yield cost
        cost.seconds = time.monotonic() - begun
        cost.cpu = None if self.is_direct else self.target.cpu_seconds() - cpu
        cost.origin_bytes = self.origin.body_bytes() - sent

    @contextlib.contextmanager
    def peak(self) -> Iterator[Peak]:
        """Looks four times a second."""
        peak, is_over = Peak(self.target.memory()), threading.Event()

        def look() -> None:
            while not is_over.wait(0.25):
                now = self.target.memory()
                peak.memory = Memory(
                    max(peak.memory.proportional, now.proportional),
                    max(peak.memory.kept, now.kept))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield peak
        finally:
            is_over.set()
            thread.join()
