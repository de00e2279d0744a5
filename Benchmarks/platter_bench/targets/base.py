"""What every target can do: be started before an origin, measured, restarted and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from platter_rigs.processes import Program

_TICKS = os.sysconf("SC_CLK_TCK")
#: Where ports are sought for programs that cannot take a free one themselves.
_PORTS = range(43_000, 44_000)
_next_port = os.getpid() % len(_PORTS)


@dataclass(frozen=True)
class Options:
    """What a scenario wants of a target.

    `size` is what the cache may hold in bytes, `fresh` for how many seconds it may answer unasked.
    """

    size: int = 8 << 30
    fresh: int = 3600
    cores: int = os.cpu_count() or 1


@dataclass(frozen=True)
class Memory:
    """Bytes of all processes: shared pages are counted once, each with its share.

    `kept` is without pages of files, which the kernel can drop.
    """

    proportional: int
    kept: int


class Target:
    """A cache, or none. One instance is one run; `start` after `stop` is a restart."""

    name = ""
    #: Debian's, or None when nothing is installed for it.
    package: str | None = None
    #: Whether it is another cache, that Platter is compared with.
    is_peer = True

    def __init__(self, options: Options):
        self.options = options
        self.base = ""
        self._port: int | None = None
        self._programs: list[Program] = []

    # What each target says.

    def launch(self, origin_url: str, folder: Path) -> None:
        """Starts it; `base` and the program must be known then."""
        raise NotImplementedError

    def version(self) -> str:
        raise NotImplementedError

    # What all share.

    def start(self, origin_url: str, folder: Path) -> None:
        """Returns when it answers. `folder` is for its cache and its configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        self.launch(origin_url, folder)
        if self._programs:
            self._wait_until_listening()

    def run(self, arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self._programs.append(Program(arguments, log, environment))

    def port(self) -> int:
        """One that was free when it was first asked for: after a restart it is the same."""
        if self._port is None:
            self._port = free_port()
        return self._port

    def keep(self, program: Program) -> None:
        self._programs.append(program)

    def url(self, path: str) -> str:
        return self.base + path

    def stop(self) -> None:
        """SIGTERM to what was started; what of it is left after that is killed, by its number."""
        for program in self._programs:
            family = {pid: _started(pid) for pid in _descendants(program.pid)}
            # A program that does not end is no reason to lose the figures: it is killed then.
            with contextlib.suppress(RuntimeError):
                program.stop(20)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and any(
                    _started(pid) == begun is not None for pid, begun in family.items()):
                time.sleep(0.02)
            for pid, begun in family.items():
                if begun is not None and _started(pid) == begun:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        self._programs = []

    def pids(self) -> list[int]:
        """Of what was started and of all that it has started."""
        found = []
        for program in self._programs:
            found += [program.pid, *_descendants(program.pid)]
        return found

    def cpu_seconds(self) -> float:
        """Of all its processes so far, and of those that they have seen the end of."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(int(field) for field in fields[11:15])
        return total / _TICKS

    def memory(self) -> Memory:
        proportional = kept = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    name, _, rest = line.partition(":")
                    if name == "Pss":
                        proportional += int(rest.split()[0]) << 10
                    if name in ("Pss_Anon", "Pss_Shmem"):
                        kept += int(rest.split()[0]) << 10
        return Memory(proportional, kept)

    def _wait_until_listening(self) -> None:
        parts = urlsplit(self.base)
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            for program in self._programs:
                if not program.is_running():
                    raise RuntimeError(f"{self.name} has ended:\n{program.log_tail()}{program.lines}")
            with contextlib.suppress(OSError), socket.create_connection(
                    (parts.hostname, parts.port), 1):
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self.name} does not listen on {self.base}")


def free_port() -> int:
    """One that nobody listens on now."""
    global _next_port
    for _ in _PORTS:
        port = _PORTS[_next_port]
        _next_port = (_next_port + 1) % len(_PORTS)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                tried.bind(("127.0.0.1", port))
                return port
    raise RuntimeError(f"no free port in {_PORTS}")


def first_line(*command: str) -> str:
    """Of what a program says, on either output."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
        check=False)
    return next((line.strip() for line in done.stdout.splitlines() if line.strip()), "")


def _descendants(pid: int) -> list[int]:
    """Children, and theirs."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _started(pid: int) -> str | None:
    """When a process began, in ticks: with its number that is one process for ever."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        return None
