"""All that can go wrong, one thing after the other at random, while clients go on asking.

What comes is right, each byte of it. Nobody waits for ever. When all is well again, it is stored and given as ever.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from pathlib import Path

from platter_rigs import Rig, figure, is_long, volumes
from platter_rigs.chaos import PATIENCE, Client, Troubles, World
from platter_rigs.load import Film
from platter_rigs.raw_http import fetch_checked
from platter_rigs.stored import files_without_entry

SEED = int(os.environ.get("PLATTER_CHAOS_SEED", 1))
SECONDS = int(os.environ.get("PLATTER_CHAOS_SECONDS", 900 if is_long() else 12))
CLIENTS = 8
#: All films together are larger than the cache may be, and that is nearly the disk.
FILMS = 14
DISK = 192 << 20
#: Seconds after which all is as ever again.
RECOVERY = 30
#: What a server has open at the end at most, all films and the index several times, and its threads.
FILES, THREADS = 120, 40


class Chaos(Rig):
    limit = SECONDS + 200

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o711)
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)

    def test_in_a_folder(self) -> None:
        self.cause(self.folder / "cache", is_mounted=False)

    def test_on_a_small_disk(self) -> None:
        if not volumes.are_possible():
            self.skipTest("needs root, and may not mount")
        volumes.mount_ext4(self.folder / "disk", DISK, self.ends)
        self.cause(self.folder / "disk" / "cache", is_mounted=True)

    def cause(self, cache: Path, is_mounted: bool) -> None:
        dice = random.Random(f"{SEED} {is_mounted}")
        films = [Film(dice.choice([300_000, 3_000_000, 12_000_000, 30_000_000]), number)
                 for number in range(1, FILMS + 1)]
        world = World(self.folder, cache, self.ends)
        clients = [
            Client(world, films, random.Random(f"{SEED} client {number}"))
            for number in range(CLIENTS)]
        for client in clients:
            client.start()
        troubles = Troubles(world, dice, is_mounted)
        told = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and not world.is_over.wait(dice.random() * 0.8):
            told.append(f"{time.strftime('%H:%M:%S')} {troubles.one()}")
        is_sound = not world.is_over.is_set()
        if is_sound:
            # Those under way have none of it to blame any more.
            world.is_over.wait(3)
        world.is_over.set()
        for client in clients:
            client.join(PATIENCE + 10)
        figure(f"seed {SEED}: " + ", ".join(
            f"{count} {what}" for what, count in sorted(world.tally.items())))
        self.assertEqual(
            world.problems, [], "\n".join(told[-8:]) + "\n" + world.platter.log_tail())
        self.check_calm(world, films)

    def check_calm(self, world: World, films: list[Film]) -> None:
        """All is stored again, found again, and nothing is left behind."""
        few = films[:4]

        def is_stored() -> bool:
            for film in few:
                fetch_checked(world.platter.url, film.path, seed=film.seed)
            world.origin.wait_until_quiet()
            before = world.origin.body_bytes()
            for film in few:
                fetch_checked(world.platter.url, film.path, seed=film.seed)
            return world.origin.body_bytes() == before

        self.wait_until(is_stored, RECOVERY, "all is stored and given without the origin")
        self.wait_until(
            lambda: not files_without_entry(world.cache), RECOVERY, "no file without an entry")
        files, threads = world.platter.open_files(), world.platter.threads()
        figure(f"{files} files and {threads} threads at the end")
        self.assertLessEqual(files, FILES)
        self.assertLessEqual(threads, THREADS)
