"""All that can go wrong while clients go on asking: what they share, the clients, and the troubles."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from platter_rigs.load import Film
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, WrongBytes, range_of
from platter_rigs.strikes import STRIKES
from platter_rigs.volumes import Filler

#: Of the cache, in bytes.
_MOST = "128M"
_BANDWIDTH = 40_000_000
#: Seconds; nobody may wait longer for a byte, and origins are never away as long.
PATIENCE = 25
#: Names of the only ones that come, to find the cause of what one of them does; all of them where it is empty.
_TROUBLES = os.environ.get("PLATTER_CHAOS_TROUBLES", "").split()


class World:
    """What the clients and the troubles share."""

    def __init__(self, folder: Path, cache: Path, ends: contextlib.ExitStack):
        self.cache = cache
        self.origin = Origin(folder, bandwidth=_BANDWIDTH, latency=5)
        ends.callback(self.origin.stop)
        self.platter = self.start()
        ends.callback(lambda: self.platter.stop())
        self.lock = threading.Lock()
        self.tally: Counter[str] = Counter()
        self.problems: list[str] = []
        self.is_over = threading.Event()
        self._under_way: Counter[str] = Counter()
        self._ended: dict[str, float] = {}

    def start(self) -> Platter:
        return Platter(self.origin.url, self.cache, "--max-size", _MOST, "--drain", "1")

    @contextlib.contextmanager
    def harm(self, *kinds: str) -> Iterator[None]:
        """Something is done to `files`, `connections` or the `origin`."""
        with self.lock:
            self._under_way.update(kinds)
        try:
            yield
        finally:
            with self.lock:
                self._under_way.subtract(kinds)
                self._ended |= dict.fromkeys(kinds, time.monotonic())

    def was_harmed(self, since: float, *kinds: str) -> bool:
        """Whether one of these is being done, or was since then."""
        with self.lock:
            return any(
                self._under_way[kind] > 0 or self._ended.get(kind, 0) >= since for kind in kinds)

    def count(self, what: str, many: int = 1) -> None:
        with self.lock:
            self.tally[what] += many

    def complain(self, problem: str) -> None:
        with self.lock:
            self.problems.append(f"{time.strftime('%H:%M:%S')} {problem}")
        self.is_over.set()


class Client(threading.Thread):
    """Asks for this and that, and compares."""

    def __init__(self, world: World, films: list[Film], dice: random.Random):
        super().__init__(daemon=True)
        self.world = world
        self.films = films
        self.dice = dice

    def run(self) -> None:
        while not self.world.is_over.is_set():
            began = time.monotonic()
            film = self.dice.choice(self.films)
            url = self.world.platter.url
            try:
                self.ask(url, film)
            except WrongBytes as problem:
                # What a socket holds of a file cannot be called back.
                if self.world.was_harmed(began, "files"):
                    self.world.count("excused")
                else:
                    self.world.complain(f"{film}: {problem}")
            except TimeoutError:
                self.world.complain(f"{film}: nothing came for {PATIENCE} s")
            except (OSError, ValueError) as problem:
                if not self.world.was_harmed(began, "connections"):
                    self.world.complain(f"{film}: {problem!r}")
                self.world.count("connections lost")
                time.sleep(0.05)

    def ask(self, url: str, film: Film) -> None:
        dice, world = self.dice, self.world
        start = dice.choice([0, dice.randrange(film.length)])
        end = min(film.length, start + dice.choice([1, 1000, 100_000, 3_000_000, film.length]))
        with Connection(url, PATIENCE) as connection:
            began = time.monotonic()
            if dice.random() < 0.05:
                response = connection.request(film.path, method="HEAD")
            elif dice.random() < 0.1:
                count = end - start
                response = connection.request(film.path, f"bytes=-{count}")
                start = film.length - count
            else:
                response = connection.request(film.path, range_of(start, end))
            if response.status not in (200, 206):
                world.count(f"{response.status}")
                # It says so only where the origin has failed, or the server is about to end.
                if not world.was_harmed(began - PATIENCE, "origin", "connections"):
                    raise WrongBytes(f"{response.status} {response.fields}")
                time.sleep(0.05)
                return
            if response.length == 0:
                return world.count("heads")
            if response.status != 206 or response.start != start or response.total != film.length:
                raise WrongBytes(f"206 from {start} expected, not {response.fields}")
            style = dice.random()
            if style < 0.1:
                response.check(dice.randrange(response.length), seed=film.seed)
                return world.count("hung up")
            while response.ending is None:
                world.count("bytes", response.check(1 << 20, seed=film.seed))
                if style < 0.3:
                    time.sleep(dice.random() * 0.3)
            world.count(response.ending.name.lower())
            if response.ending is not Ending.COMPLETE and not world.was_harmed(
                    began - PATIENCE, "files", "connections", "origin"):
                raise WrongBytes(f"{response.left} bytes before the end: {response.ending}")


class Troubles:
    """Each does its harm, and undoes what would not go away by itself."""

    def __init__(self, world: World, dice: random.Random, is_mounted: bool):
        self.world = world
        self.dice = dice
        self.kinds: list[Callable[[], None]] = [
            self.file, self.file, self.file, self.index_removed, self.index_garbled,
            self.index_locked, self.rows_deleted, self.rows_doubted, self.origin_resets,
            self.origin_away, self.origin_stalls, self.killed, self.restarted, self.stopped]
        if is_mounted:
            self.kinds += [self.disk_full, self.emptied]
        else:
            self.kinds += [self.folder_removed, self.folder_moved]
        if _TROUBLES:
            self.kinds = [kind for kind in self.kinds if kind.__name__ in _TROUBLES]

    def one(self) -> str:
        kind = self.dice.choice(self.kinds)
        with contextlib.suppress(FileNotFoundError):
            kind()
        self.world.count(kind.__name__)
        return kind.__name__

    def file(self) -> None:
        files = list((self.world.cache / "objects").glob("*/*"))
        if not files:
            return
        path = self.dice.choice(files)
        strike = self.dice.choice(STRIKES)
        with self.world.harm("files"):
            strike(path, self.dice, max(2, path.stat().st_size))

    def _index(self) -> Path:
        return self.world.cache / "index.sqlite"

    def index_removed(self) -> None:
        for file in self.world.cache.glob("index.sqlite*"):
            file.unlink(missing_ok=True)

    def index_garbled(self) -> None:
        path = self._index().with_name(self.dice.choice(["index.sqlite", "index.sqlite-wal"]))
        with open(path, "r+b", buffering=0) as file:
            place = self.dice.randrange(max(1, path.stat().st_size))
            os.pwrite(file.fileno(), self.dice.randbytes(self.dice.randrange(1, 10_000)), place)

    def _sql(self, *statements: str, seconds: float = 0) -> None:
        if not self._index().exists():
            return
        with contextlib.suppress(sqlite3.Error):
            index = sqlite3.connect(self._index(), timeout=2, isolation_level=None)
            with contextlib.closing(index):
                for statement in statements:
                    index.execute(statement)
                time.sleep(seconds)

    def index_locked(self) -> None:
        self._sql("BEGIN EXCLUSIVE", seconds=self.dice.random() * 3)

    def rows_deleted(self) -> None:
        self._sql(f"DELETE FROM cache_chunks WHERE rowid % 5 = {self.dice.randrange(5)}")

    def rows_doubted(self) -> None:
        self._sql("UPDATE cache_chunks SET boot = 'another'")

    def _behave(self, kind: str, **parameters: int) -> None:
        with self.world.harm("origin"):
            self.world.origin.behave(kind, **parameters)
            time.sleep(self.dice.random() * 2)
            self.world.origin.clear()

    def origin_resets(self) -> None:
        self._behave("reset", n=self.dice.randrange(1000, 1_000_000))

    def origin_stalls(self) -> None:
        self._behave("stalled", n=self.dice.randrange(1000, 1_000_000))

    def origin_away(self) -> None:
        seconds = self.dice.random() * 3
        with self.world.harm("origin"):
            self.world.origin.pause_listening(seconds)
            time.sleep(seconds)

    def killed(self) -> None:
        self._again(lambda: self.world.platter.kill())

    def restarted(self) -> None:
        self._again(lambda: self.world.platter.stop())

    def _again(self, end: Callable[[], object]) -> None:
        with self.world.harm("connections"):
            end()
            self.world.platter = self.world.start()

    def stopped(self) -> None:
        os.kill(self.world.platter.pid, signal.SIGSTOP)
        time.sleep(self.dice.random())
        os.kill(self.world.platter.pid, signal.SIGCONT)

    def disk_full(self) -> None:
        filler = Filler(self.world.cache)
        with contextlib.suppress(RuntimeError):
            filler.wait_until_full()
        time.sleep(self.dice.random() * 2)
        filler.give_back()

    def emptied(self) -> None:
        with self.world.harm("files"):
            for entry in self.world.cache.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    def folder_removed(self) -> None:
        with self.world.harm("files"):
            shutil.rmtree(self.world.cache, ignore_errors=True)

    def folder_moved(self) -> None:
        away = self.world.cache.with_name("away")
        shutil.rmtree(away, ignore_errors=True)
        with self.world.harm("files"):
            self.world.cache.rename(away)
