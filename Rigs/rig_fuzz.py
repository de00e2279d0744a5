"""Nothing that comes from players, tools, the disk or the command line ends the server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from platter_rigs import figure, is_long
from platter_rigs.fuzzing import LENGTH, PATH, SEED, SETTLED, WAVE, FuzzRig, send_all
from platter_rigs.mutation import NUMBERS, Mutator
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import fetch_checked

REQUESTS = [
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-499\r\nIf-Range: \"x\"\r\n\r\n",
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=9223372036854775806-\r\n\r\n",
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=-9223372036854775807\r\n\r\n",
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,5-6,-1\r\nIf-None-Match: *\r\n\r\n",
    f"HEAD {PATH} HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "GET /_platter/stream/x/../y HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]
ADMIN_REQUESTS = [
    "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /entries?after=9223372036854775807 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /entries/1?x=%00%zz HTTP/1.1\r\nHost: [::1]:1\r\nOrigin: null\r\n\r\n",
    "PUT /streams HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n\r\n",
]
MESSAGES = [
    b'{"url": "http://127.0.0.1:9/x?y=%00", "headers": [{"name": "A", "value": "b"}]}',
    b'{"url": "https://[::1]:9/", "headers": null}', b"[" * 513, b'{"a":' * 512 + b"[", b"null",
    b'{"url": "http://127.0.0.1:9", "headers": [{"name": "Range", "value": "bytes=0-"}]}',
    b'{"url": 1e999}', b'{"url": "\\ud800"}', b"\xff\xfe[\x00" * 600, b'"' + b"\\u0000" * 2000,
]
def player_request(mutator: Mutator) -> bytes:
    if mutator.random.random() < 0.05:
        return mutator.noise()
    request = mutator.random.choice(REQUESTS).encode("latin-1")
    return mutator.mutate(request) if mutator.random.random() < 0.9 else request


def admin_request(mutator: Mutator) -> bytes:
    if mutator.random.random() < 0.3:
        return mutator.mutate(mutator.random.choice(ADMIN_REQUESTS).encode())
    body = mutator.random.choice(MESSAGES)
    if mutator.random.random() < 0.8:
        body = mutator.mutate(body)
    head = (
        "POST /streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n").encode()
    return (mutator.mutate(head) if mutator.random.random() < 0.2 else head) + body


def sockets(platter: Platter) -> int:
    """Open ones. Files of the cache stay open for a while."""
    folder = f"/proc/{platter.pid}/fd"
    links = []
    for name in os.listdir(folder):
        try:
            links.append(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            # It was closed meanwhile.
            pass
    return sum(1 for link in links if link.startswith("socket:"))


class Fuzz(FuzzRig):
    def storm(
        self, platter: Platter, url: str, make: Callable[[Mutator], bytes], count: int
    ) -> None:
        """Waves of requests; each of them has an answer of HTTP, or none."""
        answered = 0
        for first in range(0, count, WAVE):
            requests = [make(Mutator(f"{SEED} {number}")) for number in range(first, first + WAVE)]
            answers = send_all(url, requests)
            self.check_alive(platter, f"one of {requests}")
            for request, answer in zip(requests, answers):
                if answer and not answer.startswith(b"HTTP/1."):
                    self.fail(f"seed {SEED}: {request!r} was answered by {answer!r}")
            answered += sum(1 for answer in answers if answer)
        figure(f"{count} connections to {url}: {answered} answered")
        self.assertGreater(answered, count // 4, "most were not heard at all")

    def test_every_parser(self) -> None:
        executions = 10_000_000 if is_long() else 100_000
        done = subprocess.run(
            [binary("PlatterFuzz"), "--executions", str(executions), "--seed", SEED],
            capture_output=True, text=True, timeout=self.limit, check=False)
        for line in done.stdout.splitlines():
            figure(line)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])

    def test_what_players_and_tools_send(self) -> None:
        origin = self.start_origin()
        platter = self.start_platter(origin)
        fetch_checked(platter.url, PATH, seed=3)
        self.storm(platter, platter.url, player_request, WAVE)
        self.storm(platter, platter.admin, admin_request, WAVE)
        self.settle(platter)
        before = (sockets(platter) - origin.connections(), platter.threads())
        self.storm(platter, platter.url, player_request, 50_000 if is_long() else 1_500)
        self.storm(platter, platter.admin, admin_request, 20_000 if is_long() else 600)
        self.settle(platter)

        def is_back() -> bool:
            now = (sockets(platter) - origin.connections(), platter.threads())
            return now[0] <= before[0] and now[1] <= before[1]

        self.wait_until(is_back, SETTLED, f"sockets and threads are {before} again")
        figure(f"memory: {platter.memory('VmHWM') / 1e6:.0f} MB at most")
        self.assertEqual(fetch_checked(platter.url, PATH, 7, seed=3), LENGTH - 7)

    def test_what_people_type(self) -> None:
        """A value that cannot be is told, and nothing starts."""
        values = [value.decode() for value in NUMBERS] + [
            "nan", "inf", "-inf", "1e400", "9223372036854775807T", "8388608T", "5\u212a", "\u0665",
            "0iB", "iB", "B", ":", "[:", "[]:1", "::1:99999", "\u0130B", "a=", "=", "=a",
            "\U0001f600",
        ]
        options = ["listen", "admin", "max-size", "chunk-size", "fetches", "read-ahead", "origin"]
        if not is_long():
            values = Mutator(SEED).random.sample(values, 6)
        for option in options:
            for value in values:
                # The folder cannot be made, so it never serves.
                done = subprocess.run(
                    [
                        binary("platter"), "serve", f"--{option}={value}", "--cache-dir",
                        "/dev/null/platter"],
                    capture_output=True, text=True, timeout=30, check=False)
                self.assertIn(done.returncode, (1, 64), f"--{option}={value!r}: {done.stderr}")
        figure(f"{len(options) * len(values)} command lines")
