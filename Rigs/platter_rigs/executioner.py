"""Kills a program before its n-th system call that changes files, counted over all threads."""

from __future__ import annotations

from pathlib import Path

from platter_rigs.system_calls import CARRY_ON, KILL, Answer, Call, Supervisor, kind_of


class Executioner(Supervisor):
    """Counts the calls that change files, and kills before the last one that may not be made.

    - Parameters:
      - when: The number of the call; 0 only counts.
      - only: Calls of other names do not count.
    """

    def __init__(self, folder: Path, when: int, only: str | None = None):
        self.when = when
        self.only = only
        #: The call that was not carried out, as in `pwrite64 index.sqlite-wal`; of a call that
        #: names a file, the folder in which it does.
        self.killed_before: str | None = None
        super().__init__(folder, asks_all=False)

    def decide(self, call: Call) -> Answer:
        if self.only not in (None, call.name):
            return CARRY_ON
        self.count += 1
        if self.count != self.when:
            return CARRY_ON
        self.killed_before = f"{call.name} {kind_of(call.descriptor())}"
        return KILL
