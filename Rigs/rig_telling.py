"""What people are told: by the log of an origin that fails, by `ls` and `show`, and by `verify` of an index."""

from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, patient
from platter_rigs.load import Film
from platter_rigs.log_texts import INDEX_UNUSABLE, ORIGIN_FAILS
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import Connection, fetch_checked

_FILM = Film(1_000_000, 1)
_SECRETS = ("one-token", "another-token", "one-key", "another-key")


class Telling(Rig):
    def run_platter(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary("platter"), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False)

    # The log

    @patient
    def test_an_origin_that_is_down_is_told_of_once(self) -> None:
        """At the level that is the default, by host and port, with the reason and nothing secret."""
        address = closed_port()
        platter = self.start_platter(f"http://{address}")
        with ThreadPoolExecutor(2) as pool:
            answers = [
                pool.submit(self.answer_of, platter, f"/film.mp4?token={token}")
                for token in _SECRETS[:2]]
        for answer in answers:
            self.assertEqual(
                answer.result(), (503, "Platter; fwd=uri-miss; detail=origin-unreachable"))
        said = platter.log.read_text()
        lines = [line for line in said.splitlines() if address in line]
        self.assertEqual(len(lines), 1, said)
        for part in ("warning", ORIGIN_FAILS, "Connection refused"):
            self.assertIn(part, lines[0])
        for secret in _SECRETS:
            self.assertNotIn(secret, said)

    def answer_of(self, platter: Platter, path: str) -> tuple[int, str]:
        with Connection(platter.url, timeout=20) as connection:
            response = connection.request(path)
            return response.status, response.fields["cache-status"]

    def test_an_origin_whose_bodies_break_off_is_told_of_once(self) -> None:
        origin = self.start_origin()
        origin.behave("ignores-range")
        origin.behave("truncated", n=1_000_000)
        platter = self.start_platter(origin)
        address = origin.url.removeprefix("http://").rstrip("/")
        film = Film(60_000_000, 2)
        with Connection(platter.url, timeout=60) as connection:
            connection.request(film.path).check(500_000, seed=film.seed)
            self.wait_until(
                lambda: ORIGIN_FAILS in platter.log.read_text(), 30, "the origin is named")
        said = platter.log.read_text()
        lines = [line for line in said.splitlines() if address in line]
        self.assertEqual(len(lines), 1, said)
        self.assertIn("break off", lines[0])

    def test_a_good_answer_in_a_content_coding_alarms_nobody(self) -> None:
        origin = self.start_origin()
        origin.behave("gzip")
        platter = self.start_platter(origin)
        for _ in range(2):
            with Connection(platter.url, timeout=30) as connection:
                self.assertEqual(connection.request(_FILM.path).status, 200)
        self.assertNotIn("warning", platter.log.read_text())

    # ls and show

    def test_rows_of_one_url_are_told_apart(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin, "--no-background-fill")
        admin = platter.admin.removeprefix("http://")
        for token in _SECRETS[:2]:
            fetch_checked(platter.url, f"{_FILM.path}?token={token}", seed=_FILM.seed)
        for key in _SECRETS[2:]:
            done = self.run_platter(
                "url", f"{origin.url}{_FILM.path}", "-H", f"X-Key: {key}", "--admin", admin)
            path = done.stdout.strip().removeprefix(platter.url.rstrip("/"))
            fetch_checked(platter.url, path, seed=_FILM.seed)
        fetch_checked(platter.url, _FILM.path, seed=_FILM.seed)
        listed = self.run_platter("ls", "--admin", admin).stdout
        for secret in _SECRETS:
            self.assertNotIn(secret, listed)
        rows = [row.split() for row in listed.splitlines()[1:]]
        titles = [" ".join(row[row.index(next(w for w in row if "://" in w)):]) for row in rows]
        self.assertEqual(len(set(titles)), 5, listed)
        url = f"{origin.url}{_FILM.path}"
        self.assertEqual(sum(f"{url}?… [query " in title for title in titles), 2, listed)
        self.assertEqual(sum(f"{url} [fields " in title for title in titles), 2, listed)
        self.assertEqual(titles.count(url), 1)
        for row, title in zip(rows, titles):
            shown = self.run_platter("show", row[0], "--admin", admin).stdout
            self.assertEqual(shown.splitlines()[0], title)
        platter.stop()
        self.assertEqual(self.run_platter("ls", "--cache-dir", str(platter.cache)).stdout, listed)

    def test_who_answers_in_the_place_of_the_daemon_is_told(self) -> None:
        address = self.start_origin().url.removeprefix("http://").rstrip("/")
        for arguments in (("ls",), ("show", "1"), ("url", "http://127.0.0.1:1/film.mp4")):
            done = self.run_platter(*arguments, "--admin", address)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(f"no admin interface of Platter at http://{address}", done.stderr)

    def test_a_trusted_origin_that_is_none_of_the_servers_is_told_of(self) -> None:
        origin = self.start_origin()
        stranger = f"http://{closed_port()}"
        platter = self.start_platter(origin, "--trust", origin.url, "--trust", stranger)
        self.wait_until(
            lambda: f"{stranger} is trusted and none" in platter.log.read_text(), 10, "a warning")
        self.assertNotIn(f"{origin.url} is trusted and none", platter.log.read_text())

    def test_without_a_daemon_the_way_without_one_is_named(self) -> None:
        for command in ("ls", "verify"):
            done = self.run_platter(command, "--admin", closed_port())
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("or name a cache folder with --cache-dir", done.stderr)

    # verify

    def test_a_data_file_that_is_missing_is_named_by_its_url(self) -> None:
        """On stdout, and nothing of it on stderr."""
        origin = self.start_origin()
        platter = self.start_platter(origin, "--no-background-fill")
        fetch_checked(platter.url, _FILM.path, seed=_FILM.seed)
        platter.stop()
        for file in (platter.cache / "objects").glob("*/*"):
            file.unlink()
        for flags, code in (((), 1), (("--repair",), 0), ((), 0)):
            done = self.verify(platter, *flags)
            self.assertEqual((done.returncode, done.stderr), (code, ""), done)
            says = f"damaged: {origin.url}{_FILM.path}, its file: it is missing (ID 1)"
            self.assertEqual(says in done.stdout, flags != () or code == 1, done.stdout)
        listed = self.run_platter("ls", "--cache-dir", str(platter.cache)).stdout
        self.assertIn("The cache is empty", listed)

    def test_a_damaged_index_is_told_of_with_what_can_be_done(self) -> None:
        platter = self.start_platter(self.start_origin())
        platter.stop()
        overwrite(platter.index, 0, 100)
        for arguments in (("ls",), ("show", "1"), ("verify",)):
            done = self.run_platter(*arguments, "--cache-dir", str(platter.cache))
            self.assertEqual(done.returncode, 1, done)
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr.startswith("platter: the index is damaged: "), done.stderr)
            self.assertIn(f"platter verify --cache-dir {platter.cache} --repair", done.stderr)

    def test_an_index_whose_beginning_is_garbage_is_set_aside(self) -> None:
        self.check_repaired(lambda index: overwrite(index, 0, 100))

    def test_an_index_with_pages_that_are_garbage_is_set_aside(self) -> None:
        def garble(index: Path) -> None:
            for page in range(2, index.stat().st_size // 4096):
                overwrite(index, page * 4096, 4096)

        self.check_repaired(garble)

    def check_repaired(self, damage) -> None:
        """Said before it is done, done where it is wanted, and the server begins anew with it."""
        origin = self.start_origin()
        platter = self.start_platter(origin, "--no-background-fill")
        fetch_checked(platter.url, _FILM.path, seed=_FILM.seed)
        platter.stop()
        index, lost = platter.index, Path(f"{platter.index}.lost")
        damage(index)
        garbage = index.read_bytes()
        for _ in range(2):
            done = self.verify(platter)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("index", done.stdout + done.stderr)
            self.assertIn("--repair", done.stdout + done.stderr)
            self.assertEqual(index.read_bytes(), garbage, "nothing was changed")
            self.assertFalse(lost.exists())
        done = self.verify(platter, "--repair")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("set aside as index.sqlite.lost", done.stdout)
        self.assertEqual(lost.read_bytes(), garbage)
        done = self.verify(platter)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("All is right", done.stdout)
        again = self.start_platter(origin, "--no-background-fill")
        for _ in range(2):
            fetch_checked(again.url, _FILM.path, seed=_FILM.seed)
        self.assertEqual(origin.body_bytes(), 2 * _FILM.length, "once before and once after")
        self.assertEqual(again.log.read_text().count(INDEX_UNUSABLE), 0)

    def verify(self, platter: Platter, *flags: str) -> subprocess.CompletedProcess[str]:
        return self.run_platter("verify", "--cache-dir", str(platter.cache), *flags)


def closed_port() -> str:
    """An address on which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        host, port = taken.getsockname()
        return f"{host}:{port}"


def overwrite(path: Path, offset: int, length: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"\x5a" * length)
