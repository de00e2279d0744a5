"""A log that nobody reads: the server answers all the same, and ends when it is told to."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure
from platter_rigs.load import Film
from platter_rigs.log_texts import FILE_CHANGED
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import Connection, fetch_checked

FILMS = [Film(300_000, seed) for seed in range(1, 25)]
#: Seconds that a request may take, and the end.
ANSWER, END = 5, 4


class FullPipe:
    """A pipe without any room, as stderr of a program."""

    def __init__(self, *, blocks: bool = True):
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        self.filling = 0
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.filling += os.write(self.writing, b"." * size)
        os.set_blocking(self.writing, blocks)

    @property
    def command(self) -> tuple[str, ...]:
        """Becomes the program behind it."""
        return "bash", "-c", f'exec 2>&{self.writing}; exec "$@"', "bash"

    def read(self) -> str:
        """All that is written from now on until the other end is closed, after what filled it."""
        os.close(self.writing)
        with open(self.reading, "rb") as pipe:
            data = pipe.read()
        assert data[:self.filling] == b"." * self.filling
        return data[self.filling:].decode()

    def close(self) -> None:
        os.close(self.writing)
        os.close(self.reading)


class BlockedLog(Rig):
    def start(self, origin: Origin, pipe: FullPipe) -> Platter:
        platter = Platter(
            origin.url, self.folder / "cache", "--log-level", "info", "--no-background-fill",
            under=pipe.command, passed=(pipe.writing,))
        self.addCleanup(self._end, platter)
        return platter

    def make_trouble(self, origin: Origin, platter: Platter) -> None:
        """Fetches that fail, and files that somebody has touched: both are logged."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda film: self.read(platter, film), FILMS))
            self.wait_until(lambda: not platter.status()["fetches"], 10, "all is recorded")
            for file in (platter.cache / "objects").glob("*/*"):
                os.utime(file, (1, 1))
            for _ in range(3):
                list(pool.map(lambda film: self.read(platter, film), FILMS))
            origin.behave("status", code=404)
            list(pool.map(
                lambda seed: self.fail_to_read(platter, Film(300_000, seed)), range(100, 160)))
            origin.clear()
            list(pool.map(lambda film: self.read(platter, film), FILMS))

    def read(self, platter: Platter, film: Film) -> None:
        begun = time.monotonic()
        got = fetch_checked(platter.url, film.path, seed=film.seed, timeout=ANSWER)
        self.assertEqual(got, film.length)
        self.assertLess(time.monotonic() - begun, ANSWER)

    def fail_to_read(self, platter: Platter, film: Film) -> None:
        with Connection(platter.url, timeout=ANSWER) as connection:
            self.assertEqual(connection.request(film.path).status, 404)

    def test_requests_are_answered_and_the_server_ends(self) -> None:
        for blocks in (True, False):
            with self.subTest(blocks=blocks):
                pipe = FullPipe(blocks=blocks)
                self.addCleanup(pipe.close)
                origin = self.start_origin()
                platter = self.start(origin, pipe)
                self.make_trouble(origin, platter)
                begun = time.monotonic()
                self.assertEqual(platter.stop(), 0)
                self.assertLess(time.monotonic() - begun, END)
                figure(f"the server ended {time.monotonic() - begun:.2f} s after SIGTERM")

    def test_what_was_logged_comes_out_when_somebody_reads(self) -> None:
        pipe = FullPipe()
        origin = self.start_origin()
        platter = self.start(origin, pipe)
        self.make_trouble(origin, platter)
        with ThreadPoolExecutor(1) as pool:
            text = pool.submit(pipe.read)
            self.assertEqual(platter.stop(), 0)
        lines = text.result().splitlines()
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ [a-z]+ \S+: .*\[\w+\] \S")
        # Ten in ten seconds.
        found = sum(FILE_CHANGED in line for line in lines)
        self.assertGreaterEqual(found, 10)
        figure(f"{len(lines)} lines, {found} of them of touched files")

    def test_a_reader_that_is_gone_is_no_reason_to_end(self) -> None:
        pipe = FullPipe()
        self.addCleanup(os.close, pipe.writing)
        origin = self.start_origin()
        platter = self.start(origin, pipe)
        os.close(pipe.reading)
        self.make_trouble(origin, platter)
        self.assertEqual(platter.stop(), 0)

    def test_why_the_server_does_not_start_is_said(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            command = [
                binary("platter"), "serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}",
                "--admin", "127.0.0.1:0", "--cache-dir", str(self.folder / "cache")]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"(^|\n)platter: --listen: cannot listen on [^\n]+\n$")
            pipe = FullPipe()
            self.addCleanup(pipe.close)
            done = subprocess.run(command, stderr=pipe.writing, timeout=20, check=False)
            self.assertEqual(done.returncode, 1)
