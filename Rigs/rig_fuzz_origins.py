"""Nothing that an origin answers ends the server, or a download."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
from urllib.parse import urlsplit

from platter_rigs import figure, is_long
from platter_rigs.fuzzing import LENGTH, PATH, SEED, WAVE, FuzzRig, send_all
from platter_rigs.hostile_origin import HostileOrigin
from platter_rigs.mutation import Mutator
from platter_rigs.processes import binary
from platter_rigs.raw_http import Connection, fetch_checked

RANGES = [
    None, "bytes=0-", "bytes=0-0", "bytes=5-10", "bytes=-5", "bytes=-9223372036854775807",
    "bytes=9223372036854775806-", "bytes=9223372036854775807-", "bytes=4611686018427387904-",
    "bytes=0-9223372036854775807", "bytes=0-1,3-4",
]


class FuzzOrigins(FuzzRig):
    def register(self, admin: http.client.HTTPConnection, url: str) -> str:
        """The local path of a URL."""
        body = json.dumps({"url": url})
        admin.request("POST", "/streams", body, {"Content-Type": "application/json"})
        local = json.loads(admin.getresponse().read())["url"]
        return urlsplit(local).path

    def case(self, path: str, mutator: Mutator) -> bytes:
        method = mutator.random.choice(["GET", "GET", "GET", "HEAD"])
        asked = mutator.random.choice(RANGES)
        field = f"Range: {asked}\r\n" if asked else ""
        return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{field}\r\n".encode()

    def test_what_origins_answer(self) -> None:
        good = self.start_origin()
        platter = self.start_platter(good, "--no-background-fill")
        hostile = HostileOrigin(SEED, ports=25)
        self.addCleanup(hostile.stop)
        admin = http.client.HTTPConnection(urlsplit(platter.admin).netloc, timeout=10)
        self.addCleanup(admin.close)
        count = 20_000 if is_long() else 1_500
        statuses: dict[bytes, int] = {}
        for first in range(0, count, WAVE):
            numbers = range(first, first + WAVE)
            # Four requests for each object, so that some find what others have opened.
            paths = [self.register(admin, hostile.url(number // 4)) for number in numbers]
            answers = send_all(platter.url, [
                self.case(path, Mutator(f"{SEED} ask {number}"))
                for path, number in zip(paths, numbers)])
            self.check_alive(platter, f"one of the cases from {first} on")
            for number, answer in zip(numbers, answers):
                if answer and not re.match(rb"HTTP/1\.[01] [2-9]\d\d ", answer):
                    self.fail(f"seed {SEED}, case {number}: answered by {answer!r}")
                statuses[answer[9:12]] = statuses.get(answer[9:12], 0) + 1
        told = {status.decode() or "none": number for status, number in sorted(statuses.items())}
        figure(f"{count} answers of hostile origins: {told}")
        self.settle(platter)
        figure(f"memory: {platter.memory('VmHWM') / 1e6:.0f} MB at most")
        self.assertEqual(fetch_checked(platter.url, PATH, seed=3), LENGTH)
        self.assertGreater(len(statuses), 3, "all cases ended in the same way")

    def test_a_status_that_is_none(self) -> None:
        good = self.start_origin()
        platter = self.start_platter(good)
        hostile = HostileOrigin(SEED, ports=1)
        self.addCleanup(hostile.stop)
        admin = http.client.HTTPConnection(urlsplit(platter.admin).netloc, timeout=10)
        self.addCleanup(admin.close)
        for case, status in enumerate([b"000", b"001", b"099", b"101", b"199", b"999"]):
            hostile.answer = lambda head, _: (
                b"HTTP/1.1 " + status + b" x\r\nContent-Length: 2\r\n\r\nxx")
            path = self.register(admin, hostile.url(case))
            send_all(platter.url, [self.case(path, Mutator(SEED))])
            self.check_alive(platter, f"a status of {status}")
        self.settle(platter)
        self.assertEqual(fetch_checked(platter.url, PATH, seed=3), LENGTH)

    def test_a_download_of_a_length_that_cannot_be(self) -> None:
        """`platter get` goes on with a file, and the answer would end behind the largest number."""
        platter = self.start_platter(self.start_origin())
        hostile = HostileOrigin(SEED, ports=1)
        self.addCleanup(hostile.stop)
        # The first is what decides that nothing is stored; the second is what is passed on.
        answers = [b"", b"Content-Length: 9223372036854775807\r\n"]
        hostile.answer = lambda head, _: (
            b"HTTP/1.1 206 x\r\nContent-Range: bytes 5-9/10\r\nConnection: close\r\n"
            + (answers.pop(0) if len(answers) > 1 else answers[0]) + b"\r\nxxxxx")
        target = self.folder / "film"
        (self.folder / "film.part").write_bytes(b"yyyyy")
        (self.folder / "film.part.etag").write_text('"x"')
        done = subprocess.run(
            [
                binary("platter"), "get", hostile.url(0), "-o", str(target), "--admin",
                urlsplit(platter.admin).netloc],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 1, done.stderr[-2000:])
        # It contradicts its own Content-Range.
        self.assertIn("cannot be used", done.stderr)

    def test_origins_are_spoken_to_in_http_1(self) -> None:
        """A status that is no number above 0 ends the program inside of the HTTP/2 library."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(20)
            platter = self.start_platter(f"https://127.0.0.1:{listener.getsockname()[1]}")
            with Connection(platter.url) as player:
                player.send("/film")
                connection, _ = listener.accept()
                with connection:
                    hello = connection.recv(65_536)
        self.assertIn(b"\x08http/1.1", hello)
        self.assertNotIn(b"\x02h2", hello)
