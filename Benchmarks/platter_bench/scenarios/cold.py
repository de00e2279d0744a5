"""What is not stored: a whole object, many clients of one, a seek, a player that seeks."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from platter_bench.figures import Metric, Value, percentile
from platter_bench.scenarios.base import GB, GIB, MB, MIB, Scenario
from platter_bench.stage import Film, Stage, film
from platter_rigs.raw_http import range_of

#: Seconds after which a player would have given up.
PATIENCE = 10
#: The origin of the slow scenarios: bytes a second in all, milliseconds before each answer.
SLOW = {"link": 5_000_000, "latency": 50}

#: A film so long that who fetches it from its beginning is not there in time.
_LONG = 4 * GIB


class ColdFull(Scenario):
    name = "cold-full"
    title = "Cold: a whole object, one client, unlimited origin"
    is_cold = True
    metrics = (
        Metric("rate", "throughput", "GB/s", True), Metric("cpu", "CPU per GB", "s"),
        Metric("origin", "origin bytes per byte", "x"))

    def films(self) -> list[Film]:
        return [film(self.size(GIB, 64 * MIB))]

    def prepare(self, stage: Stage) -> None:
        self.pace(stage)
        stage.read(stage.films[0])

    def pace(self, stage: Stage) -> None:
        """The pace of the origin."""

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        self.pace(stage)
        with stage.cost() as cost:
            [answer] = stage.tools.ask_well(stage.url(one), one.length)
        values = {"rate": one.length / GB / answer.end, "origin": cost.origin_bytes / one.length}
        return values if cost.cpu is None else values | {"cpu": cost.cpu / one.length * GB}


class ColdFullLimited(ColdFull):
    name = "cold-full-1g"
    title = "Cold: a whole object, one client, origin at 1 Gbit/s"

    def films(self) -> list[Film]:
        return [film(self.size(256 * MIB, 32 * MIB))]

    def pace(self, stage: Stage) -> None:
        stage.origin.set(link=125_000_000)


class Crowd(Scenario):
    name = "crowd"
    title = "Cold: 50 clients of one object at once"
    is_cold = True
    metrics = (
        Metric("last", "last client", "s"), Metric("first_byte", "first byte p95", "ms"),
        Metric("origin", "origin bytes per byte", "x"))

    def films(self) -> list[Film]:
        return [film(self.size(128 * MIB, 16 * MIB))]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        with stage.cost() as cost:
            answers = stage.tools.ask_well(stage.url(one), one.length, readers=50)
        stage.origin.wait_until_quiet()
        firsts = [answer.first * 1000 for answer in answers if answer.first is not None]
        return {
            "last": max(answer.since_start for answer in answers),
            "first_byte": percentile(firsts, 0.95), "origin": cost.origin_bytes / one.length}

    def prepare(self, stage: Stage) -> None:
        stage.read(stage.films[0])


class ColdSeek(Scenario):
    name = "cold-seek"
    title = "Cold: seeks into the middle of a chunk, 50 ms, 5 MB/s"
    note = (
        "The object is known; each seek comes when the line is quiet, on a new connection. Every byte is "
        "compared. *Again* is what the origin sends when the same MiB is asked for once more.")
    is_cold = True
    metrics = (
        Metric("first_byte", "first byte", "ms"), Metric("first_mib", "first MiB", "ms"),
        Metric("again", "again", "MB"))

    def films(self) -> list[Film]:
        return [film(_LONG)]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        stage.origin.set(**SLOW)
        if _look(stage, one, 0) is None:
            return {"first_byte": None, "first_mib": None, "again": None}
        seeks, again = [], 0.0
        for number in range(1, self.size(4, 2) + 1):
            position = number * 700 * MIB + 5 * MIB + 4321 * number
            stage.origin.wait_until_quiet(10)
            times = _look(stage, one, position)
            if times is None:
                return {"first_byte": None, "first_mib": None, "again": None}
            seeks.append(times)
            stage.origin.wait_until_quiet(10)
            with stage.cost() as cost:
                _look(stage, one, position)
            again += cost.origin_bytes / MB
        return {
            "first_byte": percentile([first for first, _ in seeks], 0.5) * 1000,
            "first_mib": percentile([mib for _, mib in seeks], 0.5) * 1000, "again": again}


class SeekingPlayer(Scenario):
    name = "seeking-player"
    title = "Cold: a player that seeks, 50 ms, 5 MB/s"
    note = (
        "Each seek is a new connection that asks to the end, reads a MiB and hangs up; the next comes 0.1 s "
        "later. Two answers that take longer than 10 s count as never. Every byte is compared.")
    is_cold = True
    metrics = (
        Metric("p95", "first byte p95", "ms"), Metric("p50", "p50", "ms"),
        Metric("waste", "origin bytes per byte", "x"), Metric("missed", "without an answer", ""))

    def films(self) -> list[Film]:
        return [film(_LONG)]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        stage.origin.set(**SLOW)
        dice = random.Random(11)
        times, read, missed = [], 0, 0
        with stage.cost() as cost:
            for _ in range(self.size(16, 5)):
                found = _look(stage, one, dice.randrange(one.length - 2 * MIB))
                times.append(PATIENCE if found is None else found[0])
                missed += found is None
                read += 0 if found is None else MIB
                if missed == 2:
                    break
                time.sleep(0.1)
            stage.origin.wait_until_quiet(3)
        return {
            "p95": None if missed == 2 else percentile(times, 0.95) * 1000,
            "p50": percentile(times, 0.5) * 1000,
            "waste": cost.origin_bytes / read if read else None, "missed": missed}


def _look(stage: Stage, one: Film, position: int) -> tuple[float, float] | None:
    """Seconds until the first byte and the first MiB, from before the connect. Then it hangs up."""
    begun = time.monotonic()
    try:
        with stage.connect(PATIENCE) as connection:
            response = connection.request(one.path, range_of(position))
            if response.status != 206 or response.start != position:
                raise AssertionError(f"206 from {position} expected, not {response.status}")
            while response.read < MIB:
                if response.check(MIB - response.read, one.seed) == 0:
                    raise AssertionError(f"closed after {response.read} bytes")
            return response.first_byte_at - begun, time.monotonic() - begun
    except TimeoutError:
        return None
