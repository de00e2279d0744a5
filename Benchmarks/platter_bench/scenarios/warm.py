"""What is stored: a whole object, ranges of several sizes, the first byte on a new connection."""

from __future__ import annotations

import random
from collections.abc import Mapping

from platter_bench.figures import Metric, Value, percentile
from platter_bench.native import Failed
from platter_bench.scenarios.base import GB, GIB, KIB, MIB, Scenario
from platter_bench.stage import Cost, Film, Stage, film

_CPU_PER_GB = Metric("cpu", "CPU per GB", "s")
#: The share of bytes that may come from the origin in a warm round.
_MISSES = 0.001


class _Warm(Scenario):
    def films(self) -> list[Film]:
        return [film(self.size(GIB, 64 * MIB))]

    def prepare(self, stage: Stage) -> None:
        stage.fill(stage.films[0])

    def check(self, stage: Stage, cost: Cost, count: int) -> None:
        if not stage.is_direct and cost.origin_bytes > count * _MISSES:
            raise Failed(f"{cost.origin_bytes} of {count} bytes came from the origin")


class WarmFull(_Warm):
    name = "warm-full"
    title = "Warm: a whole object, one client"
    metrics = (Metric("rate", "throughput", "GB/s", True), _CPU_PER_GB)

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        with stage.cost() as cost:
            answers = stage.tools.ask_well(stage.url(one), one.length, requests=3)
        count = sum(answer.bytes for answer in answers)
        self.check(stage, cost, count)
        seconds = sum(answer.end for answer in answers)
        return {"rate": count / GB / seconds} | _per_gb(cost, count)


class _WarmRanges(_Warm):
    range_size = 0
    clients = 0

    def prepare(self, stage: Stage) -> None:
        super().prepare(stage)
        [one] = stage.films
        dice = random.Random(self.range_size)
        for _ in range(20):
            start = dice.randrange(one.length // self.range_size) * self.range_size
            stage.read(one, start, start + self.range_size)

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        with stage.cost() as cost:
            rate = stage.tools.wrk(
                stage.url(one), one.length, self.range_size, self.clients, self.size(5, 1))
        self.check(stage, cost, rate.bytes)
        values: dict[str, Value] = {
            "rate": rate.bytes / GB / rate.seconds, "requests": rate.requests / rate.seconds,
            "p50": rate.p50 * 1000, "p99": rate.p99 * 1000, **_per_gb(cost, rate.bytes)}
        if cost.cpu is not None:
            values["cpu_request"] = cost.cpu / rate.requests * 1e6
        return values


class _LargeRanges(_WarmRanges):
    range_size = 10 * MIB
    metrics = (
        Metric("rate", "throughput", "GB/s", True), Metric("p50", "p50", "ms"),
        Metric("p99", "p99", "ms"), _CPU_PER_GB)


class LargeRangesFewClients(_LargeRanges):
    name = "warm-10m-8"
    title = "Warm: ranges of 10 MiB, 8 clients"
    clients = 8


class LargeRangesManyClients(_LargeRanges):
    name = "warm-10m-64"
    title = "Warm: ranges of 10 MiB, 64 clients"
    clients = 64


class _SmallRanges(_WarmRanges):
    clients = 64
    metrics = (
        Metric("requests", "requests", "/s", True), Metric("p50", "p50", "ms"),
        Metric("p99", "p99", "ms"), Metric("cpu_request", "CPU per request", "us"))


class MediumRanges(_SmallRanges):
    name = "warm-64k"
    title = "Warm: ranges of 64 KiB, 64 connections"
    range_size = 64 * KIB


class SmallRanges(_SmallRanges):
    name = "warm-4k"
    title = "Warm: ranges of 4 KiB, 64 connections"
    range_size = 4 * KIB


class FirstByte(_Warm):
    name = "first-byte"
    title = "Warm: first byte of a range of 64 KiB on a new connection"
    note = "From before the connect until the first byte of the body; one request after the other."
    metrics = (Metric("p50", "p50", "us"), Metric("p99", "p99", "us"))

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        with stage.cost() as cost:
            answers = stage.tools.ask_well(
                stage.url(one), one.length, 64 * KIB, requests=self.size(2000, 100), at_random=True)
        self.check(stage, cost, sum(answer.bytes for answer in answers))
        firsts = [answer.first * 1e6 for answer in answers if answer.first is not None]
        return {"p50": percentile(firsts, 0.5), "p99": percentile(firsts, 0.99)}


def _per_gb(cost: Cost, count: int) -> dict[str, Value]:
    return {} if cost.cpu is None else {"cpu": cost.cpu / count * GB}
