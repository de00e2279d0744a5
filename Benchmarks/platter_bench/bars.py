"""What Platter must reach, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from platter_bench.figures import Metric, Rounds, Value, best, median, ratio
from platter_bench.scenarios import SCENARIOS

OWN = "platter"
NGINX = ("nginx-1m", "nginx-10m")
DIRECT = ("direct",)
#: The bar is the value itself.
ITSELF = ()


@dataclass(frozen=True)
class Bar:
    """A limit for one metric: of its value, or of its ratio to the best of some targets."""

    scenario: str
    metric: str
    limit: float
    against: tuple[str, ...] = ITSELF

    @property
    def measured_as(self) -> Metric:
        return next(one for one in SCENARIOS[self.scenario].metrics if one.name == self.metric)


@dataclass(frozen=True)
class Verdict:
    """`is_met` is None when nothing was measured that could tell."""

    bar: Bar
    value: Value
    other: str | None
    is_met: bool | None


BARS = (
    Bar("warm-full", "rate", 1.0, ("nginx-10m",)),
    Bar("warm-full", "cpu", 1.0, ("nginx-10m",)),
    Bar("warm-10m-64", "rate", 1.0, NGINX),
    Bar("warm-10m-64", "p99", 1.0, NGINX),
    Bar("warm-64k", "requests", 1.0, NGINX),
    Bar("warm-64k", "p99", 1.0, NGINX),
    Bar("warm-4k", "requests", 0.9, NGINX),
    Bar("first-byte", "p50", 1.0, NGINX),
    Bar("cold-full", "rate", 0.40, DIRECT),
    Bar("cold-full", "cpu", 0.60),
    Bar("cold-full-1g", "rate", 0.97, DIRECT),
    Bar("cold-seek", "first_byte", 1.05, DIRECT),
    Bar("cold-seek", "again", 0.0),
    Bar("seeking-player", "p95", 1.2, DIRECT),
    Bar("seeking-player", "waste", 1.5),
    Bar("crowd", "last", 1.2, DIRECT),
    Bar("crowd", "origin", 1.0),
    Bar("flaky", "got", 100.0),
    Bar("flaky", "origin", 1.03),
    Bar("idle", "each", 12.0),
    Bar("slow-clients", "memory", 100.0),
    Bar("many-rows", "lookup_p99", 50.0),
    Bar("many-rows", "ready", 1.0),
    # Memory is bounded when the index does not show in it: rows are asked for, not kept.
    Bar("many-rows", "memory", 100.0),
)


def judge(bar: Bar, rounds: Rounds, has_failed: bool) -> Verdict:
    """Of the rounds of its scenario.

    - Parameter has_failed: Whether Platter has not got through all of them. Those that it did get through are
      no proof then.
    """
    metric = bar.measured_as
    if has_failed:
        return Verdict(bar, None, None, False)
    if not any(metric.name in one for one in rounds.get(OWN, ())):
        return Verdict(bar, None, None, None)
    value, other = median(metric, rounds, OWN), None
    if bar.against:
        other = best(metric, rounds, bar.against)
        if other is None:
            return Verdict(bar, None, None, None)
        value = ratio(value, median(metric, rounds, other))
    if value is None:
        return Verdict(bar, None, other, False)
    # Two digits are told, and two digits count.
    shown = round(value, 2)
    return Verdict(
        bar, value, other, shown >= bar.limit if metric.is_higher_better else shown <= bar.limit)
