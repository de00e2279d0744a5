"""What a scenario is."""

from __future__ import annotations

from collections.abc import Mapping

from platter_bench.figures import Metric, Value
from platter_bench.stage import Film, Stage
from platter_bench.targets import Options

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MB, GB = 10 ** 6, 10 ** 9


class Scenario:
    """One thing that is measured of each target."""

    name = ""
    title = ""
    #: What the figures mean, in a sentence or two.
    note = ""
    #: The first is the one of the chart and of the ratios.
    metrics: tuple[Metric, ...] = ()
    #: Only these; None is all.
    targets: tuple[str, ...] | None = None
    #: Whether each round has an origin, a target and an empty folder of its own. Otherwise all targets are
    #: up at once, filled and idle, while one is measured.
    is_cold = False
    #: More are not played; None is no limit.
    most_rounds: int | None = None
    #: Seconds for one step: the preparation of one target, or one round of it.
    limit = 180

    def __init__(self, is_quick: bool):
        self.is_quick = is_quick

    def missing(self) -> str | None:
        """Why it cannot run here."""
        return None

    def options(self) -> Options:
        return Options()

    def films(self) -> list[Film]:
        """What the origin has."""
        raise NotImplementedError

    def prepare(self, stage: Stage) -> None:
        """The pass in which every byte is compared, before all rounds; fills what must be warm."""

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        """One round."""
        raise NotImplementedError

    def size(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full
