"""What is measured, in which unit, and what several rounds of it say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: A value of one round; None is an answer that never came.
Value = float | None
#: The rounds of each target.
Rounds = Mapping[str, Sequence[Mapping[str, Value]]]


@dataclass(frozen=True)
class Metric:
    """One column. Values are in its unit."""

    name: str
    title: str
    unit: str
    is_higher_better: bool = False


@dataclass(frozen=True)
class Spread:
    """Of all rounds. None is never."""

    median: Value
    least: Value
    most: Value


def spread(metric: Metric, rounds: Sequence[Mapping[str, Value]]) -> Spread | None:
    """None when no round has it. What never came is worse than all that came."""
    never = -math.inf if metric.is_higher_better else math.inf
    values = [
        never if one[metric.name] is None else one[metric.name] for one in rounds
        if metric.name in one]
    if not values:
        return None
    found = (statistics.median(values), min(values), max(values))
    return Spread(*(None if math.isinf(value) or math.isnan(value) else value for value in found))


def median(metric: Metric, rounds: Rounds, target: str) -> Value:
    found = spread(metric, rounds.get(target, ()))
    return found.median if found else None


def best(metric: Metric, rounds: Rounds, targets: Sequence[str]) -> str | None:
    """The target with the best median; None when none has any."""
    medians = {target: median(metric, rounds, target) for target in targets}
    known = {target: value for target, value in medians.items() if value is not None}
    if not known:
        return None
    return (max if metric.is_higher_better else min)(known, key=known.__getitem__)


def ratio(value: Value, other: Value) -> Value:
    """None when there is none."""
    return value / other if value is not None and other else None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def number(value: Value) -> str:
    """Three digits that count, thousands parted."""
    if value is None:
        return "never"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
