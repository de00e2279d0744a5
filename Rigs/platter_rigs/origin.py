"""The scripted origin: started with a pace, told how to misbehave, asked what it has sent."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from platter_rigs.processes import Program, binary

UNLIMITED = 0
#: Seconds without a byte.
QUIET = 0.25


@dataclass(frozen=True)
class Sent:
    """One request that the origin saw."""

    method: str
    path: str
    range: str | None
    status: int
    bytes: int
    is_over: bool

    def extent(self) -> tuple[int, int]:
        """The bytes of the object that were really sent: the first, and the one after the last."""
        text = (self.range or "bytes=0-").removeprefix("bytes=")
        if text.startswith("-"):
            raise ValueError(f"a suffix has no start of its own: {self.range}")
        start = int(text.split("-")[0])
        return start, start + self.bytes


class Origin(Program):
    """`bandwidth` is bytes a second for all connections together, latencies are milliseconds."""

    def __init__(
        self, folder: Path, *, root: Path | None = None, bandwidth: int = UNLIMITED,
        latency: int = 0, new_connection_latency: int = 0, send_buffer: int = 0,
    ):
        arguments = [
            binary("PlatterSampleOrigin"), "--bandwidth", str(bandwidth),
            "--latency", str(latency), "--new-connection-latency", str(new_connection_latency),
            "--send-buffer", str(send_buffer),
        ]
        if root is not None:
            arguments += ["--root", str(root)]
        super().__init__(arguments, log=folder / "origin.log")
        self.url = self.line(r"listening on (\S+)").group(1)

    def control(self, command: str, **parameters: object) -> dict:
        """A command of the control interface; it opens and closes a connection of its own."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", f"/-/{command}{query}", headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"/-/{command}{query}: {response.status} {body!r}")
        return json.loads(body)

    def stats(self) -> dict:
        return self.control("stats")

    def reset(self) -> None:
        """Counters and log start anew."""
        self.control("reset")

    def pace(self, **limits: int) -> None:
        """bandwidth, connection_bandwidth, latency, connection_latency, connections."""
        self.control("pace", **limits)

    def behave(self, kind: str, **parameters: object) -> None:
        """A vice, at one `path` or at all, until `clear`."""
        self.control("behave", kind=kind, **parameters)

    def clear(self) -> None:
        self.control("clear")

    def serve(self, path: str, length: int, seed: int = 0, type: str = "video/mp4") -> None:
        """A ramp at a path of its own."""
        self.control("serve", path=path, length=length, seed=seed, type=type)

    def pause_listening(self, seconds: float, ending: str = "reset") -> None:
        """Down for so long, all connections closed; then up again on the same port."""
        self.control("pause-listening", seconds=seconds, ending=ending)

    def body_bytes(self, path: str | None = None) -> int:
        """Body bytes handed to the kernel since the last reset."""
        stats = self.stats()
        if path is None:
            return stats["body_bytes"]
        return stats["paths"].get(path, {"body_bytes": 0})["body_bytes"]

    def connections(self) -> int:
        """Open connections, without the one that asks."""
        return self.stats()["connections_open"] - 1

    def log_of_requests(self) -> list[Sent]:
        return [
            Sent(
                method=record["method"], path=record["path"], range=record.get("range"),
                status=record["status"], bytes=record["body_bytes"], is_over=record["is_over"])
            for record in self.stats()["log"]
        ]

    def wait_until_quiet(self, seconds: float = 30) -> None:
        """Returns when nothing was sent and nothing asked for a quarter of a second.

        Much longer than the pauses between two slices of a paced body. What a client has hung up on
        is never over in the log, so that the log alone cannot tell.
        """
        deadline = time.monotonic() + seconds
        last, since = None, time.monotonic()
        while time.monotonic() - since < QUIET:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the origin is still sending after {seconds} s")
            stats = self.stats()
            now = (stats["requests"], stats["body_bytes"])
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.03)


def ramp_path(length: int, seed: int = 0) -> str:
    """The path under which every origin has this ramp."""
    return f"/ramp/{length}/{seed}"
