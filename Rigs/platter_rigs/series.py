"""Which operation is to fail next, when several runs try one after the other at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from platter_rigs.failing_calls import Plan

#: Runs without a fault after which all operations have been tried: how they fall together differs.
MISSES = 4


class Series:
    """One fault at every so many n, until runs come to their end without it.

    - Parameter last: The last n; without it, the series ends after some misses.
    """

    def __init__(
        self, fault: str, lasts: bool, first: int = 1, step: int = 1, last: int | None = None
    ):
        self.fault = fault
        self.lasts = lasts
        self.step = step
        #: The last n that was met.
        self.furthest = 0
        self._next = first
        self._last = last
        self._missed: set[int] = set()
        self._under_way = 0

    def __str__(self) -> str:
        return f"{self.fault}{' from' if self.lasts else ' at'} {self.furthest}"

    def take(self) -> Plan | None:
        """The next n, unless enough are tried already to tell whether there is one."""
        is_over = len(self._missed) >= MISSES if self._last is None else self._next > self._last
        if is_over or self._under_way == MISSES:
            return None
        plan = Plan(self.fault, self._next, self.lasts)
        self._next += self.step
        self._under_way += 1
        return plan

    def tell(self, when: int, is_met: bool) -> None:
        """What came of a run, in any order: only misses beyond the last n that was met count."""
        self._under_way -= 1
        if is_met:
            self.furthest = max(self.furthest, when)
            self._missed = {missed for missed in self._missed if missed > self.furthest}
        elif when > self.furthest:
            self._missed.add(when)


class Plans:
    """All plans of some series, for several that take them."""

    def __init__(self, series: Sequence[Series]):
        self._series = {(one.fault, one.lasts): one for one in series}
        self._lock = threading.Lock()

    def take(self) -> Plan | None:
        """The next that nobody has, or None at the end of all."""
        with self._lock:
            return next((plan for one in self._series.values() if (plan := one.take())), None)

    def tell(self, plan: Plan, is_met: bool) -> None:
        with self._lock:
            self._series[plan.fault, plan.lasts].tell(plan.when, is_met)
