"""All scenarios, in the order of the table."""

from platter_bench.scenarios.base import Scenario
from platter_bench.scenarios.cold import ColdFull, ColdFullLimited, ColdSeek, Crowd, SeekingPlayer
from platter_bench.scenarios.eviction import Eviction
from platter_bench.scenarios.faults import Change, Flaky, Restart
from platter_bench.scenarios.many import Idle, SlowClients
from platter_bench.scenarios.rows import ManyRows
from platter_bench.scenarios.traces import Traces
from platter_bench.scenarios.warm import (
    FirstByte, LargeRangesFewClients, LargeRangesManyClients, MediumRanges, SmallRanges, WarmFull)

SCENARIOS: dict[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (
        WarmFull, LargeRangesFewClients, LargeRangesManyClients, MediumRanges, SmallRanges, FirstByte,
        ColdFull, ColdFullLimited, ColdSeek, SeekingPlayer, Crowd, Restart, Change, Flaky, SlowClients,
        Idle, Eviction, ManyRows, Traces)
}

__all__ = ["SCENARIOS", "Scenario"]
