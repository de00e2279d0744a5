"""What all players have in common: they open a film, play it, seek in it and reach its end."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from platter_rigs.media import GROUP
from platter_rigs.processes import Program
from platter_rigs.waiting import until

#: Seconds that a player may take to start, and to go on after a seek. A machine under load is slow.
PATIENCE = 40
#: How far from the place that was asked a player may land: the next key frame, and whole seconds.
LANDING = GROUP + 1.5
#: Seconds before the end that the last seek goes to, more than a group.
LAST_PART = 2 * GROUP + 1


class PlayerFailed(AssertionError):
    """A player stopped, or did not get where it was sent."""


class Player(ABC):
    """A player in a process of its own that has been given a film and plays it."""

    program: Program

    @abstractmethod
    def position(self) -> float | None:
        """Seconds into the film; None before it plays."""

    @abstractmethod
    def seek(self, seconds: float) -> None:
        """Asks to go on from there; does not wait for it."""

    @abstractmethod
    def has_ended(self) -> bool:
        """It played to the end of what it was given."""

    def trouble(self) -> str | None:
        """What it complains of."""
        return None if self.program.is_running() else "it is gone"

    def close(self) -> None:
        self.program.kill()

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Watched:
    """Seconds from each command until one more second of the film had been played."""

    start: float
    seek_70: float
    seek_20: float

    def __str__(self) -> str:
        return f"start {self.start:.1f} s, 70 % {self.seek_70:.1f} s, 20 % {self.seek_20:.1f} s"


def watch(player: Player, duration: float) -> Watched:
    """Plays, seeks to 70 %, back to 20 %, and plays the last seconds to the end."""
    start = plays(player, 0, LANDING)
    far = goes_to(player, 0.7 * duration)
    back = goes_to(player, 0.2 * duration)
    plays_out(player, duration)
    return Watched(start, far, back)


def goes_to(player: Player, place: float) -> float:
    """Seeks there, and waits until it plays. Returns the seconds."""
    player.seek(place)
    return plays(player, place - LANDING, place + LANDING)


def plays(player: Player, low: float, high: float) -> float:
    """Waits until it plays between `low` and `high`, and a second further. Returns the seconds."""
    begun = time.monotonic()
    landed: float | None = None
    seen: list[float | None] = []

    def has_played() -> bool:
        nonlocal landed
        _check(player, seen)
        position = player.position()
        if position is None:
            return False
        if seen[-1:] != [position]:
            seen.append(position)
        if landed is None or position < landed:
            landed = position if low <= position <= high else None
        return landed is not None and position >= landed + 1

    if not until(has_played, PATIENCE, interval=0.05):
        raise PlayerFailed(
            f"it should play from {low:.1f} to {high:.1f} s; positions within {PATIENCE} s: "
            f"{seen[-10:]}\n{player.program.log_tail()}")
    return time.monotonic() - begun


def reach(player: Player, seconds: float) -> None:
    """Waits until so much of the film was played, without a seek and without trouble."""
    reached = until(
        lambda: player.trouble() or (player.position() or 0) >= seconds, seconds + 30, 0.05)
    if not reached or player.trouble():
        raise PlayerFailed(
            f"it should play to {seconds} s; it is at {player.position()}, trouble: "
            f"{player.trouble()}\n{player.program.log_tail()}")


def plays_out(player: Player, duration: float) -> None:
    """Seeks near the end, and waits for the end to come by itself, neither early nor never."""
    player.seek(duration - LAST_PART)
    last = 0.0

    def has_ended() -> bool:
        nonlocal last
        if player.has_ended():
            return True
        position = player.position()
        if position is not None:
            last = position
        return False

    ended = until(has_ended, PATIENCE, interval=0.05)
    if not ended or last < duration - 2:
        raise PlayerFailed(
            f"it should play to the end at {duration} s; it was last at {last:.1f} s, "
            f"ended: {ended}, trouble: {player.trouble()}\n{player.program.log_tail()}")


def _check(player: Player, seen: list[float | None]) -> None:
    trouble = player.trouble()
    if trouble is not None:
        raise PlayerFailed(f"{trouble}; positions {seen[-10:]}\n{player.program.log_tail()}")


class LineSocket:
    """A Unix socket on which a player takes commands, one a line; waits until there is one."""

    def __init__(self, path: Path, program: Program):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE)
        if not until(lambda: self._is_open(path) or not program.is_running(), PATIENCE):
            raise PlayerFailed(f"no control socket\n{program.log_tail()}")
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\n")

    def _is_open(self, path: Path) -> bool:
        try:
            self._socket.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, PermissionError):
            return False
        return True

    def send(self, line: str) -> None:
        """Nothing happens when the player is gone: that shows elsewhere."""
        try:
            self._socket.sendall(line.encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass

    def receive(self) -> str | None:
        """The next line; None when the player is gone."""
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            return None
        return line.rstrip("\r\n") if line else None

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
