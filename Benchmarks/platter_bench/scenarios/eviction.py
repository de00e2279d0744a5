"""More objects than there is room for, some asked for much more often than others."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from platter_bench.figures import Metric, Value
from platter_bench.scenarios.base import GB, MIB, Scenario
from platter_bench.stage import Film, Stage, film
from platter_bench.targets import Options
from platter_rigs.raw_http import range_of

_SKEW = 0.9
_CLIENTS = 4


class Eviction(Scenario):
    name = "eviction"
    title = "A cache with room for a quarter, under a Zipf load"
    note = (
        f"Whole objects of 8 MiB, 4 clients; the n-th most wanted is asked for 1/n^{_SKEW} as often as the "
        "first. *On disk* is the most that the folder held, of what it may hold.")
    is_cold = True
    metrics = (
        Metric("hits", "bytes not from the origin", "%", True), Metric("rate", "throughput", "GB/s", True),
        Metric("disk", "on disk", "x"))

    def films(self) -> list[Film]:
        return [film(8 * MIB, seed) for seed in range(1, self.size(200, 40) + 1)]

    def options(self) -> Options:
        return Options(size=sum(one.length for one in self.films()) // 4)

    def prepare(self, stage: Stage) -> None:
        """A part of the load, long enough that what was evicted is asked for again."""
        for one in self.wanted(stage)[:self.size(150, 20)]:
            stage.read(one)

    def wanted(self, stage: Stage) -> list[Film]:
        """The same for each target and round."""
        films = list(stage.films)
        dice = random.Random(5)
        dice.shuffle(films)
        weights = itertools.accumulate(1 / rank ** _SKEW for rank in range(1, len(films) + 1))
        return dice.choices(films, cum_weights=list(weights), k=self.size(1200, 100))

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        wanted = self.wanted(stage)
        disk, is_over = [0], threading.Event()

        def look() -> None:
            while not is_over.wait(0.5):
                disk.append(_on_disk(stage))

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        with stage.cost() as cost, ThreadPoolExecutor(_CLIENTS) as pool:
            begun = time.monotonic()
            count = sum(pool.map(lambda one: _throw_away(stage, one), wanted))
            seconds = time.monotonic() - begun
        is_over.set()
        watcher.join()
        values: dict[str, Value] = {
            "hits": (1 - cost.origin_bytes / count) * 100, "rate": count / GB / seconds}
        if not stage.is_direct:
            values["disk"] = max(*disk, _on_disk(stage)) / self.options().size
        return values


def _throw_away(stage: Stage, one: Film) -> int:
    """Reads all of it."""
    with stage.connect() as connection:
        response = connection.request(one.path, range_of(0))
        left = response.length - len(connection.unread)
        buffer = bytearray(MIB)
        while left > 0:
            got = connection.socket.recv_into(buffer, min(left, MIB))
            if got == 0:
                raise AssertionError(f"{left} of {response.length} bytes are missing")
            left -= got
        return response.length


def _on_disk(stage: Stage) -> int:
    """Bytes that the files below the target's folder occupy."""
    total = 0
    for path in (stage.folder / "target").rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total
