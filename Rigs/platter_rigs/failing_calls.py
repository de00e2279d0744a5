"""A disk whose n-th operation fails: what the kernel would say is said by the rig in its place."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from platter_rigs.system_calls import CARRY_ON, KILL, Answer, Call, Supervisor, kind_of

_GROWS = {
    "pwrite64", "pwritev", "fallocate", "ftruncate", "mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "fsync", "fdatasync"}
_CHANGES = _GROWS | {"unlink", "unlinkat", "fchmod"}
_NAMES = {
    "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "newfstatat",
    "openat"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _is_any(call: Call) -> bool:
    return call.name != "dup"


def _grows(call: Call) -> bool:
    if call.name == "openat":
        return bool(call.arguments[2] & os.O_CREAT)
    return call.name in _GROWS


def _changes(call: Call) -> bool:
    if call.name == "openat":
        return bool(call.arguments[2] & _WRITES)
    return call.name in _CHANGES


def _names_a_file(call: Call) -> bool:
    return call.name in _NAMES


def _opens(call: Call) -> bool:
    return call.name in ("openat", "dup")


def _writes(call: Call) -> bool:
    return call.name == "pwrite64"


#: What may go wrong, and with which calls.
FAULTS = {
    "EIO": _is_any, "ENOSPC": _grows, "EDQUOT": _grows, "EROFS": _changes,
    "EACCES": _names_a_file, "EMFILE": _opens,
    # Half of it is written, and so it is said; or no more is said than that there is no room.
    "short": _writes, "torn": _writes,
    # The program ends: before the call, or in the middle of a write.
    "crash": _changes, "crash in a write": _writes,
}


@dataclass(frozen=True)
class Plan:
    """Which operation fails, and how."""

    fault: str
    #: Its number, among those that may fail so; 0 is none.
    when: int
    #: All those after it fail as well, until the disk is mended.
    lasts: bool = False
    #: Others do not count, as in `pwrite64 index.sqlite-wal`.
    where: str | None = None

    def __str__(self) -> str:
        what = f"{self.fault} {'from' if self.lasts else 'at'} {self.where or 'call'} {self.when}"
        return f"{what} on" if self.lasts else what


class FailingDisk(Supervisor):
    """Makes operations on files of one folder fail, and nothing else."""

    def __init__(self, folder: Path, cache: Path, plan: Plan):
        self.plan = plan
        #: What failed, as in `pwrite64 index.sqlite-wal`.
        self.hits: Counter[str] = Counter()
        self.first: str | None = None
        #: How many calls each fault may meet, when the plan is to meet none.
        self.counts: Counter[str] = Counter()
        self._seen = 0
        self._is_mended = False
        self._roots = {str(cache), os.path.realpath(cache)}
        super().__init__(folder, asks_all=True)

    def mend(self) -> None:
        """What comes from now on does not count either: no number of it could be met."""
        self._is_mended = True

    def progress(self) -> int:
        return self._seen

    def arm(self, plan: Plan) -> None:
        """Another fault, counted from now on."""
        self._is_mended = True
        self.plan, self.count, self.first = plan, 0, None
        self.hits.clear()
        self._is_mended = False

    def decide(self, call: Call) -> Answer:
        plan = self.plan
        if plan.when > 0 and not FAULTS[plan.fault](call):
            return CARRY_ON
        path = call.path()
        if not self._is_ours(call, path):
            return CARRY_ON
        self._seen += 1
        what = f"{call.name} {kind_of(path)}"
        if self._is_mended or plan.where not in (None, what):
            return CARRY_ON
        if plan.when == 0:
            self.counts.update(fault for fault, concerns in FAULTS.items() if concerns(call))
            return CARRY_ON
        self.count += 1
        fails = self.count >= plan.when if plan.lasts else self.count == plan.when
        if not fails:
            return CARRY_ON
        self.first = self.first or what
        self.hits[what] += 1
        return self._failure(call)

    def _is_ours(self, call: Call, path: str) -> bool:
        if not any(path == root or path.startswith(root + "/") for root in self._roots):
            return False
        # The sweep for orphans tries all 256 folders, most of which are not there.
        is_sweep = call.name == "openat" and kind_of(path) == "objects/*"
        return not is_sweep or os.path.exists(path)

    def _failure(self, call: Call) -> Answer:
        fault = self.plan.fault
        if fault == "crash":
            return KILL
        if hasattr(errno, fault):
            return Answer(error=getattr(errno, fault))
        written = _write_half(call)
        if fault == "crash in a write":
            return KILL
        return Answer(value=written) if fault == "short" else Answer(error=errno.ENOSPC)


def _write_half(call: Call) -> int:
    """Carries half of a write out for the program. Returns how much that is, at least a byte."""
    number, address, length, offset = call.arguments[:4]
    number &= 0xFFFFFFFF
    data = call.memory(address, max(1, length // 2))
    descriptor = os.open(f"/proc/{call.thread}/fd/{number}", os.O_WRONLY)
    try:
        return os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)
