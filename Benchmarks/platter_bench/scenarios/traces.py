"""Recorded sessions of real players, asked again of a cold cache."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_bench.figures import Metric, Value
from platter_bench.native import Failed
from platter_bench.scenarios.base import Scenario
from platter_bench.scenarios.cold import SLOW
from platter_bench.stage import Film, Stage
from platter_rigs.processes import REPOSITORY
from platter_rigs.replay import Replay, Session

#: Players that seek in a film, jump to its end, or only look at it.
_SELECTION = (
    "mpv.mkv-cuesend.scrub", "chromium.mp4-moovend.scrub", "firefox.mp4-moovend.scrub", "gst.ts.scrub",
    "vlc.mkv-cuesend.end", "ffprobe.mp4-moovend.probe", "ffmpeg.mkv-cuesend.thumb",
)
#: Of them, those that are short.
_QUICK = _SELECTION[4:]


class Traces(Scenario):
    name = "traces"
    title = "Replayed sessions of players, 50 ms, 5 MB/s"
    note = (
        "The requests of players that were recorded, at their pace, all sessions at the same time; the "
        "origin gives each connection 5 MB/s. *Late* is how much longer the sessions took than when they "
        "were recorded, added up. Every byte is compared. The recordings are sought in the folder "
        "PLATTER_TRACES.")
    is_cold = True
    # A session takes its time; what it costs hardly differs from round to round.
    most_rounds = 2
    metrics = (
        Metric("waste", "origin bytes per byte", "x"), Metric("late", "late", "s"),
        Metric("troubles", "requests that failed", ""))

    def missing(self) -> str | None:
        return None if self.sessions() else "no recordings: set PLATTER_TRACES to their folder"

    def sessions(self) -> list[Session]:
        folder = Path(os.environ.get("PLATTER_TRACES", REPOSITORY.parent / "shared" / "traces"))
        names = _QUICK if self.is_quick else _SELECTION
        paths = [folder / "players" / f"{name}.jsonl" for name in names]
        return [Session.load(path) for path in paths if path.is_file()]

    def films(self) -> list[Film]:
        return [
            Film(session.path(role), size, session.seed(role))
            for session in self.sessions() for role, size in session.objects().items()]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        stage.origin.set(latency=SLOW["latency"], bandwidth=SLOW["link"])
        sessions = self.sessions()

        def replay(session: Session) -> tuple[Replay, float]:
            begun = time.monotonic()
            one = Replay(session, stage.target.base)
            one.run()
            return one, time.monotonic() - begun - _seconds(session)

        with stage.cost() as cost, ThreadPoolExecutor(len(sessions)) as pool:
            replays = list(pool.map(replay, sessions))
            stage.origin.wait_until_quiet(5)
        read = sum(one.consumed for one, _ in replays)
        if not read:
            raise Failed(f"nothing was read: {replays[0][0].problems[:1]}")
        return {
            "waste": cost.origin_bytes / read, "late": sum(max(0.0, late) for _, late in replays),
            "troubles": sum(len(one.problems) for one, _ in replays)}


def _seconds(session: Session) -> float:
    return max(row.at + row.duration for row in session.rows)
