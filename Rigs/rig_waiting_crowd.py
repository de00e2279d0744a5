"""Many clients wait for an origin that hangs: those of another one do not notice."""

from __future__ import annotations

import contextlib
import itertools
import resource
import time

from platter_rigs import Rig, figure, is_long, patient
from platter_rigs.origin import ramp_path
from platter_rigs.raw_http import Connection, fetch_checked

LENGTH = 1_000_000
#: Seconds for a range of another origin, on a machine with other things to do.
LIMIT = 5
#: So long they are watched: until all that wait have had their 503, and what lingers of them is over.
WATCHED = 18


@patient
class WaitingCrowd(Rig):
    limit = 300

    def test_hits_and_misses_of_another_origin(self) -> None:
        count = 2000 if is_long() else 400
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        good, bad = self.start_origin(), self.start_origin()
        platter = self.start_platter(good, "--origin", f"bad={bad.url}", "--no-background-fill")
        fetch_checked(platter.url, ramp_path(LENGTH))
        bad.behave("delayed-head")
        slowest = {"hit": 0.0, "miss": 0.0}
        with contextlib.ExitStack() as ends:
            crowd = []
            for number in range(count):
                crowd.append(ends.enter_context(Connection(platter.url)))
                crowd[-1].send(f"/bad{ramp_path(LENGTH, number)}", "bytes=0-")
            begun = time.monotonic()
            for seed in itertools.count(1):
                for kind, path, value in (
                    ("hit", ramp_path(LENGTH), 0), ("miss", ramp_path(LENGTH, seed), seed)
                ):
                    at = time.monotonic()
                    fetch_checked(platter.url, path, 0, 100_000, seed=value)
                    slowest[kind] = max(slowest[kind], time.monotonic() - at)
                if time.monotonic() - begun > WATCHED:
                    break
                time.sleep(0.05)
            heads = {connection.socket.recv(12) for connection in crowd}
        self.assertEqual(heads, {b"HTTP/1.1 503"})
        figure(
            f"{count} wait: the slowest hit of another origin {slowest['hit']:.2f} s, the slowest "
            f"miss {slowest['miss']:.2f} s")
        self.assertLess(max(slowest.values()), LIMIT)
        self.wait_until(
            lambda: not any(platter.status().values()), 30, f"nothing is left; {platter.status()}")
