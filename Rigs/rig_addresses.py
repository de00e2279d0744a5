"""An origin whose name has several addresses, and one that moves to another address while it is played from."""

from __future__ import annotations

import socket
import struct
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from platter_rigs import Rig, figure
from platter_rigs.load import Film
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import are_possible, showing

_NAME = "media.test"
_FILM = Film(3_000_000, 1)
_LONG = Film(40_000_000, 2)
#: Bytes per second, so that the film is not fetched before its origin moves.
_PACE = 10_000_000
_BUFFER = 1 << 16


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@unittest.skipUnless(are_possible("unshare"), "needs root, to show another /etc/hosts")
class Addresses(Rig):
    def setUp(self) -> None:
        super().setUp()
        self.hosts = self.folder / "hosts"

    def resolve(self, *addresses: str) -> None:
        """What the name stands for from now on, for the servers of this rig."""
        self.hosts.write_text("".join(f"{address} {_NAME}\n" for address in addresses))

    def start(self, port: int) -> Platter:
        platter = Platter(
            f"http://{_NAME}:{port}", self.folder / "cache", "--no-background-fill",
            under=showing(self.hosts, "/etc/hosts"))
        self.addCleanup(self._end, platter)
        return platter

    def open(self, address: str, origin: Origin, port: int = 0) -> "Door":
        door = Door(address, origin, port)
        self.addCleanup(door.close)
        return door

    @unittest.skipUnless(has_ipv6(), "needs IPv6 on loopback")
    def test_one_of_two_addresses_refuses(self) -> None:
        origin = self.start_origin()
        self.resolve("::1", "127.0.0.1")
        doors = {address: self.open(address, origin) for address in ("::1", "127.0.0.1")}
        for address, door in doors.items():
            with self.subTest(answers=address):
                platter = self.start(door.port)
                self.assertEqual(
                    fetch_checked(platter.url, _FILM.path, seed=_FILM.seed), _FILM.length)
                self.assertGreaterEqual(door.bytes, _FILM.length)
                self.assertNotIn("An origin fails", platter.log.read_text())
                self.assertEqual(platter.stop(), 0)
            # What is on disk is of the other port, and so of another origin.
            origin.reset()

    def test_the_name_moves_in_the_midst_of_a_film(self) -> None:
        origin = self.start_origin(bandwidth=_PACE)
        self.resolve("127.0.0.2")
        old = self.open("127.0.0.2", origin)
        new = self.open("127.0.0.3", origin, old.port)
        platter = self.start(old.port)
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(fetch_checked, platter.url, _LONG.path, seed=_LONG.seed)
            self.wait_until(lambda: old.bytes > 5_000_000, 30, "the film has begun")
            self.assertEqual(new.bytes, 0)
            self.resolve("127.0.0.3")
            old.close()
            self.assertEqual(read.result(), _LONG.length)
        self.assertGreater(new.bytes, 0)
        figure(f"{old.bytes / 1e6:.1f} MB from the old address, {new.bytes / 1e6:.1f} from the new one")


class Door:
    """An address under which an origin is found, until it is closed: then its connections are reset."""

    def __init__(self, address: str, origin: Origin, port: int = 0):
        #: From the origin.
        self.bytes = 0
        parts = urlsplit(origin.url)
        self._origin = (parts.hostname, parts.port)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Also wakes the thread that accepts.
        with self._lock:
            for each in self._sockets:
                _reset(each)
            self._sockets.clear()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                origin = socket.create_connection(self._origin, 30)
            except OSError:
                return
            with self._lock:
                self._sockets += [client, origin]
            for ends in ((client, origin, False), (origin, client, True)):
                threading.Thread(target=self._hand_on, args=ends, daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        try:
            while data := source.recv(_BUFFER):
                target.sendall(data)
                if counts:
                    self.bytes += len(data)
        except OSError:
            pass
        for each in (source, target):
            _reset(each)


def _reset(connection: socket.socket) -> None:
    """Wakes who reads from it or writes to it, and closes it with RST."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
