"""`platter get`: byte for byte through the daemon and without one, resumed, and never in the way of others."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import subprocess
import threading
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from platter_rigs import Rig, figure, patient
from platter_rigs.log_texts import ORIGIN_FAILS
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.processes import Program, binary
from platter_rigs.volumes import are_possible, mount_tmpfs

LENGTH = 20_000_000
BANDWIDTH = 10_000_000


class Get(Rig):
    def setUp(self) -> None:
        super().setUp()
        self.film = os.urandom(LENGTH)
        (self.folder / "media").mkdir()
        (self.folder / "media" / "film.mkv").write_bytes(self.film)
        self.target = self.folder / "film.mkv"
        self.part = self.folder / "film.mkv.part"

    def start(self) -> tuple[Origin, Platter]:
        origin = self.start_origin(root=self.folder / "media", bandwidth=BANDWIDTH)
        return origin, self.start_platter(origin, "--no-background-fill")

    def command(self, origin: Origin, admin: str, target: str) -> list[str]:
        return [
            binary("platter"), "get", f"{origin.url}/media/film.mkv", "-o", target, "--admin",
            urlsplit(admin).netloc, "--cache-dir", str(self.folder / "own")]

    def begin(self, origin: Origin, admin: str) -> Program:
        """A download that has come so far that it can be disturbed."""
        program = Program(self.command(origin, admin, str(self.target)), self.folder / "log")
        self.addCleanup(program.stop)
        self.wait_until(
            lambda: self.part.exists() and self.part.stat().st_size > 2_000_000, 20, "some of it")
        return program

    def run_get(self, origin: Origin, admin: str, target: Path | str) -> tuple[int, str]:
        done = subprocess.run(
            self.command(origin, admin, str(target)), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def assert_whole(self) -> None:
        self.assertTrue(self.target.read_bytes() == self.film, "the file is the origin's")
        left = sorted(path.name for path in self.folder.glob("film.mkv?*"))
        self.assertEqual(left, [], "nothing is left beside it")

    def test_a_killed_download_goes_on_and_a_second_one_is_refused(self) -> None:
        origin, platter = self.start()
        first = self.begin(origin, platter.admin)
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 1)
        self.assertIn("another `platter get` is writing", said)
        first.kill()
        begun = self.part.stat().st_size
        self.assertLess(begun, LENGTH, "it was killed on the way")
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 0, said)
        self.assert_whole()
        figure(f"killed at {begun / 1e6:.1f} MB, {origin.body_bytes() / LENGTH:.3f} of it fetched")
        self.assertLessEqual(origin.body_bytes(), LENGTH * 1.01)

    def test_without_a_daemon_it_opens_the_cache_itself(self) -> None:
        origin = self.start_origin(root=self.folder / "media")
        for _ in range(2):
            code, said = self.run_get(origin, "http://127.0.0.1:1", self.target)
            self.assertEqual((code, said), (0, ""), "only warnings are worth a word")
            self.assert_whole()
        self.assertEqual(origin.body_bytes(), LENGTH, "the second time it was in the cache")

    @patient
    def test_without_a_daemon_it_says_why_an_origin_fails(self) -> None:
        origin = self.start_origin(root=self.folder / "media")
        origin.stop()
        code, said = self.run_get(origin, "http://127.0.0.1:1", self.target)
        self.assertEqual(code, 1)
        first, last = said.splitlines()
        for part in (
                "warning", ORIGIN_FAILS, "Connection refused", urlsplit(origin.url).netloc):
            self.assertIn(part, first)
        self.assertTrue(last.startswith("platter: the origin cannot be reached"), last)

    def test_what_cannot_be_written_is_said_before_anything_is_fetched(self) -> None:
        origin, platter = self.start()
        cases = {
            "/dev/null": "no regular file", str(self.folder): "is a folder",
            str(self.folder / "none" / "film.mkv"): "make it first"}
        links = {
            "/dev/null": "no regular file", "/proc/self/fd/1": "no regular file",
            "none/film.mkv": "make it first", ".": "is a folder", "link-4": "Too many"}
        for number, (target, reason) in enumerate(links.items()):
            link = self.folder / f"link-{number}"
            link.symlink_to(target)
            cases[str(link)] = reason
        for target, reason in cases.items():
            code, said = self.run_get(origin, platter.admin, target)
            self.assertEqual(code, 1, target)
            self.assertIn(reason, said)
        for target in ("", "-"):
            code, said = self.run_get(origin, platter.admin, target)
            self.assertEqual(code, 64, target)
            self.assertIn("name a file", said)
        self.assertTrue(Path("/dev/null").is_char_device(), "devices stay what they are")
        for number, target in enumerate(links):
            self.assertEqual(os.readlink(self.folder / f"link-{number}"), target, "and links")
        self.assertEqual(origin.body_bytes(), 0)

    def test_what_another_version_left_is_not_taken_for_the_file(self) -> None:
        """The part is longer than the file is by now, or just as long."""
        origin, platter = self.start()
        for length in (LENGTH + 1000, LENGTH):
            with self.subTest(length=length):
                self.part.write_bytes(bytes(length))
                self.folder.joinpath("film.mkv.part.etag").write_text('"another"')
                code, said = self.run_get(origin, platter.admin, self.target)
                self.assertEqual(code, 0, said)
                self.assert_whole()
                self.target.unlink()

    def test_a_version_that_was_replaced_meanwhile_is_fetched_from_its_start(self) -> None:
        """Both where an earlier try has left a part, and in the middle of one."""
        origin, platter = self.start()
        first = self.begin(origin, platter.admin)
        first.kill()
        self.replace()
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 0, said)
        self.assert_whole()
        self.target.unlink()
        # One that knows nothing of it yet.
        platter = self.start_platter(origin, "--no-background-fill", cache="second")
        second = self.begin(origin, platter.admin)
        self.replace()
        # What was asked for before goes on from the file that was.
        origin.pause_listening(0.3)
        self.assertEqual(second.wait(60), 0)
        self.assertIn("another version", second.log.read_text())
        self.assert_whole()

    def replace(self) -> None:
        self.film = os.urandom(LENGTH)
        other = self.folder / "other"
        other.write_bytes(self.film)
        other.rename(self.folder / "media" / "film.mkv")

    def test_what_is_refused_leaves_the_part_of_another_program_alone(self) -> None:
        origin, platter = self.start()
        self.part.write_bytes(b"of a browser")
        origin.behave("status", code=404)
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 1, said)
        self.assertEqual(self.part.read_bytes(), b"of a browser")

    def test_a_name_of_one_character_is_a_name(self) -> None:
        origin, platter = self.start()
        done = subprocess.run(
            self.command(origin, platter.admin, "x"), cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "x").read_bytes() == self.film)

    def test_a_symbolic_link_stays_one(self) -> None:
        """What it leads to is made, or replaced, where it really is."""
        origin, platter = self.start()
        (self.folder / "real").mkdir()
        real = self.folder / "real" / "film.mkv"
        (self.folder / "real" / "near").symlink_to("film.mkv")
        for name, target in {
                "relative": "real/film.mkv", "absolute": str(real), "chain": "real/near"}.items():
            link = self.folder / name
            link.symlink_to(target)
            for old in (None, b"something else"):
                with self.subTest(link=name, old=old):
                    real.unlink(missing_ok=True)
                    if old:
                        real.write_bytes(old)
                    code, said = self.run_get(origin, platter.admin, link)
                    self.assertEqual(code, 0, said)
                    self.assertEqual(os.readlink(link), target)
                    self.assertFalse(real.is_symlink())
                    self.assertTrue(real.read_bytes() == self.film)
        self.assertEqual(list(self.folder.rglob("*.part*")), [])

    def test_a_daemon_that_ends_is_told_from_an_origin_that_breaks_off(self) -> None:
        origin, platter = self.start()
        first = self.begin(origin, platter.admin)
        platter.kill()
        self.assertEqual(first.wait(30), 1)
        said = first.log.read_text()
        self.assertIn("platter: the daemon ended after", said)
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 0, said)
        self.assert_whole()

    def test_the_reason_is_told_where_the_daemon_knows_it(self) -> None:
        origin, platter = self.start()
        origin.behave("redirect", to="/media/film.mkv")
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 1)
        for part in ("(502)", "redirects without end"):
            self.assertIn(part, said)
        origin.stop()
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 1)
        for part in ("platter: the origin cannot be reached", "(503)", "no connection"):
            self.assertIn(part, said)

    def test_what_the_origin_has_compressed_stays_so(self) -> None:
        """It only says so here: whoever unpacks it fails."""
        origin, platter = self.start()
        origin.behave("gzip")
        code, said = self.run_get(origin, platter.admin, self.target)
        self.assertEqual(code, 0, said)
        self.assert_whole()

    @unittest.skipUnless(are_possible(), "needs root, and may not mount")
    def test_a_full_disk_is_named_as_such(self) -> None:
        origin, platter = self.start()
        ends = contextlib.ExitStack()
        self.addCleanup(ends.close)
        small = self.folder / "small"
        mount_tmpfs(small, 4 << 20, ends)
        code, said = self.run_get(origin, platter.admin, small / "film.mkv")
        self.assertEqual(code, 1)
        self.assertIn("film.mkv.part: No space left on device; make room", said)

    def test_an_origin_that_ignores_if_range_makes_no_mixture(self) -> None:
        """Of another version it gives the range that was asked for, as many do."""
        for tag, control in [
                ('"new"', "no-store"), ('W/"new"', "no-store"), ('"new"', "max-age=3600"),
                ('W/"old"', "max-age=3600")]:
            with self.subTest(f"{tag} {control}"), contextlib.ExitStack() as ends:
                origin = DeafOrigin(self.film, tag, control)
                ends.callback(origin.stop)
                platter = Platter(origin.url, self.folder / f"cache-{origin.port}")
                ends.callback(platter.stop)
                for admin in [platter.admin, "http://127.0.0.1:1"]:
                    self.part.write_bytes(bytes(5_000_000))
                    old = tag.replace("new", "old")
                    Path(f"{self.part}.etag").write_text(old)
                    code, said = self.run_get(origin, admin, self.target)
                    self.assertEqual(code, 0, said)
                    self.assert_whole()

    def test_nonsense_is_refused_as_such(self) -> None:
        origin = self.start_origin(root=self.folder / "media")
        done = subprocess.run(
            [*self.command(origin, "http://127.0.0.1:1", str(self.target)), "--cache-dir", ""],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 64, done)
        self.assertTrue(done.stderr.startswith("platter: --cache-dir: name a folder"), done.stderr)
        self.assertEqual(origin.body_bytes(), 0)


class DeafOrigin:
    """One object, whatever is asked, of one version, whatever version is asked for."""

    def __init__(self, content: bytes, tag: str, control: str):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                start = int(match[1]) if match else 0
                end = min(int(match[2] or len(content)), len(content) - 1) if match else \
                    len(content) - 1
                self.send_response(206 if match else 200)
                if match:
                    self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
                for name, value in [
                        ("ETag", tag), ("Cache-Control", control), ("Content-Type", "video/mp4"),
                        ("Content-Length", str(end + 1 - start))]:
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content[start:end + 1])

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
