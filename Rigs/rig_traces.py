"""What real players asked for, asked of a cold cache: right bytes, and few that nobody reads."""

from __future__ import annotations

import os
import shutil
import unittest
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from platter_rigs import Rig, figure, is_long, long_only
from platter_rigs.origin import UNLIMITED, Origin
from platter_rigs.platter import Platter
from platter_rigs.processes import REPOSITORY
from platter_rigs.replay import RATE_SPAN, Replay, Row, Session
from platter_rigs.traces_table import table

#: The recordings ran at 5 MB/s, with 50 ms to the first byte.
BANDWIDTH = 5_000_000
LATENCY = 50
#: Scenarios that were recorded without a limit, or a higher one.
FAST = {"long", "full", "x8", "default", "resume", "multirange"}
#: Scenarios that look at a file and go.
LOOKS = {"probe", "thumb", "preload-metadata", "r100", "head", "tail", "mid1M"}
#: Sessions at the same time, each with an origin and a cache of its own: they mostly wait.
AT_ONCE = 8

KIB, MIB = 1 << 10, 1 << 20
#: What a request may cost beyond what is read of it. When less than a probe is read: a few times
#: the first fetch, because the kernels hold some 256 KiB that the player never sees.
PROBE = 256 * KIB
UNIT = 1536 * KIB
#: When more is read: what is under way when the player hangs up,
OVERRUN = 2 * MIB
#: and what is fetched ahead of a player that reads on, by its rate and within bounds. Players that
#: begin are not given all of it at once.
READ_AHEAD = 30
LEAST_AHEAD, MOST_AHEAD = 8 * MIB, 200 * MIB
AHEAD_OF_READ = 3

SELECTION = [
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
    def unread(self) -> int:
        return self.origin - self.consumed

    @property
    def is_look(self) -> bool:
        """Less is read for each request than a probe."""
        return self.consumed < PROBE * len(self.session.rows)

    @property
    def allowed(self) -> int:
        """The most that may be unread, and a little for what was under way when a fetch was cut."""
        return sum(allowance(row) for row in self.session.rows) + self.consumed // 50

    def __str__(self) -> str:
        return (
            f"{self.session.name}: {len(self.session.rows)} requests, "
            f"{self.consumed / 1e6:.2f} MB read, {self.origin / 1e6:.2f} MB from the origin, "
            f"unread {self.unread / 1e6:.2f} MB of {self.allowed / 1e6:.2f} MB allowed")


def recordings() -> Path:
    """PLATTER_TRACES, or the folder beside the repository; it has a folder `players`."""
    folder = os.environ.get("PLATTER_TRACES", str(REPOSITORY.parent / "shared" / "traces"))
    return Path(folder) / "players"


@unittest.skipUnless(recordings().is_dir(), "no recordings: set PLATTER_TRACES to their folder")
class Traces(Rig):
    limit = 3600 if is_long() else 240

    def replay(self, path: Path) -> tuple[Cost, list[str]]:
        """What it cost, and what went wrong."""
        session = Session.load(path)
        folder = self.folder / session.name
        folder.mkdir()
        # A small send buffer: what the kernel still holds has been counted as sent.
        origin = Origin(
            folder, send_buffer=64 << 10, latency=LATENCY,
            bandwidth=UNLIMITED if session.scenario in FAST else BANDWIDTH)
        try:
            for role, size in session.objects().items():
                origin.serve(session.path(role), size, session.seed(role))
            # Without the fill to completion, which is no answer to a request.
            platter = Platter(origin.url, folder / "cache", "--no-background-fill")
            try:
                replay = Replay(session, platter.url)
                replay.run()
                origin.wait_until_quiet()
                return Cost(session, replay.consumed, origin.body_bytes()), replay.problems
            finally:
                platter.stop()
        finally:
            origin.stop()
            shutil.rmtree(folder)

    def replay_all(self, paths: Iterable[Path]) -> list[Cost]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replays = [pool.submit(self.replay, path) for path in paths]
            for replay in replays:
                cost, problems = replay.result()
                figure(str(cost))
                with self.subTest(session=cost.session.name):
                    self.assertEqual(problems, [])
                    self.assertLessEqual(
                        cost.unread, cost.allowed, f"bytes that nobody read: {cost}")
        return [replay.result()[0] for replay in replays]

    def test_looks_at_a_file_pull_little_that_they_do_not_read(self) -> None:
        self.replay_all(path for path in all_sessions() if Session.load(path).scenario in LOOKS)

    def test_a_selection_of_sessions(self) -> None:
        self.replay_all(recordings() / f"{name}.jsonl" for name in SELECTION)

    @long_only
    def test_all_sessions(self) -> None:
        costs = self.replay_all(all_sessions())
        (REPOSITORY / "docs").mkdir(exist_ok=True)
        (REPOSITORY / "docs" / "TRACES.md").write_text(table(costs))


def all_sessions() -> list[Path]:
    return sorted(recordings().glob("*.jsonl"))


def allowance(row: Row) -> int:
    """The most bytes that the origin may send for a request beyond what the player read of it."""
    if row.status >= 400 or row.method == "HEAD":
        return UNIT
    end = row.size if row.end is None else min(row.end, row.size)
    unread = max(0, end - max(0, row.start or 0) - row.consumed)
    if row.consumed < PROBE:
        return min(UNIT, unread)
    # What the kernel takes for a player counts as read: nobody can tell.
    rate = row.rate + row.parked / RATE_SPAN
    ahead = max(LEAST_AHEAD, min(int(rate * READ_AHEAD), MOST_AHEAD))
    taken = row.consumed + row.parked
    return min(OVERRUN + row.parked + min(ahead, taken * AHEAD_OF_READ), unread)
