"""How soon a seek into the middle of a cold chunk is answered, against the origin itself."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from platter_rigs import Rig, figure, is_long
from platter_rigs.origin import ramp_path
from platter_rigs.raw_http import Connection, range_of

CHUNK = 10 << 20
MIB = 1 << 20
LENGTH = 1 << 30


@dataclass(frozen=True)
class Times:
    """Seconds from the first packet: the first byte of the body, and the first MiB of it."""

    first_byte: float
    first_mib: float


def seek(url: str, path: str, position: int) -> Times:
    """Asks as players do: on a new connection, to the end of the object. Hangs up after a MiB."""
    begun = time.monotonic()
    with Connection(url) as connection:
        response = connection.request(path, range_of(position))
        if response.status != 206 or response.start != position:
            raise AssertionError(f"206 from {position} expected: {response.status}")
        response.check(MIB)
        return Times(response.first_byte_at - begun, time.monotonic() - begun)


class Seek(Rig):
    """The origin gives 5 MB/s in all and takes 50 ms for each answer."""

    def test_a_cold_seek_is_nearly_as_fast_as_the_origin_itself(self) -> None:
        pairs = 60 if is_long() else 20
        origin = self.start_origin(bandwidth=5_000_000, latency=50)
        platter = self.start_platter(origin, "--no-background-fill")
        path = ramp_path(LENGTH)
        # The object is known, as it is to every player that seeks.
        seek(platter.url, path, 0)

        direct, through = [], []
        for number in range(1, pairs + 1):
            position = number * CHUNK + CHUNK // 2 + 4321 * number
            # Neither may share the link with what the other left behind.
            for url, times in ((origin.url, direct), (platter.url, through)):
                origin.wait_until_quiet()
                times.append(seek(url, path, position))

        byte_ratio = self.compare("first byte", direct, through, lambda times: times.first_byte)
        mib_ratio = self.compare("first MiB", direct, through, lambda times: times.first_mib)
        self.assertLessEqual(byte_ratio, 1.15, "time to first byte, against direct")
        self.assertLessEqual(mib_ratio, 1.1, "time to the first MiB, against direct")

    def compare(self, what: str, direct: list[Times], through: list[Times], value) -> float:
        own = statistics.median(map(value, through))
        origin = statistics.median(map(value, direct))
        worst = max(map(value, through))
        figure(
            f"{what}: {own * 1000:.1f} ms, direct {origin * 1000:.1f} ms, "
            f"ratio {own / origin:.3f}, worst {worst * 1000:.1f} ms ({len(through)} pairs)")
        return own / origin
