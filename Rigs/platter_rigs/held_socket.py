"""A socket that outlives the server, as a service manager holds it (sd_listen_fds(3))."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from platter_rigs.origin import Origin
from platter_rigs.platter import Platter


#: Becomes the program that is named, with a descriptor as its first. A shell may know none above 9.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


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
        return Platter(
            origin.url, cache, *flags, under=(sys.executable, "-c", HAND_OVER, str(number)),
            passed=(number,))

    def __enter__(self) -> "HeldSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
