"""A server that cannot start says why in one line, tells by its exit code, and hinders nobody."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import unittest
from pathlib import Path

from platter_rigs import Rig
from platter_rigs.load import Film
from platter_rigs.old_index import make_newer
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import fetch_checked
from platter_rigs.volumes import are_possible, mount_tmpfs, run

_NOBODY = 65534
_FREE = "127.0.0.1:0"
#: Of a program that cannot do what it was asked for, and of one that was asked for nonsense.
_FAILED, _MISUSED = 1, 64
#: Seconds.
_SOON = 20


class Refusals(Rig):
    def setUp(self) -> None:
        super().setUp()
        self.cache = self.folder / "cache"

    def serve(
        self, *, origin: str = "http://127.0.0.1:1", listen: str = _FREE, admin: str = _FREE,
        cache: Path | None = None, under: tuple[str, ...] = (), flags: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Starts a server that must end by itself."""
        return subprocess.run(
            [
                *under, binary("platter"), "serve", "--origin", origin, "--listen", listen,
                "--admin", admin, "--cache-dir", str(cache or self.cache), *flags],
            capture_output=True, text=True, timeout=_SOON, check=False)

    def check_refused(
        self, done: subprocess.CompletedProcess[str], *reasons: str, code: int = _FAILED
    ) -> None:
        """One line that begins with the program's name, and nothing on stdout."""
        self.assertEqual(done.returncode, code, done)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("platter: "), lines[0])
        for reason in reasons:
            self.assertIn(reason, lines[0])

    def check_start(self) -> None:
        """What was refused left nothing behind that hinders the next."""
        origin = self.start_origin()
        platter = self.start_platter(origin)
        film = Film(1_000_000, 1)
        for _ in range(2):
            self.assertEqual(
                fetch_checked(platter.url, film.path, seed=film.seed), film.length)
        self.assertEqual(origin.body_bytes(), film.length, "it was stored")

    def test_the_players_port_is_in_use(self) -> None:
        with taken() as address:
            self.check_refused(
                self.serve(listen=address), "--listen", address, "already in use")
        self.check_start()

    def test_the_admin_port_is_in_use(self) -> None:
        with taken() as address:
            self.check_refused(self.serve(admin=address), "--admin", address, "already in use")
        self.check_start()

    def test_another_server_has_the_port(self) -> None:
        """Nothing comes of it for the one that was there first."""
        origin = self.start_origin()
        first = self.start_platter(origin, cache="first")
        film = Film(1_000_000, 1)
        fetch_checked(first.url, film.path, seed=film.seed)
        address = first.url.removeprefix("http://").rstrip("/")
        self.check_refused(self.serve(listen=address), address, "already in use")
        fetch_checked(first.url, film.path, seed=film.seed)
        self.assertEqual(origin.body_bytes(), film.length)

    def test_another_server_has_the_folder(self) -> None:
        origin = self.start_origin()
        first = self.start_platter(origin)
        film = Film(1_000_000, 1)
        fetch_checked(first.url, film.path, seed=film.seed)
        self.check_refused(self.serve(), str(self.cache))
        fetch_checked(first.url, film.path, seed=film.seed)
        self.assertEqual(origin.body_bytes(), film.length)

    def test_the_folder_is_a_file(self) -> None:
        self.cache.write_text("something of somebody else's")
        self.check_refused(self.serve(), "--cache-dir", str(self.cache), "Not a directory")
        self.assertEqual(self.cache.read_text(), "something of somebody else's")
        self.cache.unlink()
        self.check_start()

    def test_a_newer_version_wrote_the_index(self) -> None:
        """It is left as it is, and that version finds all of it again."""
        origin = self.start_origin()
        film = Film(1_000_000, 1)
        platter = self.start_platter(origin)
        fetch_checked(platter.url, film.path, seed=film.seed)
        self.assertEqual(platter.stop(), 0)
        index = platter.index
        before = index.read_bytes()
        make_newer(self.cache)
        newer = index.read_bytes()
        self.check_refused(self.serve(), str(index), "a newer Platter")
        self.assertEqual(index.read_bytes(), newer)
        index.write_bytes(before)
        origin.reset()
        platter = self.start_platter(origin)
        fetch_checked(platter.url, film.path, seed=film.seed)
        self.assertEqual(origin.log_of_requests(), [], "it is all there")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
    def test_the_folder_may_not_be_read(self) -> None:
        self.check_no_permission(0o000)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
    def test_the_folder_may_not_be_written_to(self) -> None:
        self.check_no_permission(0o500)

    def check_no_permission(self, mode: int) -> None:
        """Nothing is put into it; when it may be used again, it is."""
        self.folder.chmod(0o711)
        self.cache.mkdir()
        os.chown(self.cache, _NOBODY, _NOBODY)
        self.cache.chmod(mode)
        under = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
        self.check_refused(self.serve(under=under), "Permission denied")
        self.assertEqual(list(self.cache.iterdir()), [])
        self.cache.chmod(0o700)
        origin = self.start_origin()
        platter = Platter(origin.url, self.cache, under=under)
        try:
            film = Film(1_000_000, 1)
            for _ in range(2):
                fetch_checked(platter.url, film.path, seed=film.seed)
            self.assertEqual(origin.body_bytes(), film.length, "it was stored")
        finally:
            self.assertEqual(platter.stop(), 0)

    def test_the_origin_is_no_url(self) -> None:
        for origin in ("", "ftp://127.0.0.1/", "media.example"):
            with self.subTest(origin=origin):
                self.check_refused(
                    self.serve(origin=origin), "origin", "http://", code=_MISUSED)
                self.assertFalse(self.cache.exists(), "no folder is made")

    def test_a_setting_is_named_as_it_was_typed(self) -> None:
        cases = {
            "--max-size": "1M", "--chunk-size": "100", "--fetches": "65",
            "--fetches-per-origin": "0", "--read-ahead": "1000", "--bandwidth": "1K",
            "--background-bandwidth": "1K", "--scrub-rate": "1K", "--trust": "ftp://a.example"}
        for option, value in cases.items():
            with self.subTest(option=option):
                done = self.serve(flags=(option, value))
                self.check_refused(done, f"platter: {option}", code=_MISUSED)
        done = self.serve(flags=("--origin", "a/b=http://127.0.0.1:1"))
        self.check_refused(done, "platter: --origin a/b=…:", code=_MISUSED)
        done = self.serve(origin="http://user:word@a.example")
        self.check_refused(done, "platter: --origin:", "platter url --header", code=_MISUSED)
        done = self.serve(flags=("--trust", "http://user:word@a.example"))
        self.check_refused(done, "platter: --trust …@a.example:", code=_MISUSED)
        self.assertNotIn("word@", done.stderr)
        self.assertFalse(self.cache.exists(), "no folder is made")

    def test_the_authorities_of_origins_cannot_be_used(self) -> None:
        empty, other = self.folder / "empty.pem", self.folder / "other.pem"
        empty.touch()
        other.write_text("something else")
        reasons = {
            self.folder / "missing.pem": "No such file", empty: "no certificate in PEM form",
            other: "no certificate in PEM form", self.folder: "no certificate in PEM form"}
        for file, reason in reasons.items():
            with self.subTest(file=file.name):
                done = self.serve(flags=("--origin-ca", str(file)))
                self.check_refused(done, "platter: --origin-ca:", str(file), reason)
                self.assertFalse(self.cache.exists(), "no folder is made")

    def test_only_what_was_typed_can_contradict_itself(self) -> None:
        done = self.serve(flags=("--fetches", "2", "--fetches-per-origin", "3"))
        self.check_refused(done, "platter: --fetches-per-origin:", code=_MISUSED)
        origin = self.start_origin()
        film = Film(1_000_000, 1)
        for flags in (
                ("--fetches", "2"), ("--fetches", "1"), ("--fetches-per-origin", "8"),
                ("--fetches", "2", "--fetches-per-origin", "2"),
                ("--bandwidth", "256K"), ("--background-bandwidth", "1G"),
                ("--max-size", "64M"), ("--chunk-size", "1G")):
            with self.subTest(flags=flags):
                platter = self.start_platter(origin, *flags)
                fetch_checked(platter.url, film.path, seed=film.seed)
                self.assertEqual(platter.stop(), 0)

    def test_players_and_the_admin_interface_need_two_addresses(self) -> None:
        done = self.serve(listen="127.0.0.1:7999", admin="127.0.0.1:7999")
        self.check_refused(done, "platter: --admin:", "another port", code=_MISUSED)

    def test_the_form_of_a_value_is_told(self) -> None:
        cases = [
            ("--listen", "7787", "127.0.0.1:7777"), ("--listen", ":17787", "127.0.0.1:7777"),
            ("--admin", "x", "127.0.0.1:7777"), ("--listen", "x:99999", "65535"),
            ("--max-size", "1.5G", "500M"), ("--max-size", "10XB", "500M"),
            ("--bandwidth", "fast", "500M"), ("--scrub-rate", "99999999999T", "counted")]
        for option, value, form in cases:
            with self.subTest(option=option, value=value):
                done = self.serve(flags=(option, value))
                self.assertEqual(done.returncode, _MISUSED, done)
                self.assertEqual(done.stdout, "")
                first, *_ = done.stderr.splitlines()
                for part in (value, option, form):
                    self.assertIn(part, first)
        self.assertFalse(self.cache.exists(), "no folder is made")

    @unittest.skipUnless(are_possible(), "needs root, and may not mount")
    def test_a_folder_that_is_read_only_is_named(self) -> None:
        ends = contextlib.ExitStack()
        self.addCleanup(ends.close)
        mount_tmpfs(self.cache, 1 << 20, ends)
        (self.cache / "index.sqlite").touch()
        (self.cache / "CACHEDIR.TAG").touch()
        run("mount", "-o", "remount,ro", str(self.cache))
        self.check_refused(self.serve(), f"--cache-dir: {self.cache}", "Read-only file system")
        done = subprocess.run(
            [binary("platter"), "verify", "--cache-dir", str(self.cache)], capture_output=True,
            text=True, timeout=_SOON, check=False)
        self.check_refused(done, f"platter: {self.cache}", "Read-only file system")

    def test_the_origin_is_missing_behind_its_option(self) -> None:
        done = subprocess.run(
            [binary("platter"), "serve", "--cache-dir", str(self.cache), "--origin"],
            capture_output=True, text=True, timeout=_SOON, check=False)
        self.assertEqual(done.returncode, _MISUSED, done)
        self.assertEqual(done.stdout, "")
        first, *_ = done.stderr.splitlines()
        self.assertTrue(first.startswith("Error: ") and "'--origin" in first, first)
        self.assertFalse(self.cache.exists(), "no folder is made")


class taken:
    """A port that somebody else listens on meanwhile."""

    def __enter__(self) -> str:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1)
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()
