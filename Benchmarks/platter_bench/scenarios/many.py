"""Memory: clients that are slow, connections that are idle."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Mapping

from platter_bench.figures import Metric, Value
from platter_bench.scenarios.base import KIB, MIB, Scenario
from platter_bench.stage import Film, Stage, film
from platter_rigs.ramp import first_mismatch
from platter_rigs.raw_http import Connection, range_of

_NOTE = (
    "Memory is that of all processes of the target, shared pages counted once; without pages of files, "
    "which the kernel can drop.")


class SlowClients(Scenario):
    name = "slow-clients"
    title = "Cold: 200 slow clients, each of an object of its own"
    note = f"Each takes 256 KiB/s for 8 s. Every byte is compared. {_NOTE}"
    is_cold = True
    metrics = (
        Metric("memory", "memory at most", "MB"), Metric("origin", "origin bytes per byte", "x"),
        Metric("taken", "share of what was wanted", "", True))

    def films(self) -> list[Film]:
        return [film(32 * MIB, seed) for seed in range(1, self.size(200, 20) + 1)]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        seconds, rate = self.size(8, 2), 256 * KIB
        # A limit that nobody notices: it makes the origin keep little in the kernel, which would count as sent.
        stage.origin.set(link=500_000_000)
        clients = []
        with contextlib.ExitStack() as ends, stage.cost() as cost, stage.peak() as peak:
            for one in stage.films:
                connection = stage.connect(60, receive_buffer=32 * KIB)
                ends.callback(connection.close)
                connection.send(one.path, range_of(0))
                clients.append(_SlowClient(connection, one))
            begun = time.monotonic()
            while (elapsed := time.monotonic() - begun) < seconds:
                for client in clients:
                    client.take(int(elapsed * rate))
                time.sleep(0.02)
        taken = sum(client.read for client in clients)
        values: dict[str, Value] = {
            "origin": cost.origin_bytes / taken if taken else None,
            "taken": taken / (len(clients) * seconds * rate)}
        return values if stage.is_direct else values | {"memory": peak.memory.kept / 1e6}


class _SlowClient:
    """Takes what has come, and never more than is due."""

    def __init__(self, connection: Connection, one: Film):
        self._socket = connection.socket
        self._socket.setblocking(False)
        self._one = one
        self._head: bytes | None = b""
        self.read = 0

    def take(self, due: int) -> None:
        while self.read < due:
            try:
                data = self._socket.recv(min(64 * KIB, due - self.read))
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return
            if self._head is not None:
                self._head += data
                head, end, data = self._head.partition(b"\r\n\r\n")
                if not end:
                    continue
                if b" 206 " not in head[:16]:
                    raise AssertionError(f"206 expected: {head!r}")
                self._head = None
            if first_mismatch(data, self.read, self._one.seed) is not None:
                raise AssertionError(f"a wrong byte after {self.read} of {self._one.path}")
            self.read += len(data)


class Idle(Scenario):
    name = "idle"
    title = "10,000 idle connections"
    note = f"Each has been answered 4 KiB of a stored object and stays open. {_NOTE}"
    is_cold = True
    metrics = (
        Metric("each", "memory for each", "KiB"), Metric("memory", "memory in all", "MB"),
        Metric("open", "still open", "", True))

    def films(self) -> list[Film]:
        return [film(16 * MIB)]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        if stage.is_direct:
            return {}
        [one] = stage.films
        count = self.size(10_000, 500)
        stage.fill(one)
        before = stage.target.memory().kept
        with contextlib.ExitStack() as ends:
            connections = []
            for number in range(count):
                try:
                    connection = stage.connect(20)
                    ends.callback(connection.close)
                    start = number % 2000 * 4 * KIB
                    response = connection.request(one.path, range_of(start, start + 4 * KIB))
                    if response.check(seed=one.seed) == 4 * KIB:
                        connections.append(connection)
                except OSError:
                    # It takes no more; how many are open tells.
                    break
            time.sleep(self.size(3, 1))
            after = stage.target.memory().kept
            still = len(connections) - _closed(connections)
        return {
            "each": (after - before) / KIB / max(1, still), "memory": after / 1e6,
            "open": still / count}


def _closed(connections: list[Connection]) -> int:
    """How many the server has closed."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ)
        return len(selector.select(0))
