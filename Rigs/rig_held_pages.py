"""What a socket holds of a file must stay as it was when eviction takes it out of the file."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import sys
import termios
import time
import unittest

from platter_rigs import Rig, figure, is_long
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, fetch_checked, range_of

#: Together more than the cache may keep.
FILM, OTHER = Film(30_000_000, 1), Film(40_000_000, 2)
LIMITS = ("--max-size", "64M", "--no-background-fill")
#: What a client asks for and does not take, at the end of what goes first.
HELD = 3_000_000
#: What it takes before at once, so that it is a fast one.
TAKEN = 4_000_000
#: Seconds after which what was written is known to be on the disk itself.
SETTLED = 7
#: socket(7): more than an unprivileged program may ask for.
SO_RCVBUFFORCE = 33


@unittest.skipUnless(
    sys.platform == "linux" and os.geteuid() == 0, "needs root, for a large receive buffer")
class HeldPages(Rig):
    """A hole that ends within a page of a file, which may be 2 MiB large, is zeroed in place."""

    def test_chunks_of_64_kib(self) -> None:
        self.check("64K")

    def test_chunks_of_192_kib(self) -> None:
        self.check("192K")

    @unittest.skipUnless(is_long(), "in the long form only")
    def test_chunks_of_1_mib(self) -> None:
        self.check("1M")

    @unittest.skipUnless(is_long(), "in the long form only")
    def test_chunks_of_the_usual_size(self) -> None:
        self.check("10M")

    def check(self, chunk: str) -> None:
        origin = self.start_origin()
        flags = (*LIMITS, "--chunk-size", chunk)
        platter = Platter(origin.url, self.folder / "cache", *flags)
        self.addCleanup(platter.stop)
        fetch_checked(platter.url, FILM.path, seed=FILM.seed)
        # Before that it is copied and not sent from the file, and the rig tells nothing.
        time.sleep(SETTLED)
        with Connection(platter.url) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            taken = connection.request(FILM.path, range_of(0, TAKEN))
            self.assertEqual(taken.check(seed=FILM.seed), TAKEN)
            held = connection.request(FILM.path, range_of(FILM.length - HELD))
            before = self.rows_of_held(platter)
            self.assertGreater(before, 0)
            self.wait_until(
                lambda: waiting(connection) + len(connection.unread) >= HELD, 20,
                "all of it is on its way")
            fetch_checked(platter.url, OTHER.path, seed=OTHER.seed)
            self.wait_until(
                lambda: self.rows_of_held(platter) < before, 20, "it is evicted meanwhile")
            figure(f"{before - self.rows_of_held(platter)} of {before} rows evicted under a socket")
            self.assertEqual(held.check(seed=FILM.seed), HELD)
            self.assertIs(held.ending, Ending.COMPLETE)

    def rows_of_held(self, platter: Platter) -> int:
        return int(platter.sql(
            "SELECT count(*) FROM cache_chunks JOIN cache_entries ON id = entry "
            f"WHERE key LIKE '%{FILM.path}' AND \"end\" > {FILM.length - HELD}"))


def waiting(connection: Connection) -> int:
    """Bytes that have come and were not read."""
    count = array.array("i", [0])
    fcntl.ioctl(connection.socket, termios.FIONREAD, count)
    return count[0]
