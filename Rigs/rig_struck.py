"""A data file is struck while it is filled; all who ask from then on, at once, get right bytes.

On a machine that is kept busy: what goes wrong here goes wrong between two steps of one reader.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import threading
from collections import Counter
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import WrongBytes, fetch_checked
from platter_rigs.strikes import STRIKES, Strike

LENGTH = 24_000_000
#: Before the strike, and of it all who come afterwards want.
FILLED = 3_000_000
#: The film takes about a second from there.
BANDWIDTH = 20_000_000
READERS = 6
ROUNDS = 60 if is_long() else 1
#: Programs that only keep processors busy.
HOGS = 3
SEED = int(os.environ.get("PLATTER_STRUCK_SEED", 1))


class Struck(Rig):
    limit = 3600

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o711)
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        for _ in range(HOGS):
            hog = subprocess.Popen(["sh", "-c", "while :; do :; done"])
            self.ends.callback(hog.wait)
            self.ends.callback(hog.kill)
        self.origin = Origin(self.folder, bandwidth=BANDWIDTH, latency=5)
        self.ends.callback(self.origin.stop)
        self.platter = Platter(self.origin.url, self.folder / "cache")
        self.ends.callback(self.platter.stop)

    def test_who_comes_afterwards_gets_what_the_origin_has(self) -> None:
        tally: Counter[str] = Counter()
        self.passed: list[int] = []
        for number in range(1, ROUNDS * len(STRIKES) + 1):
            strike = STRIKES[number % len(STRIKES)]
            wrong = self.round(number, strike)
            tally[strike.__name__] += len(wrong)
            if wrong:
                figure(f"round {number}, {strike.__name__}: {wrong[0]}")
        figure(f"seed {SEED}: {ROUNDS} rounds each, readers with wrong bytes: {dict(tally)}")
        self.assertEqual(tally.total(), 0, self.platter.log_tail())
        self.assertLess(
            len(self.passed), ROUNDS, f"rounds without a file: {self.passed}; {self.platter.log_tail()}")

    def round(self, number: int, strike: Strike) -> list[str]:
        """Returns what was wrong."""
        dice = random.Random(f"{SEED} {number}")
        path = ramp_path(LENGTH, number)
        url = self.platter.url
        known = set(self.data_files())
        wrong: list[str] = []

        def read(start: int, end: int) -> None:
            try:
                fetch_checked(url, path, start, end, seed=number)
            except WrongBytes as problem:
                wrong.append(str(problem))

        film = threading.Thread(target=self.film, args=(path, number))
        film.start()
        fetch_checked(url, path, 0, FILLED, seed=number)
        threading.Event().wait(dice.random() * 0.2)
        files = set(self.data_files()) - known
        if not files:
            # A disk that was slow for a moment was spared.
            film.join()
            self.passed.append(number)
            return []
        (file,) = files
        strike(file, dice, FILLED)
        readers = [
            threading.Thread(target=read, args=(dice.choice([0, dice.randrange(FILLED)]), FILLED))
            for _ in range(READERS)]
        for thread in readers:
            thread.start()
        for thread in readers + [film]:
            thread.join()
        return wrong

    def film(self, path: str, seed: int) -> None:
        """Has all of it fetched. What its socket holds at the strike cannot be called back."""
        with contextlib.suppress(OSError, WrongBytes):
            fetch_checked(self.platter.url, path, seed=seed)

    def data_files(self) -> list[Path]:
        return list((self.platter.cache / "objects").glob("*/*"))
