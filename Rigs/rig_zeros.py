"""Zeros are data: an object may consist of them, and a hole in a file looks the same (F23)."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from platter_rigs import Rig, figure
from platter_rigs.extents import length_of, merged
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, range_of

LENGTH = 12 << 20
CHUNK = 1 << 20
SEED = 23
#: What is punched out of the file: chunks with something in them, whole.
PUNCHED = (6 * CHUNK, 9 * CHUNK)


class Zeros(Rig):
    def setUp(self) -> None:
        super().setUp()
        self.media = self.folder / "media"
        self.media.mkdir()
        self.origin = self.start_origin(root=self.media)
        self.platter = self.start()

    def start(self) -> Platter:
        return self.start_platter(
            self.origin, "--no-background-fill", f"--chunk-size={CHUNK}")

    def make(self, content: bytes) -> str:
        """The path of an object at the origin."""
        (self.media / "film.mp4").write_bytes(content)
        return "/media/film.mp4"

    def read(self, path: str, content: bytes, start: int = 0, end: int | None = None) -> None:
        """Compares every byte."""
        with Connection(self.platter.url) as connection:
            response = connection.request(path, range_of(start, end))
            self.assertEqual((response.status, response.start), (206, start))
            body = response.body()
        self.assertIs(response.ending, Ending.COMPLETE)
        self.assertTrue(body == content[start:end], f"other bytes than the object's from {start}")

    def sent(self) -> list[tuple[int, int]]:
        self.origin.wait_until_quiet()
        return [sent.extent() for sent in self.origin.log_of_requests() if sent.bytes > 0]

    def check_hit(self, path: str, content: bytes) -> None:
        """All of it is known to be there."""
        self.origin.wait_until_quiet()
        self.origin.reset()
        self.read(path, content)
        self.read(path, content, LENGTH // 2, LENGTH // 2 + 100_000)
        self.assertEqual(self.sent(), [], "fetched again although it is on disk")

    def data_file(self) -> Path:
        (file,) = (self.platter.cache / "objects").glob("*/*")
        return file

    def end_and_start(self, boot: str | None = None) -> None:
        """A restart; with another boot all is compared with its checksums."""
        self.assertEqual(self.platter.stop(), 0)
        if boot is not None:
            self.platter.sql(f"UPDATE cache_chunks SET boot = '{boot}'")
        self.platter = self.start()

    def test_an_object_of_zeros(self) -> None:
        self.check_whole(bytes(LENGTH))

    def test_an_object_that_begins_and_ends_with_zeros(self) -> None:
        self.check_whole(
            bytes(3 * CHUNK + 77) + random.Random(SEED).randbytes(LENGTH - 7 * CHUNK - 77)
            + bytes(4 * CHUNK))

    def check_whole(self, content: bytes) -> None:
        """Sent once, and then given without the origin: in this run, the next, and another boot."""
        path = self.make(content)
        self.read(path, content)
        self.assertEqual(merged(self.sent()), [(0, LENGTH)])
        self.assertEqual(length_of(self.sent()), LENGTH, "each byte once")
        self.check_hit(path, content)
        self.end_and_start()
        self.check_hit(path, content)
        self.end_and_start(boot="another")
        self.check_hit(path, content)

    @unittest.skipUnless(
        sys.platform == "linux" and shutil.which("fallocate"), "needs fallocate, of Linux")
    def test_holes_in_the_file_of_an_object_of_zeros(self) -> None:
        """A tidying program frees what looks empty: the content is the same."""
        content = bytes(LENGTH)
        path = self.make(content)
        self.read(path, content)
        self.end_and_start()
        punch(self.data_file(), (0, LENGTH))
        self.read(path, content)
        self.end_and_start(boot="another")
        self.read(path, content)

    def test_data_that_is_punched_while_it_is_served(self) -> None:
        self.check_punched(lambda: None)

    def test_data_that_is_punched_between_two_runs(self) -> None:
        self.check_punched(self.end_and_start)

    def test_data_that_is_punched_before_a_boot(self) -> None:
        self.check_punched(lambda: self.end_and_start(boot="another"))

    def check_punched(self, restart) -> None:
        """Zeros in place of bytes are no bytes of the object: those, and no others, come again."""
        if sys.platform != "linux" or not shutil.which("fallocate"):
            self.skipTest("needs fallocate, of Linux")
        content = random.Random(SEED).randbytes(LENGTH)
        path = self.make(content)
        self.read(path, content)
        self.origin.wait_until_quiet()
        self.origin.reset()
        punch(self.data_file(), PUNCHED)
        restart()
        self.read(path, content)
        sent = self.sent()
        figure(f"{length_of(sent) / 1e6:.1f} MB fetched again for {PUNCHED[1] - PUNCHED[0]} bytes")
        self.assertEqual(merged(sent), [PUNCHED])
        self.assertEqual(length_of(sent), PUNCHED[1] - PUNCHED[0], "each byte once")
        self.check_hit(path, content)


def punch(file: Path, extent: tuple[int, int]) -> None:
    """Takes bytes out of a file, which stays as long as it is."""
    start, end = extent
    subprocess.run(
        ["fallocate", "--punch-hole", "--offset", str(start), "--length", str(end - start),
         str(file)], check=True, timeout=20)
