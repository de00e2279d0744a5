"""Programs that the rigs start: awaited until ready, watched and ended by their process id."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_running: set["Program"] = set()
#: What prints one would hold stdout of a program that has crashed, and whoever waits for its end with it.
_NO_BACKTRACE = {"SWIFT_BACKTRACE": "enable=no"}


def binary(name: str) -> str:
    """The path of one of our programs: in PLATTER_BIN, else where a release build leaves it."""
    folder = Path(os.environ.get("PLATTER_BIN", ".build/release"))
    path = (REPOSITORY / folder / name).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run `make build`, or set PLATTER_BIN")
    return str(path)


class Program:
    """A program in the background. What it prints is kept: stdout as lines, stderr in a file."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str] | None = None,
                 passed: tuple[int, ...] = ()):
        self.arguments = arguments
        self.log = log
        self.lines: list[str] = []
        self._news = threading.Condition()
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, **_NO_BACKTRACE, **(environment or {})}, text=True,
                pass_fds=passed)
        _running.add(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def line(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """The first line of stdout in which the pattern is found; waits for it."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                for line in self.lines:
                    if match := re.search(pattern, line):
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    break
                self._news.wait(left)
        self.kill()
        raise RuntimeError(
            f"{self.arguments[0]} did not print {pattern!r} within {seconds} s, but: "
            f"{self.lines}\n{self.log_tail()}")

    def wait(self, seconds: float) -> int:
        """The exit code; negative is a signal."""
        code = self._process.wait(seconds)
        self._over()
        return code

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM, and SIGKILL when that is not enough. Harmless when it has ended."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            waits = self.waits()
            self.kill()
            raise RuntimeError(
                f"{self.arguments[0]} did not end within {seconds} s of SIGTERM; {waits}")

    def kill(self) -> None:
        """SIGKILL, and its end."""
        self._process.kill()
        self.wait(10)

    def _over(self) -> None:
        self._reader.join(5)
        self._process.stdout.close()
        _running.discard(self)

    def log_tail(self, lines: int = 30) -> str:
        """The last of what it wrote to stderr."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "".join(f"    | {line}\n" for line in text.splitlines()[-lines:])

    # What Linux tells of a process.

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def waits(self) -> list[str]:
        """What each thread does in the kernel: its name, where it waits, its system call."""
        found = []
        for task in Path(f"/proc/{self.pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                found.append(" ".join(
                    (task / name).read_text().strip() for name in ("comm", "wchan", "syscall")))
        return found

    def cpu_seconds(self) -> float:
        """Of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes; VmRSS is now, VmHWM the most so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"no {field} of process {self.pid}")


def end_all() -> None:
    """Ends what is still running, for the ways out that no test sees."""
    for program in list(_running):
        program.kill()


atexit.register(end_all)
