"""Where something breaks: an origin, and a Platter whose cache folder a fault will strike."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

from platter_rigs.faults import Fault
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.player_rig import fetch_whole
from platter_rigs.raw_http import fetch_checked
from platter_rigs.waiting import until

#: Seconds after which new requests must be stored and hit again.
RECOVERY = 10
#: Seconds after which files that the index does not know must be gone.
TIDIED = 20
_NEW_LENGTH = 300_000


class Scene:
    """Ends its programs and file systems when it is left. A failure comes with Platter's log."""

    def __init__(
        self, folder: Path, fault: Fault, seed: int, length: int, *flags: str,
        root: Path | None = None, bandwidth: int = 0,
    ):
        self.folder = folder
        self.fault = fault
        self.seed = seed
        self.dice = random.Random(seed)
        #: Of the object that is read.
        self.length = length
        #: All bytes before it have reached all clients that are served.
        self.behind = 0
        #: No client that is served, and no socket, is within a film's read-ahead of it.
        self.beyond: int | None = None
        self._flags = flags
        self._new_objects = 0
        with contextlib.ExitStack() as ends:
            folder.mkdir()
            folder.chmod(0o711)
            cache = fault.make_place(folder, ends)
            self.origin = Origin(folder, root=root, bandwidth=bandwidth, latency=5)
            ends.callback(self.origin.stop)
            self.platter = Platter(self.origin.url, cache, *flags, under=fault.under)
            ends.callback(self._stop_platter)
            self._ends = ends.pop_all()

    def _stop_platter(self) -> None:
        code = self.platter.stop()
        if code != 0:
            raise AssertionError(f"platter ended with {code}\n{self.platter.log_tail()}")

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if problem is not None:
            problem.add_note(f"seed {self.seed}\n{self.platter.log_tail(12)}")
        with self._ends:
            self.fault.mend(self)

    def restart(self) -> None:
        """Platter anew, with the same cache."""
        self._stop_platter()
        self.platter = Platter(
            self.origin.url, self.platter.cache, *self._flags, under=self.fault.under)

    def data_files(self) -> list[Path]:
        """The files with bytes of objects."""
        return sorted((self.platter.cache / "objects").glob("*/*"))

    def has_said(self, text: str) -> bool:
        """Whether it is in the log."""
        return text in self.platter.log.read_text(errors="replace")

    def strike(self) -> None:
        """It happens now."""
        self.fault.strike(self)

    # What must hold afterwards.

    def check_recovery(self, path: str, seed: int = 0) -> None:
        """What was struck, and what is new, is stored and then given without the origin."""
        if not self.platter.is_running():
            raise AssertionError("platter is gone")
        if not self.fault.can_be_mended:
            return
        self.fault.mend(self)
        self._wait_until(self.is_stored_new, RECOVERY, "something new is stored")
        self._wait_until(
            lambda: self._is_stored(path, seed), RECOVERY, "what was struck is stored again")
        if self.fault.makes_index_anew:
            self._wait_until(
                self._is_index_right, TIDIED, "the index works, and tells of all data files")
        self._wait_until(
            lambda: not self._deleted_files(), RECOVERY, "no deleted file is held open")

    def _wait_until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Asks not too often: it costs a request or two."""
        if not until(condition, seconds, interval=0.3):
            raise AssertionError(
                f"not within {seconds} s: {what}; {len(self.data_files())} data files, "
                f"index: {short(self._entries())}, open: {short(self._deleted_files())}")

    def is_stored_new(self) -> bool:
        """Whether an object that was never asked for is given without the origin afterwards."""
        self._new_objects += 1
        seed = 100 + self._new_objects
        return self._is_stored(ramp_path(_NEW_LENGTH, seed), seed)

    def _is_stored(self, path: str, seed: int) -> bool:
        """Asks twice for all of it. Whether the origin had nothing to send for the second."""
        for _ in range(2):
            before = self.origin.body_bytes(path)
            if path.startswith("/ramp/"):
                fetch_checked(self.platter.url, path, seed=seed)
            else:
                fetch_whole(self.platter, path)
        return self.origin.body_bytes(path) == before

    def _entries(self) -> dict[str, int] | str:
        """The files of the entries in the index that has its name now, and their bytes in it."""
        try:
            index = sqlite3.connect(f"file:{self.platter.index}?mode=ro", timeout=5, uri=True)
            with contextlib.closing(index):
                return dict(index.execute(
                    'SELECT file, sum("end" - start) FROM cache_entries JOIN cache_chunks '
                    "ON entry = id GROUP BY file"))
        except (RuntimeError, sqlite3.Error) as problem:
            return f"{problem}"

    def _is_index_right(self) -> bool:
        """What was stored last is in it, and no file is there that it does not know."""
        if not self.is_stored_new():
            return False
        entries, files = self._entries(), {file.name for file in self.data_files()}
        return isinstance(entries, dict) and _NEW_LENGTH in entries.values() and (
            files <= entries.keys())

    def _deleted_files(self) -> list[str]:
        """What Platter holds open although its name is gone."""
        links = []
        for link in Path(f"/proc/{self.platter.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(link))
        return [link for link in links if link.endswith(" (deleted)")]


def short(value: object) -> str:
    """Its text, as far as one wants to read it."""
    return f"{value}"[:300]
