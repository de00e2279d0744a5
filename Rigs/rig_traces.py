"""What real players asked for, asked again of a cold cache: right bytes, and few that nobody reads."""

from __future__ import annotations

import os
import unittest
from dataclasses import dataclass
from pathlib import Path

from platter_rigs import Rig, figure, is_long, long_only
from platter_rigs.origin import UNLIMITED, Origin
from platter_rigs.platter import Platter
from platter_rigs.processes import REPOSITORY
from platter_rigs.replay import Replay, Session
from platter_rigs.traces_table import table

#: The recordings ran at 5 MB/s, with 50 ms to the first byte; a replay is so many times as fast.
SPEED = 8
BANDWIDTH = 5_000_000
LATENCY = 50
READ_AHEAD = 30
#: Scenarios that were recorded without a limit.
FAST = {"long", "full", "x8", "default"}
#: A request that reads less than this is a look at a header or an index, and costs at most FIRST.
PROBE = 256 << 10
FIRST = 640 << 10

SELECTION = [
    "ffprobe.mp4-moovend.probe", "ffprobe.mkv-cuesend.probe", "ffprobe.ts.probe",
    "ffprobe.mp4-film.probe", "ffmpeg.mkv-cuesend.thumb", "chromium.mp4-moovend.preload-metadata",
    "mpv.mp4-moovend", "mpv.ts", "mpv.mkv-cuesend.scrub", "vlc.mkv-cuesend", "gst.mp4-moovend",
    "chromium.mp4-moovend", "firefox.webm", "vlc.hls-ts",
]


@dataclass(frozen=True)
class Cost:
    """What a session took from the cache, and the cache from the origin. Bytes."""

    session: Session
    consumed: int
    origin: int

    @property
    def ratio(self) -> float:
        return self.origin / max(1, self.consumed)


def recordings() -> Path:
    """PLATTER_TRACES, or the folder beside the repository; it has a folder `players`."""
    folder = os.environ.get("PLATTER_TRACES", str(REPOSITORY.parent / "shared" / "traces"))
    return Path(folder) / "players"


@unittest.skipUnless(recordings().is_dir(), "no recordings: set PLATTER_TRACES to their folder")
class Traces(Rig):
    limit = 3600 if is_long() else 240

    def setUp(self) -> None:
        super().setUp()
        # A small send buffer: what the kernel still holds has been counted as sent.
        self.origin = self.start_origin(send_buffer=64 << 10)
        # The fill to completion is no answer to a request, and has its own tests.
        self.platter = self.start_platter(
            self.origin, "--no-background-fill", "--read-ahead", str(READ_AHEAD / SPEED),
            "--max-size", "60G")

    def replay(self, path: Path) -> Cost:
        session = Session.load(path)
        fast = session.scenario in FAST
        self.origin.pace(
            bandwidth=UNLIMITED if fast else BANDWIDTH * SPEED, latency=LATENCY // SPEED)
        for role, size in session.objects().items():
            self.origin.serve(session.path(role), size, session.seed(role))
        self.origin.reset()
        replay = Replay(session, self.platter.url, SPEED)
        replay.run()
        self.origin.wait_until_quiet()
        cost = Cost(session, replay.consumed, self.origin.body_bytes())
        figure(
            f"{session.name}: {len(session.rows)} requests, {cost.consumed / 1e6:.2f} MB read, "
            f"{cost.origin / 1e6:.2f} MB from the origin, ratio {cost.ratio:.2f}")
        self.assertEqual(replay.problems, [], session.name)
        self.check_probes(cost)
        return cost

    def check_probes(self, cost: Cost) -> None:
        """A session of nothing but looks must not pull megabytes that nobody reads."""
        rows = cost.session.rows
        if any(row.consumed >= PROBE for row in rows):
            return
        allowed = sum(min(FIRST, row.size or 0) for row in rows)
        self.assertLessEqual(cost.origin, allowed, f"{cost.session.name}: origin bytes of a probe")

    def test_a_selection_of_sessions(self) -> None:
        for name in SELECTION:
            with self.subTest(session=name):
                self.replay(recordings() / f"{name}.jsonl")

    @long_only
    def test_all_sessions(self) -> None:
        costs = []
        for path in sorted(recordings().glob("*.jsonl")):
            with self.subTest(session=path.name):
                costs.append(self.replay(path))
        (REPOSITORY / "docs").mkdir(exist_ok=True)
        (REPOSITORY / "docs" / "TRACES.md").write_text(table(costs))
