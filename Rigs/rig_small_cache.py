"""A cache that is smaller than what its readers have: it keeps near its size, and every byte is right."""

from __future__ import annotations

import contextlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.load import Film
from platter_rigs.raw_http import Connection, WrongBytes, range_of
from platter_rigs.sampler import Sampler

MB = 1_000_000
SIZE = 64 << 20
#: What is arriving while a round of eviction is under way.
SLACK = SIZE // 8
FILMS = [Film(300 * MB, seed) for seed in range(1, 7)]
#: Bytes a second that a reader takes.
RATES = [4 * MB, 6 * MB, 8 * MB, 12 * MB, 16 * MB, 20 * MB]
STEP = 1 << 20


def taken(folder: Path) -> int:
    """The room that the files of a cache take, as they come and go."""
    sum = 0
    for path in folder.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            sum += path.stat().st_blocks * 512
    return sum


class SmallCache(Rig):
    limit = 300

    def test_many_readers(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin, "--max-size", f"{SIZE}", "--no-background-fill")
        room = Sampler(lambda: taken(platter.cache / "objects"))
        end = time.monotonic() + (60 if is_long() else 12)
        with ThreadPoolExecutor(len(FILMS)) as pool:
            read = list(pool.map(
                self.read, itertools.repeat(platter.url), FILMS, RATES, itertools.repeat(end)))
        most = room.stop()
        sent = origin.body_bytes()
        figure(
            f"{most / MB:.1f} MB at most of {SIZE / MB:.1f} MB; {sum(read) / MB:.0f} MB taken, "
            f"{sent / MB:.0f} MB from the origin")
        self.assertGreater(sum(read), 2 * SIZE, "far more than the cache holds")
        self.assertLess(most, SIZE + SLACK)

    def read(self, url: str, film: Film, rate: int, end: float) -> int:
        """From the start on, at a rate, until it is over. How many bytes came."""
        with Connection(url) as connection:
            response = connection.request(film.path, range_of(0))
            begun = time.monotonic()
            while response.left > 0 and time.monotonic() < end:
                if response.check(STEP, film.seed) == 0:
                    raise WrongBytes(f"{film} ended after {response.read} bytes")
                ahead = response.read / rate - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(min(ahead, 1))
            return response.read
