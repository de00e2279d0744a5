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

_PROBES = """## Looks at a file: the worst cases, and why

A look is a request of which less than 256 KiB is read: a header, an index at the end, a thumbnail.
Before a byte has come back nobody can tell a look from the beginning of a film, so the first fetch at
a cold place is 512 KiB, which at 5 MB/s is two round trips of 50 ms; nothing is fetched ahead until
256 KiB were read. From the third short look in a row at one object on, the first fetch is halved each
time, down to 128 KiB. The rest is what was on its way when the player hung up: the pace of these
recordings brings 256 KiB in 50 ms, and as much may lie in the socket of the player.

These sessions, of those that only look, had the most bytes from the origin that nobody read:

"""

_HEADING = (
    "| container | scenario | requests | read MB | origin MB | ratio |\n"
    "|---|---|---:|---:|---:|---:|\n")


def table(costs: list) -> str:
    """A table for each player, in the order of the sessions, and the sums."""
    players: dict[str, list] = {}
    for cost in costs:
        players.setdefault(cost.session.player, []).append(cost)
    parts = [_INTRODUCTION, _sums(players), _probes(costs)]
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


def _probes(costs: list) -> str:
    looks = [cost for cost in costs if cost.is_look]
    rows = "".join(
        f"| {cost.session.player} | {cost.session.container} | {cost.session.scenario_name} "
        f"| {len(cost.session.rows)} | {cost.consumed / 1e6:.2f} | {cost.origin / 1e6:.2f} "
        f"| {cost.unread / len(cost.session.rows) / 1e6:.2f} |\n"
        for cost in sorted(looks, key=lambda cost: -cost.unread)[:10])
    unread, requests = (
        sum(cost.unread for cost in looks), sum(len(cost.session.rows) for cost in looks))
    return (
        _PROBES + "| player | container | scenario | requests | read MB | origin MB "
        "| unread MB for each request |\n|---|---|---|---:|---:|---:|---:|\n" + rows
        + f"\nAll {len(looks)} such sessions together: {unread / 1e6:.1f} MB unread in {requests} "
        f"requests, {unread / max(1, requests) / 1e6:.2f} MB for each.\n")


def _figures(requests: int, consumed: int, origin: int) -> str:
    return (
        f"| {requests} | {consumed / 1e6:.2f} | {origin / 1e6:.2f} "
        f"| {origin / max(1, consumed):.2f} |\n")
