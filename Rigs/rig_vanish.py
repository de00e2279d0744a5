"""A thousand clients connect, ask and vanish: nothing of them is left."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from platter_rigs import Rig, figure, is_long
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, fetch_checked, range_of

OBJECTS = 8
LENGTH = 100_000_000
#: Open at the same time.
WAVE = 100
#: Seconds until all that was of use to a client is let go, idle connections to the origin aside.
SETTLED = 20
#: Fetches at once to one origin, and so connections that are kept.
PER_ORIGIN = 3
#: The origin's connections are kept for so many seconds, for whoever asks next.
KEPT = 70


@dataclass(frozen=True)
class Footprint:
    """What a server holds."""

    open_files: int
    threads: int
    origin_connections: int
    activity: dict[str, int]


def footprint(platter: Platter, origin: Origin) -> Footprint:
    return Footprint(
        platter.open_files(), platter.threads(), origin.connections(), platter.status())


def ask(connection: Connection, number: int) -> None:
    """A place in an object that nobody has asked for before."""
    place = 1_000_000 + number * 90_001 % (LENGTH - 2_000_000)
    connection.send(ramp_path(LENGTH, number % OBJECTS), range_of(place))


def ask_and_wait(connection: Connection, number: int) -> None:
    """Until the first bytes are there; some remain unread, so that a close is a reset."""
    ask(connection, number)
    connection.socket.recv(500)


def nothing(connection: Connection, number: int) -> None:
    """Connected, and that is all."""


def half_a_head(connection: Connection, number: int) -> None:
    connection.socket.sendall(b"GET /ramp/1000 HTTP/1.1\r\nHost: a")


def ask_for_all(connection: Connection, number: int) -> None:
    connection.send(ramp_path(LENGTH, number % OBJECTS))
    connection.socket.recv(100_000)


def ask_twice(connection: Connection, number: int) -> None:
    ask(connection, number)
    ask(connection, number + 1)


def ask_and_finish(connection: Connection, number: int) -> None:
    """No more requests, and then gone."""
    ask(connection, number)
    connection.socket.shutdown(socket.SHUT_WR)


HABITS: list[Callable[[Connection, int], None]] = [
    ask, ask_and_wait, nothing, half_a_head, ask_for_all, ask_twice, ask_and_finish,
]


class Vanish(Rig):
    limit = 240

    def storm(self, platter: Platter, count: int) -> None:
        """Clients in waves; half of them end with FIN, the others with RST."""
        for first in range(0, count, WAVE):
            wave = []
            for number in range(first, min(count, first + WAVE)):
                connection = Connection(platter.url)
                HABITS[number % len(HABITS)](connection, number)
                wave.append(connection)
            for number, connection in enumerate(wave):
                if number // len(HABITS) % 2 == 0:
                    connection.close()
                else:
                    connection.reset()

    def settle(self, platter: Platter, what: str) -> None:
        self.wait_until(
            lambda: not any(platter.status().values()), SETTLED,
            f"{what}: all of the status is 0")

    def is_back(self, platter: Platter, origin: Origin, before: Footprint) -> bool:
        """Connections to the origin that are kept for the next request are files as well."""
        now = footprint(platter, origin)
        files = now.open_files - now.origin_connections
        return (
            files <= before.open_files - before.origin_connections
            and now.threads <= before.threads
            and now.origin_connections <= max(before.origin_connections, PER_ORIGIN)
            and now.activity == before.activity)

    def test_a_thousand_clients_that_vanish_leave_nothing(self) -> None:
        origin = self.start_origin(bandwidth=20_000_000, latency=50)
        platter = self.start_platter(origin)
        for seed in range(OBJECTS):
            fetch_checked(platter.url, ramp_path(LENGTH, seed), 0, 65_536, seed)
        # Threads and pools that are made at need are there before the base line is drawn.
        self.storm(platter, WAVE)
        self.settle(platter, "before")
        if is_long():
            self.wait_until(lambda: origin.connections() == 0, KEPT, "the origin is let go")
        before = footprint(platter, origin)
        figure(f"before: {before}")

        self.storm(platter, 1000)
        try:
            self.settle(platter, "after")
            self.wait_until(lambda: self.is_back(platter, origin, before), SETTLED, f"{before}")
            if is_long():
                self.wait_until(lambda: origin.connections() == 0, KEPT, "the origin is let go")
        finally:
            figure(f"after:  {footprint(platter, origin)}")

        # It still works, and its bytes are right.
        for seed in range(OBJECTS):
            count = fetch_checked(platter.url, ramp_path(LENGTH, seed), 500_000, 1_500_000, seed)
            self.assertEqual(count, 1_000_000)
