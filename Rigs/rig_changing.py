"""An origin that changes its object at random instants: no response ever mixes two versions."""

from __future__ import annotations

import queue
import random
import threading
import time

from platter_rigs import Rig, figure, is_long
from platter_rigs.platter import Platter
from platter_rigs.ramp import first_mismatch
from platter_rigs.raw_http import Connection, Response, range_of

#: Ramps of different seeds differ at every byte, so one byte tells the version.
SEEDS = 200
#: Of the five responses of a trial two begin after the change, unless they ask beyond its end.
COMPLETE = 1.5
#: So many times as many trials, where few show what is to be seen.
MOST_ROUNDS = 4


class Changing(Rig):
    limit = 900

    def test_no_response_mixes_two_versions(self) -> None:
        trials = 1000 if is_long() else 40
        origin = self.start_origin(latency=2)
        origin.pace(connection_bandwidth=12_000_000)
        platter = self.start_platter(origin, "--no-background-fill", "--chunk-size", "1M")
        tally = Tally()
        first, wanted, needed = 0, trials, trials / 4
        # Whether a change falls into the reading is a matter of milliseconds: more trials, where too few did.
        while first < wanted:
            self.play(origin, platter, range(first, wanted), tally)
            first = wanted
            if tally.crossed <= needed and wanted < MOST_ROUNDS * trials:
                wanted += trials
        trials = wanted
        figure(
            f"{trials} changes; {tally.complete} responses complete, {tally.short} cut short, "
            f"{tally.crossed} trials saw both versions, {tally.bytes / 1e6:.0f} MB compared")
        self.assertEqual(tally.problems, [])
        self.assertGreater(tally.crossed, needed, "the change must fall into the reading")
        self.assertGreater(
            tally.complete, trials * COMPLETE, "what is read after the change must come whole")

    def play(self, origin, platter: Platter, trials: range, tally: Tally) -> None:
        numbers = queue.SimpleQueue()
        for number in trials:
            numbers.put(number)
        threads = [
            threading.Thread(target=self.work, args=(origin, platter, numbers, tally))
            for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.limit)

    def work(self, origin, platter: Platter, numbers: queue.SimpleQueue, tally: Tally) -> None:
        while True:
            try:
                number = numbers.get_nowait()
            except queue.Empty:
                return
            try:
                trial(origin, platter, number, tally)
            except Exception as problem:  # noqa: BLE001 (all of them are told)
                tally.problems.append(f"trial {number}: {problem!r}")


class Tally:
    """What came of all trials."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.problems: list[str] = []
        self.complete = self.short = self.crossed = self.bytes = 0


def trial(origin, platter: Platter, number: int, tally: Tally) -> None:
    """A film that nobody has asked for, three readers, and another film in its place meanwhile."""
    dice = random.Random(number)
    path = f"/film-{number}.mp4"
    length = dice.randrange(1_500_000, 5_000_000)
    old, new = number % SEEDS, (number * 7 + 1) % SEEDS
    if old == new:
        new = (new + 1) % SEEDS
    other = length if dice.random() < 0.6 else dice.randrange(1_400_000, 5_000_000)
    origin.serve(path, length, seed=old)
    readers = [
        Reader(platter, path, 0, None, dice.random()),
        Reader(platter, path, dice.randrange(length // 2), None, dice.random()),
        Reader(platter, path, 1000, dice.randrange(2000, 1_400_000), dice.random()),
    ]
    if dice.random() < 0.8:
        # Else it may come before any of them has begun.
        wait_for_some(readers)
    time.sleep(dice.uniform(0, 0.15))
    origin.serve(path, other, seed=new)
    for _ in range(2):
        readers.append(Reader(platter, path, dice.randrange(1_300_000), None, dice.random()))
        time.sleep(dice.uniform(0, 0.05))
    for reader in readers:
        reader.join(60)
    with tally.lock:
        tally.crossed += len({reader.seed for reader in readers if reader.seed is not None}) > 1
        for reader in readers:
            tally.bytes += reader.bytes
            tally.complete += reader.is_complete
            tally.short += not reader.is_complete
            if reader.is_alive():
                tally.problems.append(f"trial {number}: a reader does not come to its end")
            if reader.problem:
                tally.problems.append(f"trial {number}: {reader.problem}")


def wait_for_some(readers: list[Reader], seconds: float = 10) -> None:
    """Until one of them has a byte, or all are at their end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(reader.is_alive() for reader in readers):
        if any(reader.seed is not None for reader in readers):
            return
        time.sleep(0.002)


class Reader(threading.Thread):
    """One response, of which every byte is looked at."""

    def __init__(self, platter: Platter, path: str, start: int, end: int | None, haste: float):
        super().__init__(daemon=True)
        self.platter, self.path, self.range = platter, path, range_of(start, end)
        self.haste = haste
        self.seed: int | None = None
        self.problem: str | None = None
        self.is_complete = False
        self.bytes = 0
        self.start()

    def run(self) -> None:
        try:
            with Connection(self.platter.url, timeout=40) as connection:
                self.follow(connection.request(self.path, self.range))
        except (OSError, AssertionError) as problem:
            self.problem = repr(problem)

    def follow(self, response: Response) -> None:
        if response.status == 416:
            # The new version is shorter.
            return
        if response.status != 206:
            self.problem = f"status {response.status}"
            return
        buffer = memoryview(bytearray(32 << 10))
        while got := response.receive_into(buffer):
            position = response.position - got
            if self.seed is None:
                self.seed = seed_of(buffer[:1], position)
            wrong = first_mismatch(buffer[:got], position, self.seed)
            if wrong is not None:
                self.problem = f"byte {wrong} is of another version than those before it"
                return
            self.bytes += got
            if self.haste < 0.3:
                time.sleep(0.002)
        self.is_complete = response.left == 0


def seed_of(byte: memoryview, position: int) -> int:
    """The version that has this byte there."""
    for seed in range(SEEDS):
        if first_mismatch(byte, position, seed) is None:
            return seed
    raise AssertionError(f"byte {position} is of no version")
