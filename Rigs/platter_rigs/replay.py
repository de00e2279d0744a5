"""Recorded sessions of players, asked again: the same requests, read at the same pace."""

from __future__ import annotations

import bisect
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from platter_rigs.raw_http import Connection, Ending, Response, WrongBytes, range_of

#: Seconds that a request may take beyond what it took when it was recorded.
PATIENCE = 60
#: Seconds over which the pace of a player is told.
RATE_SPAN = 4
#: Bytes; a smaller receive buffer is slow.
SMALL_BUFFER = 128 << 10


@dataclass(frozen=True)
class Row:
    """One request of a session. Times are seconds since its first."""

    at: float
    duration: float
    connection: int
    method: str
    role: str
    size: int | None
    start: int | None
    end: int | None
    consumed: int
    #: What the kernel took for the player and the player never read.
    parked: int
    outcome: str
    #: When the head came, after the request: the origin of the recordings took 50 ms, and 50 more
    #: on a new connection.
    head: float
    curve: tuple[tuple[float, int], ...]

    @staticmethod
    def read(line: str) -> "Row":
        data = json.loads(line)
        end = data["end"]
        return Row(
            at=data["t_ms"] / 1000, duration=data["dur_ms"] / 1000, connection=data["conn"],
            method=data["method"], role=data["path"], size=data["size"], start=data["start"],
            end=None if end is None else end + 1, consumed=data["bytes_consumed"],
            parked=data["bytes_acked"] - data["bytes_consumed"], outcome=data["outcome"],
            head=0.1 if data["new_conn"] else 0.05, curve=_curve(data))

    def due(self, seconds: float) -> int:
        """The bytes that the player had read so long after its request."""
        if seconds >= self.duration:
            return self.consumed
        index = bisect.bisect_right(self.curve, (seconds, self.consumed))
        (before, low), (after, high) = self.curve[index - 1], self.curve[index]
        return low + int((high - low) * (seconds - before) / max(after - before, 1e-6))

    @property
    def rate(self) -> float:
        """The most bytes a second that it read for RATE_SPAN seconds on end."""
        ends = [seconds for seconds, _ in self.curve if seconds > RATE_SPAN] or [RATE_SPAN]
        return max(self.due(end) - self.due(end - RATE_SPAN) for end in ends) / RATE_SPAN

    @property
    def range(self) -> str | None:
        if self.start is None:
            return None
        return f"bytes={self.start}" if self.start < 0 else range_of(self.start, self.end)

    @property
    def status(self) -> int:
        """What a right server answers."""
        if self.size is None:
            return 404
        if self.start is None or self.method == "HEAD":
            return 200
        return 416 if self.start >= self.size else 206


def _curve(data: dict) -> tuple[tuple[float, int], ...]:
    """Points of time and bytes, from the request to its end, made to rise: they waver a little."""
    consumed, duration = data["bytes_consumed"], data["dur_ms"] / 1000
    points = [(0.0, 0)]
    for milliseconds, count in data.get("reads", []):
        if points[-1][0] < milliseconds / 1000 < duration:
            points.append((milliseconds / 1000, min(consumed, max(points[-1][1], count))))
    return (*points, (duration, consumed))


@dataclass
class Session:
    """A file of the recordings: `<player>.<container>[.<scenario>].jsonl`."""

    name: str
    rows: list[Row]

    @staticmethod
    def load(path: Path) -> "Session":
        return Session(
            path.name.removesuffix(".jsonl"), [Row.read(line) for line in path.open()])

    @property
    def player(self) -> str:
        return self.name.split(".")[0]

    @property
    def container(self) -> str:
        return self.name.split(".")[1]

    @property
    def scenario(self) -> str:
        return ".".join(self.name.split(".")[2:])

    def path(self, role: str) -> str:
        return f"/traces/{self.name}/{role.replace(':', '/')}"

    def seed(self, role: str) -> int:
        return sum(self.path(role).encode()) % 251

    @property
    def scenario_name(self) -> str:
        return self.scenario or "play and seek"

    def objects(self) -> dict[str, int]:
        """The sizes of what is asked for, by role. A larger one that was asked for wins."""
        sizes: dict[str, int] = {}
        for row in self.rows:
            if row.size is not None:
                sizes[row.role] = max(row.size, sizes.get(row.role, 0))
        return sizes


@dataclass
class Replay:
    """A session while it is asked again, at the pace at which it was recorded.

    A connection is a thread. A request is made at its time, and not before those that had ended
    when it was recorded have ended now.
    """

    session: Session
    url: str
    consumed: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._over = [threading.Event() for _ in self.session.rows]
        self._lock = threading.Lock()
        self._began = time.monotonic()
        connections: dict[int, list[int]] = {}
        for number, row in enumerate(self.session.rows):
            connections.setdefault(row.connection, []).append(number)
        threads = [
            threading.Thread(target=self._follow, args=(numbers,), daemon=True)
            for numbers in connections.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _follow(self, numbers: list[int]) -> None:
        connection: Connection | None = None
        for number in numbers:
            row = self.session.rows[number]
            try:
                self._wait_for(number)
                if connection is None:
                    connection = Connection(
                        self.url, timeout=PATIENCE, receive_buffer=self._receive_buffer(numbers))
                if not self._ask(connection, row):
                    connection.close()
                    connection = None
            except (OSError, AssertionError) as problem:
                with self._lock:
                    self.problems.append(f"request {number} {row.role} {row.range}: {problem!r}")
                if connection is not None:
                    connection.close()
                connection = None
            finally:
                self._over[number].set()
        if connection is not None:
            connection.close()

    def _receive_buffer(self, numbers: list[int]) -> int:
        """Such that the kernel keeps as much unread as the player's did."""
        parked = max(self.session.rows[number].parked for number in numbers)
        # Linux doubles what it is told.
        return max(parked, SMALL_BUFFER) // 2

    def _wait_for(self, number: int) -> None:
        row = self.session.rows[number]
        time.sleep(max(0, self._began + row.at - time.monotonic()))
        for earlier in range(number):
            other = self.session.rows[earlier]
            if other.at + other.duration <= row.at and not self._over[earlier].wait(PATIENCE):
                raise TimeoutError(f"request {earlier} has not ended")

    def _ask(self, connection: Connection, row: Row) -> bool:
        """Whether the connection can take another request."""
        response = connection.request(self.session.path(row.role), row.range, row.method)
        if response.status != row.status:
            raise WrongBytes(f"{row.status} expected: {response.status} {response.fields}")
        if row.status >= 400 or row.method == "HEAD":
            return response.length == 0
        goal = response.length if row.outcome == "complete" else min(row.consumed, response.length)
        while response.read < goal:
            elapsed = self._elapsed(response, row)
            due = goal if elapsed >= row.duration else min(goal, row.due(elapsed))
            if due > response.read:
                response.check(due - response.read, self.session.seed(row.role))
                if response.ending not in (None, Ending.COMPLETE):
                    raise WrongBytes(f"{response.read} of {goal} bytes: {response.ending}")
            if response.read < goal:
                time.sleep(0.002)
        with self._lock:
            self.consumed += response.read
        if response.left > 0:
            # The player keeps what it no longer reads until it hangs up.
            time.sleep(max(0, row.duration - self._elapsed(response, row)))
        return response.left == 0

    def _elapsed(self, response: Response, row: Row) -> float:
        """Seconds since the request, as if the head had come when it came in the recording."""
        return row.head + time.monotonic() - response.head_at
