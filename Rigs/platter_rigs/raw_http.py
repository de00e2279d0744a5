"""An HTTP/1.1 client that shows when bytes come, how many, and how the connection ends."""

from __future__ import annotations

import enum
import socket
import struct
import time
from urllib.parse import urlsplit

from platter_rigs.ramp import first_mismatch

_BUFFER = 256 * 1024
_HEAD_LIMIT = 64 * 1024


class Ending(enum.Enum):
    """How the body of a response ended."""

    COMPLETE = "all bytes"
    FIN = "closed short, with FIN"
    RESET = "reset"


class WrongBytes(AssertionError):
    """A body differs from the object."""


class Connection:
    """One TCP connection. Every operation has the time limit of `timeout` seconds."""

    def __init__(self, url: str, timeout: float = 30, receive_buffer: int | None = None):
        parts = urlsplit(url)
        self.authority = parts.netloc
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect((parts.hostname, parts.port))
        except OSError:
            self.socket.close()
            raise
        self.unread = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self, path: str, range: str | None = None, method: str = "GET",
        fields: dict[str, str] | None = None,
    ) -> "Response":
        """Sends a request and reads the head. `range` is the field's value, as in `bytes=0-`."""
        asked_at = time.monotonic()
        self.send(path, range, method, fields)
        return Response(self, method, asked_at)

    def send(
        self, path: str, range: str | None = None, method: str = "GET",
        fields: dict[str, str] | None = None,
    ) -> None:
        """Sends a request and waits for nothing."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.authority}"]
        if range is not None:
            lines.append(f"Range: {range}")
        lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())

    def close(self) -> None:
        """FIN; or RST when there are bytes that were not read, as for any program."""
        self.socket.close()

    def reset(self) -> None:
        """RST at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Response:
    """The head of a response, and its body as far as it was read."""

    def __init__(self, connection: Connection, method: str = "GET", asked_at: float | None = None):
        self.connection = connection
        self.asked_at = time.monotonic() if asked_at is None else asked_at
        self.read = 0
        self.ending: Ending | None = None
        #: When the first byte of the body came.
        self.first_byte_at: float | None = None
        head = self._read_head()
        self.head_at = time.monotonic()
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        has_body = method != "HEAD" and self.status not in (204, 304)
        if has_body and "content-length" not in self.fields:
            raise WrongBytes(f"a body without Content-Length: {lines}")
        self.length = int(self.fields["content-length"]) if has_body else 0
        self.start = self._start()

    def _read_head(self) -> bytes:
        data = self.connection.unread
        while b"\r\n\r\n" not in data:
            piece = self.connection.socket.recv(_BUFFER)
            if not piece:
                raise ConnectionError(f"closed before a whole head: {data!r}")
            data += piece
            if len(data) > _HEAD_LIMIT and b"\r\n\r\n" not in data:
                raise WrongBytes(f"no end of the head in {len(data)} bytes")
        head, _, self.connection.unread = data.partition(b"\r\n\r\n")
        return head

    def _start(self) -> int:
        """Where in the object the body begins, as Content-Range says."""
        if self.status != 206:
            return 0
        return int(self.fields["content-range"].removeprefix("bytes ").split("-")[0])

    @property
    def total(self) -> int | None:
        """The complete length that Content-Range tells."""
        text = self.fields.get("content-range", "").rpartition("/")[2]
        return int(text) if text.isdigit() else None

    @property
    def left(self) -> int:
        return self.length - self.read

    @property
    def position(self) -> int:
        """The offset in the object of the next byte."""
        return self.start + self.read

    def receive_into(self, view: memoryview) -> int:
        """What is there, at least a byte; 0 at the end, and then `ending` says which."""
        if self.left == 0:
            self.ending = Ending.COMPLETE
            return 0
        count = min(len(view), self.left)
        if self.connection.unread:
            piece = self.connection.unread[:count]
            self.connection.unread = self.connection.unread[count:]
            view[:len(piece)] = piece
            got = len(piece)
        else:
            try:
                got = self.connection.socket.recv_into(view[:count])
            except ConnectionResetError:
                self.ending = Ending.RESET
                return 0
        if got == 0:
            self.ending = Ending.FIN
            return 0
        if self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
        self.read += got
        return got

    def check(self, count: int | None = None, seed: int = 0) -> int:
        """Reads `count` bytes, or all, and compares each with the ramp. Returns how many came."""
        buffer = memoryview(bytearray(_BUFFER))
        goal = self.length if count is None else min(self.length, self.read + count)
        begun = self.read
        while self.read < goal:
            position = self.position
            got = self.receive_into(buffer[:min(_BUFFER, goal - self.read)])
            if got == 0:
                break
            wrong = first_mismatch(buffer[:got], position, seed)
            if wrong is not None:
                raise WrongBytes(
                    f"byte {wrong} is {buffer[wrong - position]} in a response to "
                    f"{self.fields.get('content-range', 'the whole object')}")
        if self.left == 0:
            self.ending = Ending.COMPLETE
        return self.read - begun

    def body(self) -> bytes:
        """All of a short body, unchecked."""
        data = bytearray(self.length)
        view = memoryview(data)
        while self.left > 0:
            got = self.receive_into(view[self.read:])
            if got == 0:
                return bytes(data[:self.read])
        self.ending = Ending.COMPLETE
        return bytes(data)


def range_of(start: int, end: int | None = None) -> str:
    """The Range field from `start` up to `end`, or to the end of the object."""
    return f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"


def fetch_checked(
    url: str, path: str, start: int = 0, end: int | None = None, seed: int = 0, timeout: float = 60
) -> int:
    """Asks for a range on a new connection, compares every byte, returns how many came.

    - Raises WrongBytes when they are wrong, or fewer than was promised.
    """
    with Connection(url, timeout) as connection:
        response = connection.request(path, range_of(start, end))
        if response.status != 206 or response.start != start:
            raise WrongBytes(f"206 from {start} expected, not {response.status} {response.fields}")
        count = response.check(seed=seed)
        if response.ending is not Ending.COMPLETE:
            raise WrongBytes(f"{count} of {response.length} bytes, then {response.ending}")
        return count
