"""Several clients at once, of several kinds, until they are told that it is over."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from platter_rigs.origin import ramp_path
from platter_rigs.raw_http import Connection, Ending, Response, WrongBytes, range_of

#: What one look of the clients that look here and there takes at most.
_LOOK = 2_000_000


@dataclass(frozen=True)
class Film:
    """A ramp that the origin has."""

    length: int
    seed: int

    @property
    def path(self) -> str:
        return ramp_path(self.length, self.seed)


class Load:
    """Clients of some films. Every byte that they get is compared.

    - Parameter kinds: A letter for each client: `s` reads on and on from a random place, `r` takes
      random ranges, `v` asks for all and vanishes.
    """

    def __init__(self, url: str, films: list[Film], seed: int, kinds: str = "sssrrv"):
        self.url = url
        self.films = films
        self.problems: list[str] = []
        self.received = 0
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        habits = {"s": self._read_on, "r": self._look, "v": self._vanish}
        self._threads = [
            threading.Thread(
                target=self._run, args=(habits[kind], random.Random(f"{seed} {number}")),
                daemon=True)
            for number, kind in enumerate(kinds)
        ]
        for thread in self._threads:
            thread.start()

    def expect_the_end(self) -> None:
        """From now on a connection may break."""
        self._is_over.set()

    def finish(self, seconds: float = 20) -> None:
        """Waits for the clients. Raises what was wrong."""
        self.expect_the_end()
        for thread in self._threads:
            thread.join(seconds)
            if thread.is_alive():
                self.problems.append(f"a client still waits after {seconds} s")
        if self.problems:
            raise WrongBytes("; ".join(self.problems[:3]))

    def _run(
        self, habit: Callable[[random.Random], None], dice: random.Random
    ) -> None:
        while not self._is_over.is_set():
            try:
                habit(dice)
            except AssertionError as problem:
                self.problems.append(str(problem))
                return
            except OSError as problem:
                if not self._is_over.is_set():
                    self.problems.append(repr(problem))
                return

    def _read_on(self, dice: random.Random) -> None:
        film = dice.choice(self.films)
        self._take(film, dice.choice([0, dice.randrange(film.length)]), film.length)

    def _look(self, dice: random.Random) -> None:
        film = dice.choice(self.films)
        start = dice.randrange(film.length)
        self._take(film, start, min(film.length, start + dice.randint(1, _LOOK)))

    def _vanish(self, dice: random.Random) -> None:
        film = dice.choice(self.films)
        with Connection(self.url) as connection:
            response = self._ask(connection, film, dice.randrange(film.length), film.length)
            self._count(response.check(dice.randint(1, _LOOK), film.seed))
            connection.reset()

    def _take(self, film: Film, start: int, end: int) -> None:
        with Connection(self.url) as connection:
            response = self._ask(connection, film, start, end)
            while response.left > 0 and not self._is_over.is_set():
                got = response.check(1 << 20, film.seed)
                self._count(got)
                if response.ending not in (None, Ending.COMPLETE):
                    raise ConnectionError(
                        f"{response.left} bytes before the end: {response.ending}")

    def _ask(self, connection: Connection, film: Film, start: int, end: int) -> Response:
        response = connection.request(film.path, range_of(start, end))
        if response.status != 206 or response.start != start:
            raise WrongBytes(f"206 from {start} expected, not {response.status} {response.fields}")
        return response

    def _count(self, count: int) -> None:
        with self._lock:
            self.received += count
