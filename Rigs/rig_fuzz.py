"""Nothing that comes over a connection, from the disk or from the command line ends the server."""

from __future__ import annotations

import http.client
import json
import os
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from platter_rigs import Rig, figure, is_long
from platter_rigs.hostile_origin import HostileOrigin
from platter_rigs.mutation import NUMBERS, Mutator
from platter_rigs.origin import ramp_path
from platter_rigs.platter import Platter
from platter_rigs.processes import binary
from platter_rigs.raw_http import Connection, fetch_checked

#: Another one finds other things: PLATTER_SEED.
SEED = os.environ.get("PLATTER_SEED", "1")
LENGTH = 300_000
PATH = ramp_path(LENGTH, 3)
#: Connections open at the same time.
WAVE = 50
#: Seconds for which the answers of a wave are waited for.
PATIENCE = 0.1
#: Seconds until nothing is left of clients that have gone.
SETTLED = 30

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
RANGES = [
    None, "bytes=0-", "bytes=0-0", "bytes=5-10", "bytes=-5", "bytes=-9223372036854775807",
    "bytes=9223372036854775806-", "bytes=9223372036854775807-", "bytes=4611686018427387904-",
    "bytes=0-9223372036854775807", "bytes=0-1,3-4",
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


def send_all(url: str, requests: Sequence[bytes]) -> list[bytes]:
    """Each on a connection of its own; what has come back after a moment."""
    parts = urlsplit(url)
    answers = [b""] * len(requests)
    with selectors.DefaultSelector() as selector:
        connections = []
        for number, request in enumerate(requests):
            try:
                connection = socket.create_connection((parts.hostname, parts.port), 10)
            except OSError:
                # Nobody listens: it is asked afterwards how it is.
                continue
            connections.append(connection)
            connection.settimeout(10)
            try:
                connection.sendall(request)
            except OSError:
                # It was refused before all of it was sent.
                pass
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, number)
        deadline = time.monotonic() + PATIENCE
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                try:
                    answers[key.data] = key.fileobj.recv(4096)
                except OSError:
                    pass
                selector.unregister(key.fileobj)
        for connection in connections:
            connection.close()
    return answers


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


def trace(platter: Platter) -> str:
    """Where it died, as far as its log says."""
    lines = platter.log.read_text(errors="replace").splitlines()
    wanted = re.compile(r"runtime failure| in platter at |Fatal")
    return "\n".join([line[:160] for line in lines if wanted.search(line)][:12])


class Fuzz(Rig):
    limit = 900

    def check_alive(self, platter: Platter, what: str) -> None:
        """A process that writes down where it trapped takes some seconds to end."""
        try:
            platter.status()
        except (OSError, http.client.HTTPException) as error:
            self.wait_until(lambda: not platter.is_running(), 30, f"{error!r}, yet it runs")
            self.fail(f"seed {SEED}: it died of {what}\n{trace(platter)}")

    def settle(self, platter: Platter) -> None:
        self.wait_until(
            lambda: not any(platter.status().values()), SETTLED,
            f"all of the status is 0, not {platter.status()}")

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
        executions = 10_000_000 if is_long() else 200_000
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
        self.storm(platter, platter.url, player_request, 50_000 if is_long() else 2_500)
        self.storm(platter, platter.admin, admin_request, 20_000 if is_long() else 1_000)
        self.settle(platter)

        def is_back() -> bool:
            now = (sockets(platter) - origin.connections(), platter.threads())
            return now[0] <= before[0] and now[1] <= before[1]

        self.wait_until(is_back, SETTLED, f"sockets and threads are {before} again")
        figure(f"memory: {platter.memory('VmHWM') / 1e6:.0f} MB at most")
        self.assertEqual(fetch_checked(platter.url, PATH, 7, seed=3), LENGTH - 7)

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
        count = 20_000 if is_long() else 2_500
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
        self.assertIn("broke off", done.stderr)

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
