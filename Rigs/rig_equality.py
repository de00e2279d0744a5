"""What programs that keep all they get have got is the original, byte for byte, cold and warm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from platter_rigs import Rig, figure
from platter_rigs.ffmpeg import copied, difference
from platter_rigs.media import media, root
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.player_rig import CONTAINERS, fetch_whole, media_bytes, paths_of

FILM = "moov-end.mp4"


class Equality(Rig):
    limit = 240

    def setUp(self) -> None:
        super().setUp()
        for name in CONTAINERS:
            media(name)

    def start(self) -> tuple[Origin, Platter, str]:
        """An origin with some distance, Platter, and the URL of a film."""
        origin = self.start_origin(root=root(), bandwidth=25_000_000, latency=20)
        platter = self.start_platter(origin)
        return origin, platter, f"{platter.url}/media/{FILM}"

    def run_program(self, *arguments: str) -> None:
        if shutil.which(arguments[0]) is None:
            self.skipTest(f"{arguments[0]} is not installed")
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
            check=False)
        self.assertEqual(done.returncode, 0, f"{arguments}\n{done.stdout}{done.stderr}")

    def assert_is(self, copy: Path, expected: bytes, what: str) -> None:
        seen = copy.read_bytes()
        copy.unlink()
        if seen != expected:
            place = next(
                (i for i, (a, b) in enumerate(zip(seen, expected)) if a != b),
                min(len(seen), len(expected)))
            self.fail(
                f"{what}: {len(seen)} bytes, {len(expected)} expected, different from {place} on")

    def assert_fetched_once(self, origin: Origin, size: int) -> None:
        origin.wait_until_quiet()
        fetched = media_bytes(origin)
        figure(f"origin bytes {fetched / size:.4f} of the size")
        self.assertGreaterEqual(fetched, size, "bytes come from somewhere")
        self.assertLessEqual(fetched, size * 1.01, "bytes that the origin gives")

    def test_curl_gets_the_file(self) -> None:
        origin, _, url = self.start()
        film = media(FILM).read_bytes()
        copy = self.folder / "copy"
        for state in ("cold", "warm"):
            self.run_program("curl", "-sSf", "-o", str(copy), url)
            self.assert_is(copy, film, f"{state}, whole")
        self.assert_fetched_once(origin, len(film))

    def test_curl_gets_ranges_and_resumes(self) -> None:
        origin, _, url = self.start()
        film = media(FILM).read_bytes()
        copy = self.folder / "copy"
        middle = len(film) // 2 + 4321
        pieces = {
            f"{middle}-{middle + 999_999}": film[middle:middle + 1_000_000],
            "-100000": film[-100_000:],
            "0-0": film[:1],
            f"{len(film) - 1}-": film[-1:],
        }
        for state in ("cold", "warm"):
            for text, expected in pieces.items():
                self.run_program("curl", "-sSf", "-o", str(copy), "-r", text, url)
                self.assert_is(copy, expected, f"{state}, range {text}")
            copy.write_bytes(film[:middle])
            self.run_program("curl", "-sSf", "-o", str(copy), "-C", "-", url)
            self.assert_is(copy, film, f"{state}, resumed at {middle}")
        self.run_program("curl", "-sSf", "-o", str(copy), url)
        self.assert_is(copy, film, "whole after parts")
        self.assert_fetched_once(origin, len(film))

    def test_aria2_gets_the_file_over_eight_connections(self) -> None:
        origin, _, url = self.start()
        film = media(FILM).read_bytes()
        for state in ("cold", "warm"):
            self.run_program(
                "aria2c", "-x8", "-s8", "-k1M", "--no-conf", "--allow-overwrite=true", "--quiet",
                "--file-allocation=none", "-d", str(self.folder), "-o", "copy", url)
            self.assert_is(self.folder / "copy", film, state)
        self.assert_fetched_once(origin, len(film))

    def test_ffmpeg_copies_every_container(self) -> None:
        origin, platter, _ = self.start()
        for name in CONTAINERS:
            with self.subTest(name):
                expected = copied(str(media(name)))
                self.assertGreater(len(expected), 1000, "the film has packets")
                for state in ("cold", "warm"):
                    seen = copied(f"{platter.url}/media/{name}")
                    self.assertIsNone(difference(expected, seen), f"{name}, {state}")
        paths = [path for name in CONTAINERS for path in paths_of(name)]
        sizes = {path: fetch_whole(platter, path) for path in paths}
        kept = sum(size for path, size in sizes.items() if not path.endswith(".m3u8"))
        self.assert_fetched_once(origin, kept)
