"""The origin of the benchmark: fast, told its pace, asked what it has sent."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from platter_rigs.processes import Program

#: Seconds without a byte.
_QUIET = 0.3


class Origin(Program):
    """Serves what it is told to serve.

    The content is the ramp of `platter_rigs.ramp`, so that every client of the rigs can compare it.
    """

    def __init__(self, program: str, folder: Path):
        super().__init__([program], log=folder / "origin.log")
        self.url = self.line(r"listening on (\S+)", seconds=60).group(1)

    def control(self, command: str, **parameters: object) -> bytes:
        """A command, on a connection of its own."""
        query = f"?{urlencode(parameters, safe='/:')}" if parameters else ""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", f"/-/{command}{query}", headers={"Connection": "close"})
            return connection.getresponse().read()

    def serve(self, path: str, length: int, seed: int = 0) -> None:
        """An object; again with another seed is a new version of it."""
        self.control("serve", path=path, length=length, seed=seed)

    def set(self, **limits: int) -> None:
        """latency [ms], bandwidth of a connection and link of all [bytes/s], reset [bytes until a
        connection is reset], max_age [s]. 0 is none."""
        self.control("set", **limits)

    def stats(self) -> dict[str, int]:
        """requests, body_bytes, connections_accepted, connections_open."""
        return json.loads(self.control("stats"))

    def reset(self) -> None:
        """Counters from 0."""
        self.control("reset")

    def body_bytes(self) -> int:
        """Handed to the kernel since the last reset."""
        return self.stats()["body_bytes"]

    def log_of_requests(self) -> list[str]:
        """The last of them: method, path, range, status, promised bytes."""
        return self.control("log").decode().splitlines()

    def wait_until_quiet(self, seconds: float = 30) -> bool:
        """Until nothing was sent for a while. False when the time is over before."""
        deadline = time.monotonic() + seconds
        last, since = None, time.monotonic()
        while time.monotonic() - since < _QUIET:
            if time.monotonic() > deadline:
                return False
            stats = self.stats()
            now = (stats["requests"], stats["body_bytes"])
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.03)
        return True
