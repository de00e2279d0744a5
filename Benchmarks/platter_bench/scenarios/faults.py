"""A restart, an object that changes, an origin that breaks off."""

from __future__ import annotations

import time
from collections.abc import Mapping

from platter_bench.figures import Metric, Value
from platter_bench.scenarios.base import KIB, MIB, Scenario
from platter_bench.stage import Film, Stage, film
from platter_bench.targets import Options
from platter_rigs.raw_http import WrongBytes, range_of
from platter_rigs.ramp import first_mismatch

#: What a read of a broken or changing object may raise.
_TROUBLE = (OSError, WrongBytes, ValueError, KeyError)

#: Seconds in which what is written late can be written.
_WRITES = 6
#: Bytes that are compared together; what came before wrong ones is known as exactly.
_PIECE = 64 * KIB


class Restart(Scenario):
    name = "restart"
    title = "A restart"
    note = (
        f"SIGTERM after {_WRITES} s without requests, and started again with the same folder: seconds from the "
        "start until the first byte of what was stored, and the share of it that is a hit.")
    is_cold = True
    metrics = (Metric("first_byte", "first byte after start", "s"), Metric("kept", "still stored", "", True))

    def films(self) -> list[Film]:
        return [film(self.size(256 * MIB, 32 * MIB))]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        if stage.is_direct:
            return {}
        [one] = stage.films
        stage.fill(one)
        time.sleep(_WRITES)
        stage.stop()
        stage.origin.wait_until_quiet()
        begun = time.monotonic()
        stage.start()
        with stage.cost() as cost:
            with stage.connect() as connection:
                response = connection.request(one.path, range_of(one.length // 2))
                response.check(MIB, one.seed)
                first = response.first_byte_at - begun
            stage.read(one)
            stage.origin.wait_until_quiet()
        return {"first_byte": first, "kept": max(0.0, 1 - cost.origin_bytes / one.length)}


class Change(Scenario):
    name = "change"
    title = "The object changes at the origin"
    note = (
        "Answers are fresh for 1 s. The object is stored, changes, and 2 s later it is read whole, again and "
        "again: seconds until the first answer that is the new version, and how many were broken off or "
        "mixed before it.")
    is_cold = True
    metrics = (
        Metric("new", "new version after", "s"), Metric("old", "old answers", ""),
        Metric("broken", "broken answers", ""), Metric("mixed", "mixed answers", ""))

    def options(self) -> Options:
        return Options(fresh=1)

    def films(self) -> list[Film]:
        return [film(self.size(32 * MIB, 24 * MIB))]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        changed = Film(one.path, one.length, one.seed + 1)
        stage.origin.set(max_age=1)
        stage.read(one)
        stage.origin.serve(changed.path, changed.length, changed.seed)
        time.sleep(2)
        begun, seen = time.monotonic(), {"old": 0, "broken": 0, "mixed": 0}
        while time.monotonic() - begun < 12:
            version = _version(stage, one, changed)
            if version == "new":
                return {"new": time.monotonic() - begun, **seen}
            seen[version] += 1
            time.sleep(0.1)
        return {"new": None, **seen}


class Flaky(Scenario):
    name = "flaky"
    title = "An origin that resets each connection after 3 MB"
    note = (
        "100 MB, asked for once: the right bytes that come before the answer ends, and what "
        "the origin sent for them.")
    is_cold = True
    metrics = (
        Metric("got", "at the first try", "MB", True), Metric("origin", "origin bytes per byte", "x"),
        Metric("seconds", "time", "s"), Metric("wrong", "answers with wrong bytes", ""))

    def films(self) -> list[Film]:
        return [film(100_000_000)]

    def measure(self, stage: Stage) -> Mapping[str, Value]:
        [one] = stage.films
        stage.origin.set(reset=3_000_000)
        got, wrong, begun = 0, 0, time.monotonic()
        with stage.cost() as cost:
            try:
                with stage.connect(30) as connection:
                    response = connection.request(one.path, range_of(0))
                    # What came is counted and compared, however it ends.
                    while response.status == 206 and response.check(_PIECE, one.seed) > 0:
                        got = response.read
            except WrongBytes:
                wrong = 1
            except OSError:
                pass
            seconds = time.monotonic() - begun
            stage.origin.wait_until_quiet(5)
        return {
            "got": got / 1e6, "origin": cost.origin_bytes / got if got else None, "seconds": seconds,
            "wrong": wrong}


def _version(stage: Stage, old: Film, new: Film) -> str:
    """Which one a whole answer is: old, new, mixed or broken."""
    data = bytearray()
    try:
        with stage.connect(15) as connection:
            response = connection.request(old.path, range_of(0))
            if response.status not in (200, 206) or response.start != 0:
                return "broken"
            data += response.body()
    except _TROUBLE:
        return "broken"
    for name, one in (("old", old), ("new", new)):
        if first_mismatch(data, 0, one.seed) is None:
            return name if len(data) == one.length else "broken"
    return "mixed"
