"""What a client does and expects while the disk of its server fails."""

from __future__ import annotations

import time

from platter_rigs.load import Film
from platter_rigs.raw_http import Connection, Ending, range_of

#: Times that a client asks again in a row for a byte that does not come.
PATIENCE = 5
#: Seconds that one response may take.
LONGEST = 9


class Violation(AssertionError):
    """What must never be."""


class Client:
    """Reads, and asks for the rest of what is closed short, as players do."""

    def __init__(self) -> None:
        self.cuts = 0
        #: The seeds of the versions of an object, by path; of others it follows from the path.
        self.versions: dict[str, list[int]] = {}

    def take(self, url: str, film: Film, start: int = 0, end: int | None = None) -> None:
        """Every byte from `start` to `end`, in as many responses as it takes."""
        position, end = start, film.length if end is None else end
        fruitless = 0
        while position < end:
            begun = time.monotonic()
            with Connection(url, timeout=LONGEST * 2) as connection:
                got = self._part(connection, film, position, end)
            if time.monotonic() - begun > LONGEST:
                raise Violation(f"{film} from {position}: {time.monotonic() - begun:.1f} s")
            position += got
            fruitless = 0 if got else fruitless + 1
            if fruitless == PATIENCE:
                raise Violation(f"{film}: no byte at {position}, {fruitless} times")

    def _part(self, connection: Connection, film: Film, position: int, end: int) -> int:
        response = connection.request(film.path, range_of(position, end))
        if response.status != 206 or response.start != position:
            raise Violation(f"206 from {position} expected: {response.status} {response.fields}")
        got = response.check(seed=self._version(film, response.fields.get("etag", "")))
        if response.ending is Ending.RESET:
            raise Violation(f"{film}: reset at {response.position}")
        if response.ending is Ending.FIN:
            self.cuts += 1
        return got

    def _version(self, film: Film, tag: str) -> int:
        if film.path not in self.versions:
            return film.seed
        seed = int(tag.strip('"').rpartition("-")[2])
        if seed not in self.versions[film.path]:
            raise Violation(f"{film}: no version {seed}")
        return seed
