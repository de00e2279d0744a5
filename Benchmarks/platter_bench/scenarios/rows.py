"""An index of millions of rows: how soon the server is there, what a lookup costs, what it needs."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from platter_bench.figures import Metric, Value, percentile
from platter_bench.scenarios.base import KIB, MIB, Scenario
from platter_bench.stage import Film, Stage, film
from platter_bench.targets.own import OurOwn
from platter_rigs.old_index import add_rows, make_old
from platter_rigs.processes import Program, binary
from platter_rigs.raw_http import range_of

_PER_ENTRY = 500
_CHUNKS = ("--chunk-size", "64K")
#: What the server asks of its index for each window that it serves; here a MiB, which is 16 rows. They are made
#: one, so that it is SQLite that is measured, not how rows become objects of Python.
_LOOKUP = """
    SELECT count(*), max(entry), max("end"), max(crc32c), max(boot) FROM (
        SELECT entry, start, "end", crc32c, boot FROM cache_chunks
        WHERE entry = ?1 AND start < ?3 AND start >= ifnull(
            (SELECT max(start) FROM cache_chunks WHERE entry = ?1 AND start <= ?2), ?2)
        ORDER BY start LIMIT 64)
"""


class ManyRows(Scenario):
    name = "many-rows"
    title = "An index of 5 million ranges"
    note = (
        "Platter alone. *Lookup* is the statement that the server asks, asked of the same database by the "
        "sqlite3 module of Python at random places, which adds a microsecond or two. *Small ranges* are "
        "4 KiB of a stored object, at 64 connections. *Ready* is from the start of the program to the first "
        "byte of what is stored.")
    targets = ("platter",)
    limit = 900
    metrics = (
        Metric("lookup_p99", "lookup p99", "us"), Metric("lookup_p50", "lookup p50", "us"),
        Metric("ready", "ready", "s"), Metric("requests", "small ranges", "/s", True),
        Metric("p99", "small ranges p99", "ms"), Metric("memory", "memory at most", "MB"))

    def films(self) -> list[Film]:
        return [film(32 * MIB)]

    def prepare(self, stage: Stage) -> None:
        """Rows without bytes, whose promises are small, beside an object that is really there."""
        [one] = stage.films
        target = stage.target
        if not isinstance(target, OurOwn):
            raise TypeError(f"{stage.name} has no such index")
        target.flags = _CHUNKS
        stage.stop()
        shutil.rmtree(self.cache(stage))
        stage.start()
        stage.fill(one)
        stage.stop()
        make_old(self.cache(stage))
        count = self.size(5_000_000, 50_000)
        add_rows(self.cache(stage), f"{stage.origin.url}/other/", count, _PER_ENTRY, 20)
        self.bring_up_to_date(stage)
        stage.start()

    def bring_up_to_date(self, stage: Stage) -> None:
        """What the first start does, which is not what is measured, and takes its time."""
        server = Program(
            [binary("platter"), "serve", "--origin", stage.origin.url, "--listen", "127.0.0.1:0",
             "--admin", "127.0.0.1:0", "--cache-dir", str(self.cache(stage)), *_CHUNKS],
            log=stage.folder / "first.log")
        server.line("^Platter listens on", seconds=self.limit)
        server.stop(60)

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        stage.stop()
        begun = time.monotonic()
        # The port may be another one after a start.
        stage.start()
        with stage.peak() as peak, stage.cost() as cost:
            with stage.connect() as connection:
                response = connection.request(one.path, range_of(MIB))
                response.check(MIB, one.seed)
                ready = response.first_byte_at - begun
            rate = stage.tools.wrk(
                stage.url(one), one.length, 4 * KIB, 64, self.size(5, 1))
        if cost.origin_bytes > 0:
            raise AssertionError(f"{cost.origin_bytes} bytes from the origin")
        times = self.lookups(stage)
        return {
            "lookup_p99": percentile(times, 0.99) * 1e6, "lookup_p50": percentile(times, 0.5) * 1e6,
            "ready": ready, "requests": rate.requests / rate.seconds, "p99": rate.p99 * 1000,
            "memory": peak.memory.kept / 1e6}

    def cache(self, stage: Stage) -> Path:
        return stage.folder / "target" / "cache"

    def lookups(self, stage: Stage) -> list[float]:
        """Seconds of each, while the server is up and idle."""
        dice = random.Random(3)
        path = self.cache(stage) / "index.sqlite"
        found = []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as index:
            [(least, most)] = index.execute("SELECT min(id), max(id) FROM cache_entries")
            for number in range(self.size(50_000, 5_000)):
                entry, start = dice.randint(least, most), dice.randrange(_PER_ENTRY) * 64 * KIB
                begun = time.perf_counter()
                index.execute(_LOOKUP, (entry, start, start + MIB)).fetchall()
                # The first ones read what no one has read yet.
                if number >= 1000:
                    found.append(time.perf_counter() - begun)
        return found
