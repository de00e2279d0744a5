"""What the rigs share that send what nobody would send."""

from __future__ import annotations

import http.client
import os
import re
import selectors
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from platter_rigs.case import Rig
from platter_rigs.origin import ramp_path
from platter_rigs.platter import Platter

#: Another one finds other things: PLATTER_SEED.
SEED = os.environ.get("PLATTER_SEED", "1")
LENGTH = 300_000
PATH = ramp_path(LENGTH, 3)
#: Connections open at the same time.
WAVE = 50
#: Seconds for which the answers of a wave are waited for.
PATIENCE = 0.1
#: Seconds until nothing is left of clients that have gone.
SETTLED = 30


def send_all(url: str, requests: Sequence[bytes]) -> list[bytes]:
    """Each on a connection of its own; what has come back after a moment."""
    parts = urlsplit(url)
    answers = [b""] * len(requests)
    with selectors.DefaultSelector() as selector:
        connections = []
        for number, request in enumerate(requests):
            try:
                connection = socket.create_connection((parts.hostname, parts.port), 10)
            except OSError:
                # Nobody listens: it is asked afterwards how it is.
                continue
            connections.append(connection)
            connection.settimeout(10)
            try:
                connection.sendall(request)
            except OSError:
                # It was refused before all of it was sent.
                pass
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, number)
        deadline = time.monotonic() + PATIENCE
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                try:
                    answers[key.data] = key.fileobj.recv(4096)
                except OSError:
                    pass
                selector.unregister(key.fileobj)
        for connection in connections:
            connection.close()
    return answers


def trace(platter: Platter) -> str:
    """Where it died, as far as its log says."""
    lines = platter.log.read_text(errors="replace").splitlines()
    wanted = re.compile(r"runtime failure| in platter at |Fatal")
    return "\n".join([line[:160] for line in lines if wanted.search(line)][:12])


class FuzzRig(Rig):
    limit = 900

    def check_alive(self, platter: Platter, what: str) -> None:
        """A process that writes down where it trapped takes some seconds to end."""
        try:
            platter.status()
        except (OSError, http.client.HTTPException) as error:
            self.wait_until(lambda: not platter.is_running(), 30, f"{error!r}, yet it runs")
            self.fail(f"seed {SEED}: it died of {what}\n{trace(platter)}")

    def settle(self, platter: Platter) -> None:
        self.wait_until(
            lambda: not any(platter.status().values()), SETTLED,
            f"all of the status is 0, not {platter.status()}")
