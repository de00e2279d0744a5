"""Requests that are sent before the answers to those before: hits, misses, refusals and nonsense at random."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

from platter_rigs import Rig, figure, is_long
from platter_rigs.origin import ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, Response, fetch_checked, range_of

SEED = int(os.environ.get("PLATTER_PIPELINE_SEED", 1))
LENGTH = 5_000_000
KNOWN = ramp_path(LENGTH, 1)
#: Of these nothing is on disk at first.
OTHERS = [ramp_path(LENGTH, seed) for seed in range(2, 12)]
#: Seconds until nothing is left of clients that are gone.
SETTLED = 20
LATENCY = 300


@dataclass(frozen=True)
class Asked:
    """A request, and what its answer must be."""

    text: str
    status: int
    method: str = "GET"
    seed: int = 0
    #: Nothing behind it is answered.
    ends: bool = False


class Pipelined(Rig):
    limit = 1200

    def setUp(self) -> None:
        super().setUp()
        self.dice = random.Random(SEED)
        self.origin = self.start_origin()
        self.platter = self.start_platter(self.origin, "--no-background-fill")
        fetch_checked(self.platter.url, KNOWN, seed=1)
        self.origin.pace(latency=LATENCY)

    def ranged(self, path: str, seed: int, method: str = "GET") -> Asked:
        """Only GET has ranges (RFC 9110 section 14.2)."""
        start = self.dice.randrange(LENGTH - 2000)
        end = start + self.dice.randint(1, 2000)
        return Asked(
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nRange: {range_of(start, end)}\r\n\r\n",
            206 if method == "GET" else 200, method, seed)

    def any_request(self) -> Asked:
        kind = self.dice.randrange(100)
        if kind < 60:
            return self.ranged(KNOWN, 1)
        if kind < 75:
            return Asked("PUT /a HTTP/1.1\r\nHost: a\r\n\r\n", 405)
        if kind < 85:
            return self.ranged(KNOWN, 1, "HEAD")
        if kind < 98:
            path = self.dice.choice(OTHERS)
            return self.ranged(path, int(path.rpartition("/")[2]))
        if kind < 99:
            return Asked("GET /a HTTP/1.1\r\n\r\n", 400, ends=True)
        return Asked("\x01\x02 nonsense\r\n\r\n", 400, ends=True)

    def converse(self, platter: Platter, asked: list[Asked]) -> int:
        """All in one write; the answers must come in order. Returns how many came."""
        with Connection(platter.url, timeout=60) as connection:
            connection.socket.sendall("".join(each.text for each in asked).encode("latin-1"))
            for number, each in enumerate(asked, 1):
                response = Response(connection, each.method)
                what = f"seed {SEED}, request {number} of {len(asked)}: {each.text!r}"
                self.assertEqual(response.status, each.status, what)
                response.check(seed=each.seed)
                self.assertEqual(response.ending, Ending.COMPLETE, what)
                if each.ends:
                    self.assertEqual(connection.unread + connection.socket.recv(1), b"", what)
                    return number
        return len(asked)

    def test_all_are_answered_in_order_and_nothing_is_left(self) -> None:
        rounds = 400 if is_long() else 15
        answers = 0
        for _ in range(rounds):
            count = self.dice.choice([2, 5, 20, 100, 400])
            answers += self.converse(self.platter, [self.any_request() for _ in range(count)])
        figure(f"seed {SEED}: {answers} answers on {rounds} connections")
        self.wait_until(
            lambda: not any(self.platter.status().values()), SETTLED,
            f"nothing is asked any more; {self.platter.status()}")

    def test_thousands_behind_one_that_waits(self) -> None:
        count = 100_000 if is_long() else 10_000
        for make in (
            lambda: self.ranged(KNOWN, 1), lambda: Asked("PUT /a HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            lambda: self.ranged(KNOWN, 1, "HEAD"),
        ):
            # The server reads more at once where much came before.
            self.converse(self.platter, [make() for _ in range(2000)])
            path = ramp_path(LENGTH, 100 + self.dice.randrange(100_000))
            cold = self.ranged(path, int(path.rpartition("/")[2]))
            self.flood(cold, make, count)
        figure(f"three times {count} requests behind a miss; {self.platter.memory('VmHWM') >> 20} MiB")

    def flood(self, cold: Asked, make, count: int) -> None:
        """Sends in pieces, and reads what came in between: neither side's buffers hold it all."""
        with Connection(self.platter.url, timeout=60) as connection:
            connection.socket.sendall(cold.text.encode())
            waiting = [cold]
            for begin in range(0, count, 1000):
                more = [make() for _ in range(min(1000, count - begin))]
                connection.socket.sendall("".join(each.text for each in more).encode())
                waiting += more
                # A few thousand are always under way.
                while len(waiting) > 3000:
                    self.answered(connection, waiting.pop(0))
            for each in waiting:
                self.answered(connection, each)

    def answered(self, connection: Connection, each: Asked) -> None:
        response = Response(connection, each.method)
        self.assertEqual(response.status, each.status, each.text)
        response.check(seed=each.seed)
        self.assertEqual(response.ending, Ending.COMPLETE, each.text)
