"""While an object is being downloaded, its cache breaks: each byte that comes is right.

For curl, for a slow reader that holds on in the middle, for one that goes back to the start, and
for one that comes later. Afterwards the store works again.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure, is_long
from platter_rigs.curl import Curl
from platter_rigs.extents import length_of, merged
from platter_rigs.faults import (
    FAULTS, WARM_FAULTS, BitsFlipped, Ext4ReadOnly, Fault, FileEmptied, FoldersReadOnly,
    TmpfsFull, flip)
from platter_rigs.origin import ramp_path
from platter_rigs.raw_http import Connection, Ending, Response, fetch_checked, range_of
from platter_rigs.scene import Scene

LENGTH = 60_000_000 if is_long() else 24_000_000
#: Of curl, where all is in the cache.
BANDWIDTH = 8_000_000
#: What the slow reader has when it holds on, and what curl has when the fault strikes.
HELD_AT, STRUCK_AT = 3_000_000, 8_000_000
#: Far behind what a socket may have taken of the file when a client has `HELD_AT`.
AHEAD = 16_000_000
SEEDS = [1, 2, 3] if is_long() else [1]
AT_ONCE = 4
#: Of what is all on disk, so that it has many rows.
CHUNK = 1 << 20
#: What the short form leaves to the other order of things.
COLD_ONLY = [] if is_long() else [TmpfsFull, Ext4ReadOnly, FoldersReadOnly]


class Damage(Rig):
    limit = 900

    def test_curl_receives_every_byte(self) -> None:
        self.run_scenes(is_warm=False)

    def test_curl_receives_every_byte_of_what_was_all_on_disk(self) -> None:
        self.run_scenes(is_warm=True)

    def run_scenes(self, is_warm: bool) -> None:
        self.folder.chmod(0o711)
        kinds = [
            kind for kind in (WARM_FAULTS if is_warm else FAULTS)
            if not (is_warm and kind in COLD_ONLY)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            scenes = {
                (kind, seed): pool.submit(self.scene, kind(), seed, is_warm)
                for kind in kinds if kind.is_possible() for seed in SEEDS
            }
        for (kind, seed), scene in scenes.items():
            with self.subTest(fault=kind.__name__, seed=seed, warm=is_warm):
                figure(f"{kind.__name__}: {scene.result()}")
        for kind in kinds:
            with self.subTest(fault=kind.__name__, warm=is_warm):
                if not kind.is_possible():
                    self.skipTest("needs root, and may not mount")

    def scene(self, fault: Fault, seed: int, is_warm: bool) -> str:
        folder = self.folder / f"{fault.name}-{seed}"
        path = ramp_path(LENGTH, seed)
        bandwidth, flags, limit = fault.bandwidth, [], []
        if is_warm:
            bandwidth, flags = 0, [f"--chunk-size={CHUNK}"]
            limit = ["--limit-rate", str(BANDWIDTH)]
        with Scene(folder, fault, seed, LENGTH, *flags, bandwidth=bandwidth) as scene:
            url = scene.platter.url
            if is_warm:
                fetch_checked(url, path, seed=seed)
            curl = Curl(url + path, folder / "first", *limit)
            with Connection(url, receive_buffer=64 << 10) as slow:
                response = slow.request(path, range_of(0))
                response.check(HELD_AT, seed=seed)
                self.wait_until(
                    lambda: curl.received() >= STRUCK_AT, 30, "curl has what comes before it")
                scene.behind = HELD_AT
                scene.beyond = STRUCK_AT + AHEAD
                before = scene.origin.body_bytes(path)
                scene.strike()
                struck = time.monotonic()
                self.assertLess(curl.received(), LENGTH, "it must strike in the middle")
                second = Curl(url + path, folder / "second", *limit)
                fetch_checked(url, path, 0, STRUCK_AT, seed=seed)
                cuts = read_rest(scene, path, response)
            curl.finish(60, cuts=fault.cuts)
            second.finish(60)
            seconds = time.monotonic() - struck
            for download in (curl, second):
                download.compare(LENGTH, seed)
            self.assertTrue(fault.was_felt(scene), "it must have been felt")
            again = scene.origin.body_bytes(path) - (LENGTH if is_warm else before)
            scene.check_recovery(path, seed)
            return (
                f"{seconds:.1f} s to the end, {again / 1e6:.1f} MB from the origin, responses cut: "
                f"{curl.cuts + cuts}")


def read_rest(scene: Scene, path: str, response: Response) -> int:
    """Reads on, and asks for the rest when the connection is closed short. Returns the closes."""
    response.check(seed=scene.seed)
    if response.ending is Ending.COMPLETE:
        return 0
    if response.ending is not Ending.FIN or scene.fault.cuts == 0:
        raise AssertionError(
            f"the slow reader got {response.read} bytes, then: {response.ending}")
    fetch_checked(scene.platter.url, path, response.position, seed=scene.seed)
    return 1


class Regrown(Rig):
    """What was fetched again makes a file long enough once more, with a hole before it."""

    def test_bytes_before_those_that_were_fetched_again_are_no_zeros(self) -> None:
        seed = 4
        path = ramp_path(LENGTH, seed)
        with Scene(
            self.folder / "scene", FileEmptied(), seed, LENGTH, f"--chunk-size={CHUNK}"
        ) as scene:
            url = scene.platter.url
            fetch_checked(url, path, seed=seed)
            scene.strike()
            fetch_checked(url, path, LENGTH - CHUNK, LENGTH, seed=seed)
            fetch_checked(url, path, seed=seed)
            scene.check_recovery(path, seed)


class Rebooted(Rig):
    """Bytes that were recorded before a boot are compared with their checksums first."""

    def test_bits_flipped_before_a_boot_are_fetched_again_and_nothing_else(self) -> None:
        seed = 5
        path = ramp_path(LENGTH, seed)
        with Scene(
            self.folder / "scene", BitsFlipped(), seed, LENGTH, f"--chunk-size={CHUNK}"
        ) as scene:
            fetch_checked(scene.platter.url, path, seed=seed)
            scene.restart()
            recorded = scene.platter.sql('SELECT start, "end" FROM cache_chunks')
            rows = [tuple(map(int, row.split("|"))) for row in recorded.split()]
            self.assertEqual(merged(rows), [(0, LENGTH)])
            scene.platter.stop()
            scene.platter.sql("UPDATE cache_chunks SET boot = 'another'")
            damaged = random.Random(seed).sample(rows, len(rows) // 4)
            scene.behind = LENGTH
            flip(scene, damaged)

            scene.restart()
            scene.origin.reset()
            curl = Curl(scene.platter.url + path, scene.folder / "curl")
            curl.finish(60)
            curl.compare(LENGTH, seed)
            scene.origin.wait_until_quiet()
            sent = [sent.extent() for sent in scene.origin.log_of_requests()]
            figure(f"{len(damaged)} of {len(rows)} rows damaged, "
                   f"{length_of(sent) / 1e6:.2f} MB fetched again")
            self.assertEqual(merged(sent), merged(damaged))
            self.assertEqual(length_of(sent), length_of(damaged), "each byte once")
