"""Kills a program before its n-th system call that changes files, counted over all threads.

A filter (seccomp) hands these calls to the rig before the kernel carries them out. strace would
count the calls of each thread for itself, so that most instants would never be tried.

As a program, `system_calls.py SOCKET PROGRAM ARGUMENT…` puts itself under the filter, sends the
descriptor from which the calls are read to the socket, and becomes the program.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

#: Calls that change files: their numbers on x86-64 and on AArch64, -1 where there is none.
_CALLS = {
    "pwrite64": (18, 68), "pwritev": (296, 70), "fallocate": (285, 47), "ftruncate": (77, 46),
    "fsync": (74, 82), "fdatasync": (75, 83), "unlink": (87, -1), "unlinkat": (263, 35),
    "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1),
    "mkdirat": (258, 34), "openat": (257, 56),
}
#: AUDIT_ARCH_*, the number of seccomp(2), and the column above.
_MACHINES = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}

# <linux/seccomp.h> and <linux/prctl.h>
_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER = 1
_NEW_LISTENER = 8
_ALLOW = 0x7FFF0000
_ASK = 0x7FC00000
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_CONTINUE = 1
_CALL = struct.Struct("=QIIiIQ6Q")
_REPLY = struct.Struct("=QqiI")

# <linux/bpf_common.h>: a word of the call's data is loaded, compared with a number, returned.
_LOAD, _IS_EQUAL, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _OPEN_FLAGS_AT = 0, 4, 32


#: Seconds without a call.
_QUIET = 0.1


def are_countable() -> bool:
    """Whether this system can hand calls over."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def _names() -> dict[int, str]:
    column = _MACHINES[platform.machine()][2]
    return {numbers[column]: name for name, numbers in _CALLS.items() if numbers[column] >= 0}


def _filter() -> bytes:
    """Asks about the calls above; of `openat` only about those that may make a file."""
    machine = _MACHINES[platform.machine()][0]
    names = _names()
    opening = next(number for number, name in names.items() if name == "openat")
    others = [number for number in names if number != opening]
    ask = len(others) + 2
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT), (_IS_EQUAL, 0, ask + 3, machine), (_LOAD, 0, 0, _NUMBER_AT)]
    steps += [
        (_IS_EQUAL, ask - index, 0, number) for index, number in enumerate(others)]
    steps += [
        (_IS_EQUAL, 0, 3, opening), (_LOAD, 0, 0, _OPEN_FLAGS_AT),
        (_HAS_BITS, 0, 1, os.O_CREAT), (_RETURN, 0, 0, _ASK), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _install() -> int:
    """Puts this process under the filter. Returns the descriptor for whoever answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter()
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(buffer))
    number = _MACHINES[platform.machine()][1]
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


class Executioner(threading.Thread):
    """Counts the calls of one program, and kills it before the last one that it may not make.

    Start the program behind `command`.

    - Parameters:
      - when: The number of the call; 0 only counts.
      - only: Calls of other names do not count.
    """

    def __init__(self, folder: Path, when: int, only: str | None = None):
        super().__init__(daemon=True)
        self.when = when
        self.only = only
        self.count = 0
        #: The call that was not carried out, as in `pwrite64 index.sqlite-wal`; of a call that
        #: names a file, the folder in which it does.
        self.killed_before: str | None = None
        self.problem: OSError | None = None
        self._place = folder / "calls"
        self._place.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.settimeout(20)
        self._server.bind(str(self._place))
        self._server.listen(1)
        self.start()

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-S", "-E", str(Path(__file__).resolve()), str(self._place)]

    def wait_until_quiet(self, seconds: float = 20) -> None:
        """Returns when no call was made for a while, or when the program has ended."""
        deadline = time.monotonic() + seconds
        last, since = -1, time.monotonic()
        while self.is_alive() and time.monotonic() - since < _QUIET:
            if time.monotonic() > deadline:
                raise TimeoutError(f"still changing files after {seconds} s")
            if self.count != last:
                last, since = self.count, time.monotonic()
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
        call = bytearray(_CALL.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, call)
        except FileNotFoundError:
            # The thread that asked has gone.
            return
        identity, thread, _, number, _, _, *arguments = _CALL.unpack(call)
        name = _names()[number]
        if self.only in (None, name):
            self.count += 1
            is_last = self.count == self.when
        else:
            is_last = False
        if is_last:
            self.killed_before = f"{name} {_target(thread, arguments[0])}"
            os.kill(thread, signal.SIGKILL)
            return
        try:
            fcntl.ioctl(listener, _SEND, _REPLY.pack(identity, 0, 0, _CONTINUE))
        except FileNotFoundError:
            pass


def _target(thread: int, descriptor: int) -> str:
    """The name of an open file or folder, without what differs from run to run."""
    try:
        name = os.path.basename(os.readlink(f"/proc/{thread}/fd/{descriptor & 0xFFFFFFFF}"))
    except OSError:
        return ""
    return {49: "data file", 2: "objects/*"}.get(len(name), name)


def _become(place: str, command: list[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(place)
        listener = _install()
        connection.sendmsg(
            [b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(sys.argv[1], sys.argv[2:])
