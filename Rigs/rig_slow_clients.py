"""Two hundred clients that read slowly cost no memory beyond their sockets."""

from __future__ import annotations

import time

from platter_rigs import Rig, figure, is_long
from platter_rigs.origin import ramp_path
from platter_rigs.platter import Platter
from platter_rigs.ramp import first_mismatch
from platter_rigs.raw_http import Connection, Response, range_of, fetch_checked

CLIENTS = 200
RATE = 1_000_000
LIMIT = 150 << 20
#: A client takes what it is due when it is due so much.
_PORTION = 64 << 10


class SlowClient:
    """Takes at most RATE bytes a second, never waits."""

    def __init__(self, url: str, path: str, seed: int, start: int):
        self.seed = seed
        self.connection = Connection(url, receive_buffer=128 << 10)
        self.connection.send(path, range_of(start))
        self.response: Response | None = None
        self.buffer = memoryview(bytearray(256 << 10))

    def begin(self) -> None:
        self.response = Response(self.connection)
        if self.response.status != 206:
            raise AssertionError(f"206 expected: {self.response.status} {self.response.fields}")
        self.connection.socket.setblocking(False)

    def take(self, due: int) -> None:
        """Reads what there is, up to `due` bytes since the start, and compares it."""
        response = self.response
        while due - response.read >= _PORTION and response.left > 0:
            position = response.position
            room = min(len(self.buffer), due - response.read)
            try:
                got = response.receive_into(self.buffer[:room])
            except BlockingIOError:
                return
            if got == 0:
                raise AssertionError(f"{response.ending} with {response.left} bytes left")
            wrong = first_mismatch(self.buffer[:got], position, self.seed)
            if wrong is not None:
                raise AssertionError(f"byte {wrong} of {self.seed} is wrong")


class SlowClients(Rig):
    limit = 240

    def setUp(self) -> None:
        super().setUp()
        self.seconds = 60 if is_long() else 6
        self.length = RATE * self.seconds + (2 << 20)
        self.origin = self.start_origin()
        self.platter = self.start_platter(self.origin, "--no-background-fill")

    def path(self, seed: int) -> str:
        return ramp_path(self.length, seed)

    def read_slowly(self, platter: Platter, objects: int) -> None:
        """All clients together; the memory is looked at twice a second."""
        clients = []
        for number in range(CLIENTS):
            seed = number % objects
            client = SlowClient(platter.url, self.path(seed), seed, number * 1009)
            self.addCleanup(client.connection.close)
            clients.append(client)
        for client in clients:
            client.begin()
        begun = time.monotonic()
        peak, looked_at = platter.memory(), begun
        while (elapsed := time.monotonic() - begun) < self.seconds:
            for client in clients:
                client.take(int(RATE * elapsed))
            if time.monotonic() - looked_at > 0.5:
                peak, looked_at = max(peak, platter.memory()), time.monotonic()
            time.sleep(0.005)
        taken = [client.response.read for client in clients]
        figure(
            f"{CLIENTS} clients, {objects} objects, {self.seconds} s: {sum(taken) / 1e6:.0f} MB "
            f"taken, the slowest {min(taken) / self.seconds / 1e6:.2f} MB/s")
        figure(
            f"memory: {peak / 1e6:.0f} MB at most while they read, "
            f"{platter.memory('VmHWM') / 1e6:.0f} MB ever")
        self.assertLess(platter.memory("VmHWM"), LIMIT, "resident memory, bytes")
        self.assertGreater(min(taken), RATE * self.seconds // 2, "no client may starve")

    def test_on_cold_objects(self) -> None:
        self.read_slowly(self.platter, CLIENTS if is_long() else 50)

    def test_on_warm_objects(self) -> None:
        objects = 10
        for seed in range(objects):
            self.assertEqual(
                fetch_checked(self.platter.url, self.path(seed), seed=seed), self.length)
        self.origin.reset()
        self.read_slowly(self.platter, objects)
        self.assertEqual(self.origin.log_of_requests(), [], "all of it was on disk")
