"""The memory that programs share of the index (`-shm`) is cut off in place while the server runs."""

from __future__ import annotations

import os
import threading
import time
import unittest

from platter_rigs import Rig, figure, is_long
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked

FILMS = [Film(12_000_000, seed) for seed in (1, 2, 3)]
#: Seconds between two cuts.
PAUSE = 0.5


class CutMemory(Rig):
    """Whoever copies a backup over a running cache does that: it must cost neither the server nor a wrong byte."""

    def test_cut_again_and_again_under_players(self) -> None:
        origin = self.start_origin()
        platter = Platter(origin.url, self.folder / "cache", "--no-background-fill")
        self.addCleanup(platter.stop)
        for film in FILMS[:2]:
            fetch_checked(platter.url, film.path, seed=film.seed)
        ended = threading.Event()
        problems: list[BaseException] = []
        players = [
            threading.Thread(target=self.play, args=(platter, film, ended, problems))
            for film in FILMS]
        for player in players:
            player.start()
        cuts = 60 if is_long() else 8
        memory = platter.index.with_name(platter.index.name + "-shm")
        for length in (0, 3, 100, 5000) * (cuts // 4):
            os.truncate(memory, length)
            time.sleep(PAUSE)
        ended.set()
        for player in players:
            player.join()
        self.assertEqual(problems, [])
        self.check_is_kept(origin, platter)
        figure(f"{cuts} cuts, no byte wrong, and what is fetched then is kept")

    def play(
        self, platter: Platter, film: Film, ended: threading.Event, problems: list[BaseException]
    ) -> None:
        try:
            while not ended.is_set():
                fetch_checked(platter.url, film.path, seed=film.seed)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the rig fails of it
            problems.append(problem)

    def check_is_kept(self, origin, platter: Platter) -> None:
        """It is used again: what is fetched is on disk, and other programs may look at it."""
        film = Film(5_000_000, 9)

        def is_kept() -> bool:
            before = origin.body_bytes(film.path)
            fetch_checked(platter.url, film.path, seed=film.seed)
            return origin.body_bytes(film.path) == before

        self.wait_until(is_kept, 20, "a film is kept")
        rows = int(platter.sql(
            f"SELECT count(*) FROM cache_chunks JOIN cache_entries ON id = entry WHERE key LIKE '%{film.path}'"))
        self.assertGreater(rows, 0)
