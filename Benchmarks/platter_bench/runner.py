"""Runs scenarios: a pass that compares every byte, then rounds in which the targets take turns."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platter_bench.figures import Value
from platter_bench.native import Failed, Tools
from platter_bench.scenarios import Scenario
from platter_bench.stage import Stage


@dataclass
class Result:
    """Of one scenario: the rounds of each target, and why a target has none, or not all."""

    rounds: dict[str, list[Mapping[str, Value]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0


class Runner:
    """`folder` is for everything that comes and goes; it is on the disk that is measured."""

    def __init__(self, tools: Tools, folder: Path):
        self._tools = tools
        self._folder = folder
        self._stages = 0

    def run(self, scenario: Scenario, targets: list[str], rounds: int) -> Result:
        begun, result = time.monotonic(), Result()
        names = [
            name for name in targets if scenario.targets is None or name in scenario.targets]
        result.rounds = {name: [] for name in names}
        (self._cold if scenario.is_cold else self._warm)(scenario, names, rounds, result)
        result.seconds = time.monotonic() - begun
        return result

    def _warm(self, scenario: Scenario, names: list[str], rounds: int, result: Result) -> None:
        with contextlib.ExitStack() as ends:
            stages: dict[str, Stage] = {}
            for name in names:
                with self._step(scenario, name, "preparation", result):
                    stage = self._open(scenario, name)
                    ends.callback(stage.close)
                    scenario.prepare(stage)
                    stages[name] = stage
            for number, name in turns(names, rounds):
                if name in stages and is_worth_it(scenario, name, result):
                    with self._step(scenario, name, f"round {number + 1}", result):
                        self._keep(scenario, stages[name], result)

    def _cold(self, scenario: Scenario, names: list[str], rounds: int, result: Result) -> None:
        # Some compare every byte as they measure, and need no pass of their own.
        is_prepared = type(scenario).prepare is not Scenario.prepare
        for name in names if is_prepared else ():
            with self._step(scenario, name, "preparation", result), \
                    self._opened(scenario, name) as stage:
                scenario.prepare(stage)
        for number, name in turns(names, rounds):
            if is_worth_it(scenario, name, result):
                with self._step(scenario, name, f"round {number + 1}", result), \
                        self._opened(scenario, name) as stage:
                    self._keep(scenario, stage, result)

    def _keep(self, scenario: Scenario, stage: Stage, result: Result) -> None:
        values = scenario.measure(stage)
        result.rounds[stage.name].append(values)
        told = ", ".join(
            f"{metric.title} {_told(values[metric.name])} {metric.unit}".strip()
            for metric in scenario.metrics if metric.name in values)
        print(f"  {stage.name:14} {told or 'nothing to measure'}", flush=True)

    def _open(self, scenario: Scenario, name: str) -> Stage:
        self._stages += 1
        return Stage(
            self._tools, name, scenario.films(), scenario.options(),
            self._folder / f"{self._stages}-{name}")

    @contextlib.contextmanager
    def _opened(self, scenario: Scenario, name: str) -> Iterator[Stage]:
        with contextlib.closing(self._open(scenario, name)) as stage:
            yield stage

    @contextlib.contextmanager
    def _step(
        self, scenario: Scenario, name: str, what: str, result: Result
    ) -> Iterator[None]:
        """What goes wrong is told, and ends the part of this target, not the run."""
        def expired(number: int, frame: object) -> None:
            raise Failed(f"it took more than {scenario.limit} s")

        old = signal.signal(signal.SIGALRM, expired)
        signal.alarm(scenario.limit)
        try:
            yield
        except Exception as trouble:
            result.failures[name] = f"{what}: {type(trouble).__name__}: {trouble}"
            print(f"  {name:14} FAILED, {result.failures[name]}", flush=True)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, old)


def is_worth_it(scenario: Scenario, name: str, result: Result) -> bool:
    """Whether another round can tell more: not after a failure, nor after an answer that never came."""
    main = scenario.metrics[0].name
    return name not in result.failures and all(
        one.get(main, 0) is not None for one in result.rounds[name])


def turns(names: list[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Each round begins with another target, so that none is always the first."""
    for number in range(rounds):
        at = number % max(1, len(names))
        for name in names[at:] + names[:at]:
            yield number, name


def _told(value: Value) -> str:
    return "never" if value is None else f"{value:.4g}"
