"""Puts a program under a filter (seccomp) that hands its system calls about files to the rig.

As a program, `call_filter.py SOCKET changes|all PROGRAM ARGUMENT…` puts itself under the filter,
sends the descriptor from which the calls are read to the socket, and becomes the program. It is run
some ten thousand times, so it imports little.
"""

from __future__ import annotations

import array
import ctypes
import os
import socket
import struct
import sys

#: Calls that change files: their numbers on x86-64 and on AArch64, -1 where there is none.
_CALLS = {
    "pwrite64": (18, 68), "pwritev": (296, 70), "fallocate": (285, 47), "ftruncate": (77, 46),
    "fsync": (74, 82), "fdatasync": (75, 83), "unlink": (87, -1), "unlinkat": (263, 35),
    "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1),
    "mkdirat": (258, 34), "openat": (257, 56),
}
#: Calls that only look.
_LOOKS = {
    "pread64": (17, 67), "preadv2": (327, 286), "sendfile": (40, 71), "fstat": (5, 80),
    "newfstatat": (262, 79), "statfs": (137, 43), "fstatfs": (138, 44), "getdents64": (217, 61),
    "dup": (32, 23), "fchmod": (91, 52),
}
#: AUDIT_ARCH_*, the number of seccomp(2), and the column above.
_MACHINES = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}

# <linux/seccomp.h> and <linux/prctl.h>
_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER = 1
_NEW_LISTENER = 8
_ALLOW = 0x7FFF0000
_ASK = 0x7FC00000

# <linux/bpf_common.h>: a word of the call's data is loaded, compared with a number, returned.
_LOAD, _IS_EQUAL, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _OPEN_FLAGS_AT = 0, 4, 32


def are_countable() -> bool:
    """Whether this system can hand calls over."""
    return sys.platform == "linux" and os.uname().machine in _MACHINES


def names() -> dict[int, str]:
    column = _MACHINES[os.uname().machine][2]
    calls = {**_CALLS, **_LOOKS}
    return {numbers[column]: name for name, numbers in calls.items() if numbers[column] >= 0}


def _filter(asks_all: bool) -> bytes:
    """Asks about the calls above; if not about all, then of `openat` only about those that may
    make a file, and about none that only looks."""
    machine = _MACHINES[os.uname().machine][0]
    asked = names()
    if not asks_all:
        asked = {number: name for number, name in asked.items() if name not in _LOOKS}
    opening = next(number for number, name in asked.items() if name == "openat")
    others = [number for number in asked if number != opening]
    ask = len(others) + 2
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT), (_IS_EQUAL, 0, ask + 3, machine), (_LOAD, 0, 0, _NUMBER_AT)]
    steps += [
        (_IS_EQUAL, ask - index, 0, number) for index, number in enumerate(others)]
    steps += [
        (_IS_EQUAL, 0, 3, opening), (_LOAD, 0, 0, _OPEN_FLAGS_AT),
        (_HAS_BITS, 0, 0 if asks_all else 1, os.O_CREAT), (_RETURN, 0, 0, _ASK),
        (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _install(asks_all: bool) -> int:
    """Puts this process under the filter. Returns the descriptor for whoever answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter(asks_all)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(buffer))
    number = _MACHINES[os.uname().machine][1]
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _become(place: str, kind: str, command: list[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(place)
        listener = _install(asks_all=kind == "all")
        connection.sendmsg(
            [b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(sys.argv[1], sys.argv[2], sys.argv[3:])
