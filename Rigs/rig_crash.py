"""The index is the truth: after kill -9, and when a row is deleted behind the server's back."""

from __future__ import annotations

import random
import threading

from platter_rigs import Rig, figure, is_long
from platter_rigs.extents import length_of, merged, overlap
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, fetch_checked, range_of

LENGTH = 200_000_000
SEED = 11
PATH = ramp_path(LENGTH, SEED)


class Reading(threading.Thread):
    """A client that reads on until its server is gone. Every byte that it gets is compared."""

    def __init__(self, platter: Platter, start: int):
        super().__init__(daemon=True)
        self.platter = platter
        self.start_at = start
        self.problem: AssertionError | None = None
        self.start()

    def run(self) -> None:
        try:
            with Connection(self.platter.url) as connection:
                connection.request(PATH, range_of(self.start_at)).check(seed=SEED)
        except AssertionError as problem:
            self.problem = problem
        except OSError:
            # The server was killed, before the head or in it.
            pass


class Crash(Rig):
    limit = 300

    def test_nothing_recorded_before_a_kill_is_fetched_again(self) -> None:
        dice = random.Random(9)
        origin = self.start_origin(bandwidth=60_000_000, latency=5)
        recorded: list[tuple[int, int]] = []
        for number in range(15 if is_long() else 4):
            origin.reset()
            platter = self.start_platter(origin)
            target = dice.randrange(4_000_000, 12_000_000 if is_long() else 40_000_000)
            readers = [
                Reading(platter, start) for start in (0, LENGTH * 6 // 10, LENGTH - 300_000)]
            self.wait_until(
                lambda: origin.body_bytes(PATH) >= target or not readers[0].is_alive(), 60,
                f"the origin has sent {target} bytes")
            platter.kill()
            for reader in readers:
                reader.join(20)
                self.assertIsNone(reader.problem)
            self.check_fetches(origin, recorded)
            before, recorded = recorded, platter.recorded()
            self.assertEqual(
                overlap(before, recorded), length_of(before), "what was recorded stays so")
            figure(
                f"kill {number + 1}: the origin had sent {origin.body_bytes(PATH) / 1e6:.1f} MB "
                f"more, recorded are {length_of(recorded) / 1e6:.1f} MB in {len(recorded)} rows")
        self.assertGreater(length_of(recorded), 0, "something must have been recorded")

        origin.reset()
        platter = self.start_platter(origin)
        self.assertEqual(fetch_checked(platter.url, PATH, seed=SEED), LENGTH)
        self.check_fetches(origin, recorded)
        missing = LENGTH - length_of(recorded)
        figure(f"the rest: {origin.body_bytes(PATH) / 1e6:.2f} MB for {missing / 1e6:.2f} MB")

    def check_fetches(self, origin: Origin, recorded: list[tuple[int, int]]) -> None:
        """None of the recorded bytes was sent again."""
        again = [
            sent for sent in origin.log_of_requests() if overlap([sent.extent()], recorded) > 0]
        self.assertEqual(again, [], "fetched again although recorded")


class DeletedRow(Rig):
    """`sqlite3 index 'DELETE FROM cache_chunks …'` is honoured by the next request."""

    length = 64_000_000
    path = ramp_path(length, SEED)

    def rows(self, platter: Platter) -> list[tuple[int, int]]:
        text = platter.sql('SELECT start, "end" FROM cache_chunks ORDER BY start')
        return [(int(start), int(end)) for start, end in (row.split("|") for row in text.split())]

    def fill(self, platter: Platter) -> None:
        self.assertEqual(fetch_checked(platter.url, self.path, seed=SEED), self.length)
        self.wait_until(
            lambda: merged(self.rows(platter)) == [(0, self.length)], 10, "all is recorded")

    def delete(self, platter: Platter, row: tuple[int, int]) -> None:
        platter.sql(f"DELETE FROM cache_chunks WHERE start = {row[0]}")
        figure(f"row {row[0]} to {row[1]} deleted")

    def check_fetched(self, origin: Origin, row: tuple[int, int]) -> None:
        origin.wait_until_quiet()
        extents = [sent.extent() for sent in origin.log_of_requests()]
        self.assertEqual(merged(extents), [row], "fetched again")
        self.assertEqual(length_of(extents), row[1] - row[0], "each byte once")

    def test_the_bytes_of_a_deleted_row_and_only_those_are_fetched_again(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin)
        self.fill(platter)
        origin.reset()
        self.assertEqual(fetch_checked(platter.url, self.path, seed=SEED), self.length)
        self.assertEqual(origin.log_of_requests(), [], "a warm object asks nothing of the origin")

        row = self.rows(platter)[3]
        self.delete(platter, row)
        self.assertEqual(fetch_checked(platter.url, self.path, seed=SEED), self.length)
        self.check_fetched(origin, row)

    def test_a_response_under_way_notices_a_deleted_row_ahead(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin)
        self.fill(platter)
        origin.reset()
        with Connection(platter.url, receive_buffer=64 << 10) as connection:
            response = connection.request(self.path, range_of(0))
            response.check(5_000_000, seed=SEED)
            row = self.rows(platter)[4]
            self.delete(platter, row)
            response.check(seed=SEED)
            self.assertEqual(response.left, 0)
        self.check_fetched(origin, row)
