"""Sees the system calls of a program that concern files, counted over all threads, and may stop it.

A filter (seccomp) hands these calls to the rig before the kernel carries them out. strace would
count the calls of each thread for itself, so that most instants would never be tried.
"""

from __future__ import annotations

import array
import fcntl
import functools
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from platter_rigs import call_filter

# <linux/seccomp.h>
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_CONTINUE = 1
_CALL = struct.Struct("=QIIiIQ6Q")
_REPLY = struct.Struct("=QqiI")

#: Seconds without a call.
_QUIET = 0.1

#: Which argument is the descriptor, if it is not the first, and which one is a path.
_DESCRIPTORS = {"sendfile": 1}
_PATHS = {
    "openat": 1, "unlinkat": 1, "mkdirat": 1, "renameat": 1, "renameat2": 1, "newfstatat": 1,
    "unlink": 0, "mkdir": 0, "rename": 0, "statfs": 0}


@dataclass(frozen=True)
class Call:
    """A call that was not carried out yet."""

    thread: int
    name: str
    arguments: list[int]

    def descriptor(self) -> str:
        """Where the file or folder lies whose descriptor the call is given."""
        number = self.arguments[_DESCRIPTORS.get(self.name, 0)] & 0xFFFFFFFF
        try:
            return os.readlink(f"/proc/{self.thread}/fd/{number}")
        except OSError:
            return ""

    def path(self) -> str:
        """Where the file or folder lies that the call is about."""
        if self.name not in _PATHS:
            return self.descriptor()
        position = _PATHS[self.name]
        text = os.fsdecode(self.memory(self.arguments[position], 512).partition(b"\0")[0])
        if text.startswith("/") or position == 0:
            return text
        return os.path.join(self.descriptor(), text) if text else self.descriptor()

    def memory(self, address: int, length: int) -> bytes:
        """Bytes of the program; fewer when there are no more."""
        result = b""
        with open(f"/proc/{self.thread}/mem", "rb", buffering=0) as memory:
            while len(result) < length:
                # To the end of a page: the next one may not be there.
                count = min(length - len(result), 4096 - (address + len(result)) % 4096)
                memory.seek(address + len(result))
                try:
                    piece = memory.read(count)
                except OSError:
                    break
                result += piece
                if not piece:
                    break
        return result


@dataclass(frozen=True)
class Answer:
    """What becomes of a call: the kernel carries it out, the program ends, or it is told this."""

    value: int = 0
    error: int = 0
    kills: bool = False
    carries_on: bool = False


CARRY_ON = Answer(carries_on=True)
KILL = Answer(kills=True)


class Supervisor(threading.Thread):
    """Answers the calls of one program, on a thread of its own. The program is
    started behind `command`.

    - Parameter asks_all: About calls that only look as well.
    """

    def __init__(self, folder: Path, asks_all: bool):
        super().__init__(daemon=True)
        self.count = 0
        self.problem: OSError | None = None
        self._kind = "all" if asks_all else "changes"
        self._place = folder / "calls"
        self._place.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.settimeout(20)
        self._server.bind(str(self._place))
        self._server.listen(1)
        self.start()

    @property
    def command(self) -> list[str]:
        program = str(Path(call_filter.__file__).resolve())
        return [sys.executable, "-S", "-E", program, str(self._place), self._kind]

    def decide(self, call: Call) -> Answer:
        """What becomes of a call. `count` is the number of those that matter so far."""
        raise NotImplementedError

    def progress(self) -> int:
        """Grows with every call that matters."""
        return self.count

    def wait_until_quiet(self, seconds: float = 20) -> None:
        """Returns when no call was made for a while, or when the program has ended."""
        deadline = time.monotonic() + seconds
        last, since = -1, time.monotonic()
        while self.is_alive() and time.monotonic() - since < _QUIET:
            if time.monotonic() > deadline:
                raise TimeoutError(f"still changing files after {seconds} s")
            if self.progress() != last:
                last, since = self.progress(), time.monotonic()
            time.sleep(0.01)

    def run(self) -> None:
        try:
            with self._server:
                listener = self._listener()
        except OSError as problem:
            self.problem = problem
            return
        try:
            poll = select.poll()
            poll.register(listener, select.POLLIN)
            # Only a hang-up is left when the program has ended.
            while any(event & select.POLLIN for _, event in poll.poll()):
                self._answer(listener)
        finally:
            os.close(listener)

    def _listener(self) -> int:
        connection, _ = self._server.accept()
        with connection:
            connection.settimeout(20)
            descriptors = array.array("i")
            _, extra, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(descriptors.itemsize))
            if not extra:
                raise ConnectionError("the program could not be put under the filter")
            descriptors.frombytes(extra[0][2])
            return descriptors[0]

    def _answer(self, listener: int) -> None:
        notice = bytearray(_CALL.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
        except FileNotFoundError:
            # The thread that asked has gone.
            return
        identity, thread, _, number, _, _, *arguments = _CALL.unpack(notice)
        try:
            answer = self.decide(Call(thread, _names_here()[number], arguments))
        except (FileNotFoundError, ProcessLookupError):
            answer = CARRY_ON
        except OSError as problem:
            self.problem = problem
            answer = CARRY_ON
        if answer.kills:
            os.kill(thread, signal.SIGKILL)
            return
        flags = _CONTINUE if answer.carries_on else 0
        try:
            fcntl.ioctl(
                listener, _SEND, _REPLY.pack(identity, answer.value, -answer.error, flags))
        except FileNotFoundError:
            pass


@functools.cache
def _names_here() -> dict[int, str]:
    return call_filter.names()


def kind_of(path: str) -> str:
    """The name of a file or folder, without what differs from run to run."""
    name = os.path.basename(path.removesuffix(" (deleted)"))
    return {49: "data file", 2: "objects/*"}.get(len(name), name)
