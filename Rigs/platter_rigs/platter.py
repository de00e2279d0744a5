"""Platter as a process of its own: its address, its admin interface, its index."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from platter_rigs.processes import Program, binary


class Platter(Program):
    """A server that is ready. Ports are free ones that it took itself.

    - Parameter under: A command that becomes the server, as setpriv does.
    - Parameter passed: Descriptors that it inherits.
    """

    def __init__(self, origin: str, cache: Path, *flags: str, under: Sequence[str] = (),
                 passed: tuple[int, ...] = ()):
        self.cache = cache
        super().__init__(
            [
                *under, binary("platter"), "serve", "--origin", origin, "--listen", "127.0.0.1:0",
                "--admin", "127.0.0.1:0", "--cache-dir", str(cache), *flags,
            ],
            log=cache.with_suffix(".log"), passed=passed)
        self.admin = self.line(r"^admin interface +(\S+)").group(1)
        self.url = self.line(r"^Platter listens on (\S+)").group(1)

    def get(self, path: str) -> dict:
        """An answer of the admin interface."""
        connection = http.client.HTTPConnection(urlsplit(self.admin).netloc, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"GET {path}: {response.status} {body!r}")
        return json.loads(body)

    def status(self) -> dict[str, int]:
        """connections, fetches, demands and waiting: all 0 when nothing is asked."""
        return {name: value for name, value in self.get("/status").items() if name != "url"}

    @property
    def index(self) -> Path:
        """The database."""
        found = sorted(self.cache.glob("*.sqlite"))
        if len(found) != 1:
            raise RuntimeError(f"one database expected in {self.cache}, not {found}")
        return found[0]

    def recorded(self) -> list[tuple[int, int]]:
        """The rows of cache_chunks: first byte and the byte after the last, in order.

        Read from a copy, so that looking changes nothing. Only for a server that has ended, and a
        cache with one object.
        """
        with tempfile.TemporaryDirectory(prefix="platter-index-") as folder:
            for path in self.cache.glob(self.index.name + "*"):
                shutil.copy(path, folder)
            connection = sqlite3.connect(Path(folder) / self.index.name)
            with contextlib.closing(connection):
                return connection.execute(
                    'SELECT start, "end" FROM cache_chunks ORDER BY entry, start').fetchall()

    def sql(self, statement: str) -> str:
        """What the sqlite3 shell prints, while the server runs."""
        done = subprocess.run(
            ["sqlite3", "-cmd", ".timeout 5000", str(self.index), statement],
            capture_output=True, text=True, timeout=20, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"sqlite3: {done.stderr}")
        return done.stdout
