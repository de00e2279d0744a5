"""A socket that outlives the server, as a service manager holds it (sd_listen_fds(3))."""

from __future__ import annotations

import socket
from pathlib import Path

from platter_rigs.origin import Origin
from platter_rigs.platter import Platter


class HeldSocket:
    """While no server is there, connects wait in its queue. To be closed."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(1024)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self, origin: Origin, cache: Path, *flags: str) -> Platter:
        """The server takes its first descriptor for the listener, as from systemd."""
        number = self._listener.fileno()
        script = f"exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\""
        return Platter(
            origin.url, cache, *flags, under=("sh", "-c", script, "sh"), passed=(number,))

    def __enter__(self) -> "HeldSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
