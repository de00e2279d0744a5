"""The figures of the replayed sessions as a page of documentation."""

from __future__ import annotations

_INTRODUCTION = """\
# What players cost the origin

Sessions of real players, recorded request by request, were replayed against a cold cache: the same
ranges, read at the same pace, hung up on at the same byte. Every byte was compared. Made by
`Rigs/rig_traces.py` in the long form of the rigs; background fill was off, so that only requests
count.

*Read* is what the player took, *origin* what the origin sent for it. A ratio below 1 is a player
that asked for the same bytes again; one far above 1 is a session of a few small reads, where the
unit of a request is larger than what was wanted.
"""

_HEADING = (
    "| container | scenario | requests | read MB | origin MB | ratio |\n"
    "|---|---|---:|---:|---:|---:|\n")


def table(costs: list) -> str:
    """A table for each player, in the order of the sessions, and the sums."""
    players: dict[str, list] = {}
    for cost in costs:
        players.setdefault(cost.session.player, []).append(cost)
    parts = [_INTRODUCTION, _sums(players)]
    for player, own in players.items():
        rows = "".join(
            f"| {cost.session.container} | {cost.session.scenario_name} "
            f"{_figures(len(cost.session.rows), cost.consumed, cost.origin)}" for cost in own)
        parts.append(f"## {player}\n\n{_HEADING}{rows}")
    return "\n".join(parts)


def _sums(players: dict[str, list]) -> str:
    rows = "".join(
        f"| {player} | {len(own)} " + _figures(
            sum(len(cost.session.rows) for cost in own), sum(cost.consumed for cost in own),
            sum(cost.origin for cost in own))
        for player, own in players.items())
    return (
        "## All sessions of a player\n\n"
        "| player | sessions | requests | read MB | origin MB | ratio |\n"
        f"|---|---:|---:|---:|---:|---:|\n{rows}")


def _figures(requests: int, consumed: int, origin: int) -> str:
    return (
        f"| {requests} | {consumed / 1e6:.2f} | {origin / 1e6:.2f} "
        f"| {origin / max(1, consumed):.2f} |\n")
