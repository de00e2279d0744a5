"""What a run says: JSON with all rounds, and a page with tables."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path

from platter_bench import chart
from platter_bench.bars import BARS, OWN, Verdict, judge
from platter_bench.figures import Metric, Value, best, median, number, ratio, spread
from platter_bench.scenarios import SCENARIOS
from platter_bench.targets import TARGETS

_PEERS = [name for name, target in TARGETS.items() if target.is_peer]
_INTRODUCTION = """\
# Benchmarks

Made by `make bench`, which starts an origin, Platter and its peers on one machine, all on the same disk, and
has the targets take turns. *direct* is the origin without a cache. Figures are medians of the rounds, with
the least and the most in brackets; compare ratios, not figures of two machines. Before the rounds of a
scenario every byte of an answer of each target is compared with the object. Clients, target and origin share
the cores. Each peer is set up as its documentation has it for large files: one thread or worker for each core
where it can, connections to the origin kept, no access log, room for all that is asked for; all of it is in
`Benchmarks/platter_bench/targets/`.
"""


def write(run: dict, folder: Path) -> None:
    """Replaces what an earlier run has left there: figures of two runs do not belong in one table."""
    for drawing in folder.glob("*.svg"):
        drawing.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(run, indent=1) + "\n")
    (folder / "README.md").write_text(page(run))
    for name, scenario in run["scenarios"].items():
        drawing = chart.draw(SCENARIOS[name].title, SCENARIOS[name].metrics[0], scenario["rounds"])
        if drawing is not None:
            (folder / f"{name}.svg").write_text(drawing)


def page(run: dict) -> str:
    parts = [_INTRODUCTION, _machine(run), _bars(run["scenarios"])]
    parts += [_scenario(name, one) for name, one in run["scenarios"].items()]
    return "\n".join(parts)


def _machine(run: dict) -> str:
    machine = run["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Linux {machine['kernel']}, caches on {machine['disk']}. {run['rounds']} rounds, begun "
        f"{run['begun']}, load before it {run['load_before']:.1f}.", ""]
    if run["is_quick"]:
        lines += ["**A quick run: it shows that all works, its figures mean nothing.**", ""]
    lines += ["| target | version | |", "|---|---|---|"]
    lines += [
        f"| {name} | {version} | {' '.join((inspect.getdoc(TARGETS[name]) or '').split())} |"
        for name, version in run["versions"].items()]
    return "\n".join(lines) + "\n"


def _bars(scenarios: Mapping[str, dict]) -> str:
    lines = ["## What Platter must reach", "", "| scenario | figure | bar | measured | |",
             "|---|---|---|---|---|"]
    for bar in BARS:
        if bar.scenario in scenarios:
            one = scenarios[bar.scenario]
            lines.append(_verdict(judge(bar, one["rounds"], OWN in one["failures"])))
    return "\n".join(lines) + "\n"


def _verdict(verdict: Verdict) -> str:
    bar, metric = verdict.bar, verdict.bar.measured_as
    least = "at least" if metric.is_higher_better else "at most"
    if bar.against:
        goal = f"{least} {bar.limit:g} x {verdict.other or ' or '.join(bar.against)}"
        measured = "" if verdict.value is None else f"{verdict.value:.2f} x"
    else:
        goal = f"{least} {bar.limit:g} {metric.unit}".rstrip()
        measured = "" if verdict.value is None else f"{number(verdict.value)} {metric.unit}".rstrip()
    word = {True: "met", False: "**not met**", None: "not measured"}[verdict.is_met]
    return f"| {SCENARIOS[bar.scenario].title} | {metric.title} | {goal} | {measured} | {word} |"


def _scenario(name: str, one: dict) -> str:
    scenario = SCENARIOS[name]
    metrics, rounds = scenario.metrics, one["rounds"]
    peer = best(metrics[0], rounds, [target for target in _PEERS if target in rounds])
    # A scenario that only Platter can play has nobody to compare with.
    ratios = ["to direct", "to best peer"] if len(rounds) > 1 else []
    lines = [f"## {scenario.title}", ""]
    if scenario.note:
        lines += [scenario.note, ""]
    lines += [f"![{scenario.title}]({name}.svg)", ""]
    heads = ["target", _head(metrics[0]), *ratios, *(_head(metric) for metric in metrics[1:])]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for target in rounds:
        if not any(rounds[target]):
            continue
        value = median(metrics[0], rounds, target)
        compared = [
            _times(ratio(value, median(metrics[0], rounds, "direct"))),
            _times(ratio(value, median(metrics[0], rounds, peer)) if peer else None)]
        cells = [
            f"**{target}**" if target == OWN else target, _cell(metrics[0], rounds[target]),
            *compared[:len(ratios)], *(_cell(metric, rounds[target]) for metric in metrics[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    if one["failures"]:
        lines.append("")
        lines += [f"- {target} failed in {_short(why)}" for target, why in one["failures"].items()]
    return "\n".join(lines) + "\n"


def _head(metric: Metric) -> str:
    return f"{metric.title}, {metric.unit}" if metric.unit else metric.title


def _cell(metric: Metric, rounds: list[Mapping[str, Value]]) -> str:
    found = spread(metric, rounds)
    if found is None:
        return ""
    if found.least == found.most:
        return number(found.median)
    return f"{number(found.median)} ({number(found.least)} to {number(found.most)})"


def _times(value: Value) -> str:
    return "" if value is None else f"{value:.2f} x"


def _short(text: str) -> str:
    """Of a failure: its first line, without paths."""
    return " ".join(text.splitlines()[0].split())[:200] if text else "?"
