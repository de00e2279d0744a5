"""A server on a failing disk: what its clients must get, and what must hold when it is mended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs.anomaly_client import Client, Violation
from platter_rigs.extents import merged, overlap
from platter_rigs.failing_calls import FailingDisk, Plan
from platter_rigs.load import Film
from platter_rigs.log_texts import INDEX_UNUSABLE
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.stored import Stored, files_without_entry, stored
from platter_rigs.waiting import until

#: Seconds after which a mended disk must be used again.
RECOVERY = 15
#: Seconds after which files that the index does not know must be gone.
TIDIED = 20
#: Seconds without a change after which eviction has come to its end.
QUIET = 1
#: Files and threads that there may be more than before: connections to the origin come and go.
FILES, THREADS = 8, 4
_NEW_LENGTH = 200_000


class Place:
    """A cache folder, its origin, and what is done to servers on it one after the other."""

    def __init__(self, folder: Path, cache: Path, *flags: str):
        self.folder = folder
        self.cache = cache
        #: The disk is so small that a start may begin with eviction.
        self.is_tight = False
        #: Responses of a run that may be cut without a fault.
        self.cuts = 0
        self.flags = ("--no-background-fill", *flags)
        self.origin = Origin(folder)
        self.client = Client()
        self.films = 0
        self.tally: Counter[str] = Counter()
        #: What was hit first, over all runs.
        self.hits: Counter[str] = Counter()

    def new_film(self, length: int) -> Film:
        """One that the cache has never seen."""
        self.films += 1
        return Film(length, self.films)

    def empty(self) -> None:
        """Nothing is left of the cache, and of what the origin remembers."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.with_suffix(".log").unlink(missing_ok=True)

    def start(self) -> Platter:
        return Platter(self.origin.url, self.cache, *self.flags)

    def stop(self, platter: Platter) -> None:
        code = platter.stop()
        if code != 0:
            raise Violation(f"ended with {code}\n{platter.log_tail()}")

    # One run.

    def run(
        self, plan: Plan, work: Callable[[Platter], None], mends: bool = True
    ) -> FailingDisk:
        """Works on a server whose disk fails as planned, and checks what must hold afterwards.

        - Parameter mends: The disk is mended before the server ends, and not only after.
        """
        self.origin.reset()
        self.cache.with_suffix(".log").unlink(missing_ok=True)
        disk = FailingDisk(self.folder, self.cache, plan)
        try:
            cuts = self.client.cuts
            self._work(disk, work, mends)
            disk.join(20)
            if disk.problem is not None:
                raise disk.problem
            self._check_cuts(disk, self.client.cuts - cuts)
            self.check_restart()
        except (AssertionError, RuntimeError, OSError, sqlite3.Error) as problem:
            log = self.cache.with_suffix(".log")
            text = log.read_text(errors="replace") if log.exists() else ""
            raise Violation(
                f"{plan}, {disk.first}: {type(problem).__name__} {problem}\n"
                f"{dict(disk.hits)}\n{text[-3000:]}") from problem
        self.tally["runs"] += 1
        if disk.first is not None:
            self.tally["with a fault"] += 1
            self.tally["faults"] += disk.hits.total()
            self.hits[f"{plan.fault} {disk.first}"] += 1
            self._note_loss(disk)
        return disk

    def _note_loss(self, disk: FailingDisk) -> None:
        """An index that was given up: all that was on disk is gone with it."""
        log = self.cache.with_suffix(".log")
        text = log.read_text(errors="replace") if log.exists() else ""
        for line in text.splitlines():
            if INDEX_UNUSABLE in line:
                why = line.partition("error=")[2][:60]
                self.hits[f"LOST {disk.plan.fault} {disk.first}: {why}"] += 1
                self.tally["indexes lost"] += 1
                is_given_up = "IndexError.corrupt" in line or "IndexError.replaced" in line
                if is_given_up and not disk.plan.lasts:
                    raise Violation(
                        f"{disk.plan}, {disk.first}: it passed, and yet all is lost: {line}")

    def _work(
        self, disk: FailingDisk, work: Callable[[Platter], None], mends: bool
    ) -> None:
        crashes = disk.plan.fault.startswith("crash")
        try:
            platter = Platter(self.origin.url, self.cache, *self.flags, under=disk.command)
        except RuntimeError as problem:
            return self._check_refusal(disk, crashes, problem)
        try:
            work(platter)
            if mends:
                disk.mend()
                self.check_mended(platter)
        except (OSError, Violation):
            if not (crashes and disk.first is not None):
                raise
        finally:
            code = platter.stop()
            if crashes and code == -signal.SIGKILL:
                self.tally["crashes"] += 1
            elif code != 0:
                raise Violation(f"ended with {code}")

    def _check_refusal(self, disk: FailingDisk, crashes: bool, problem: RuntimeError) -> None:
        """It may say why it cannot start."""
        if disk.first is None:
            raise problem
        if crashes:
            self.tally["crashes"] += 1
            return
        said = self.cache.with_suffix(".log").read_text().splitlines()
        if not said or not said[-1].startswith("platter: "):
            raise Violation(f"it did not start, and said: {said}")
        self.tally["starts refused"] += 1
        self.hits[f"REFUSED {disk.plan.fault} {disk.first}: {said[-1][:100]}"] += 1

    def _check_cuts(self, disk: FailingDisk, cuts: int) -> None:
        """A response is closed short only where `sendfile` failed, which NIO ends a channel for."""
        self.tally["responses cut"] += cuts
        failed = sum(count for what, count in disk.hits.items() if what.startswith("sendfile "))
        is_gone = disk.plan.fault.startswith("crash") and disk.first is not None
        if cuts > failed + self.cuts and not is_gone:
            raise Violation(f"{cuts} responses cut, and sendfile failed {failed} times")

    # What must hold.

    def check_mended(self, platter: Platter) -> None:
        """What is new is stored again, and nothing is left behind."""
        if not platter.is_running():
            raise Violation("it has ended")
        begun = time.monotonic()
        if not until(lambda: self.is_stored(platter), RECOVERY, interval=0.1):
            raise Violation(f"nothing is stored {RECOVERY} s after the fault")
        took = time.monotonic() - begun
        self.tally["slowest recovery in ms"] = max(
            self.tally["slowest recovery in ms"], int(took * 1000))
        if not until(lambda: not any(platter.status().values()), 5, interval=0.02):
            raise Violation(f"still busy: {platter.status()}")
        if not until(lambda: not deleted_files(platter), 5, interval=0.1):
            raise Violation(f"held open: {deleted_files(platter)}")

    def is_stored(self, platter: Platter) -> bool:
        """Asks twice for something new. Whether the origin had nothing to send for the second."""
        film = self.new_film(_NEW_LENGTH)
        self.client.take(platter.url, film)
        before = self.origin.body_bytes(film.path)
        self.client.take(platter.url, film)
        return self.origin.body_bytes(film.path) == before

    def check_restart(self) -> None:
        """Rows tell the truth, are served without the origin, and files without rows go."""
        found = self.audit("after the fault")
        if self.is_tight:
            # What is there may be too much, with files that a crash has left without an entry.
            platter = self.start()
            self.wait_for_eviction()
            self.stop(platter)
            found = self.audit("after eviction")
        platter = self.start()
        try:
            self._check_rows(platter, found)
            if found.orphans and not until(
                    lambda: not files_without_entry(self.cache), TIDIED, interval=0.1):
                raise Violation(f"files without an entry: {files_without_entry(self.cache)}")
        finally:
            self.stop(platter)
        self.tally["orphans removed"] += len(found.orphans)

    def wait_for_eviction(self) -> None:
        """Until the index has stayed the same for a while."""
        last, since = self.recorded(), time.monotonic()

        def is_quiet() -> bool:
            nonlocal last, since
            recorded = self.recorded()
            if recorded != last:
                last, since = recorded, time.monotonic()
            return time.monotonic() - since > QUIET

        if not until(is_quiet, TIDIED, interval=0.1):
            raise Violation("eviction goes on for ever")

    def recorded(self) -> int:
        """Bytes that the index promises."""
        with contextlib.closing(sqlite3.connect(
                f"file:{self.cache}/index.sqlite?mode=ro", timeout=5, uri=True)) as index:
            (total,) = index.execute(
                'SELECT ifnull(sum("end" - start), 0) FROM cache_chunks').fetchone()
            return total

    def audit(self, what: str) -> Stored:
        found = stored(self.cache, self.client.versions)
        if found.lies:
            raise Violation(f"{what}: rows without their bytes: {found.lies[:3]}")
        if found.wrong_sums:
            raise Violation(f"{what}: rows with another checksum: {found.wrong_sums[:3]}")
        return found

    def _check_rows(self, platter: Platter, found: Stored) -> None:
        """What is recorded is not fetched again."""
        self.origin.reset()
        films = {Film(*map(int, row.path.split("/")[2:])) for row in found.rows}
        recent = {film.path for film in films} - set(self.client.versions)
        for film in sorted(films, key=lambda film: film.seed)[-4:]:
            for start, end in merged(found.extents(film.path)):
                self.client.take(platter.url, film, start, end)
        for sent in self.origin.log_of_requests():
            if sent.path in recent and overlap([sent.extent()], found.extents(sent.path)):
                raise Violation(f"fetched again although recorded: {sent}")


def deleted_files(platter: Platter) -> list[str]:
    """What it holds open although its name is gone."""
    links = []
    for link in Path(f"/proc/{platter.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(link))
    return [link for link in links if link.endswith(" (deleted)")]


def together(*works: Callable[[], None]) -> None:
    """Several clients at once. Raises what was wrong with any."""
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
