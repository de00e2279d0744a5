"""Many clients want the same cold bytes at once: the origin sends each byte once."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import fetch_checked

CLIENTS = 50
LENGTH = 200_000_000
PATH = ramp_path(LENGTH, seed=7)


class Crowd(Rig):
    limit = 240

    def ask_at_once(self, platter: Platter, ranges: list[tuple[int, int]]) -> None:
        """One client for each range, all starting together; every byte is compared."""
        gate = threading.Barrier(len(ranges))

        def client(wanted: tuple[int, int]) -> int:
            gate.wait(20)
            return fetch_checked(platter.url, PATH, *wanted, seed=7, timeout=120)

        begun = time.monotonic()
        with ThreadPoolExecutor(len(ranges)) as pool:
            counts = list(pool.map(client, ranges))
        self.assertEqual(counts, [end - start for start, end in ranges])
        figure(
            f"{len(ranges)} clients took {sum(counts) / 1e6:.0f} MB in "
            f"{time.monotonic() - begun:.1f} s")

    def check_origin(self, origin: Origin, wanted: int) -> None:
        origin.wait_until_quiet()
        sent = origin.body_bytes(PATH)
        requests = len([sent for sent in origin.log_of_requests() if sent.path == PATH])
        figure(
            f"the origin sent {sent / 1e6:.2f} MB in {requests} requests for "
            f"{wanted / 1e6:.2f} MB: {sent / wanted:.4f}")
        self.assertGreaterEqual(sent, wanted, "the origin must have sent each byte once")
        self.assertLessEqual(sent / wanted, 1.01, "origin bytes for each byte of the object")

    def test_one_object_for_fifty_clients_is_fetched_once(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin)
        self.ask_at_once(platter, [(0, LENGTH)] * CLIENTS)
        self.check_origin(origin, LENGTH)

    def test_fifty_ranges_that_overlap_are_fetched_once(self) -> None:
        # Without a limit: then most of an answer is in the kernel, and counts as sent, before anybody
        # can say that no more is wanted.
        origin = self.start_origin()
        platter = self.start_platter(origin, "--no-background-fill")
        dice = random.Random(50)
        step = LENGTH // CLIENTS
        ranges = []
        for number in range(CLIENTS):
            start = max(0, number * step - dice.randrange(0, 3 * step))
            end = min(LENGTH, (number + 1) * step + dice.randrange(0, 3 * step))
            ranges.append((start, end))
        dice.shuffle(ranges)
        self.ask_at_once(platter, ranges)
        # Together they cover all of it.
        self.check_origin(origin, LENGTH)
