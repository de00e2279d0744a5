"""An origin whose answers no server would give. Each follows from the seed and the path."""

from __future__ import annotations

import re
import socketserver
import threading

from platter_rigs.mutation import Mutator

_TOTALS = [
    0, 1, 5, 1000, 65_536, 10 << 20, 1 << 31, 1 << 53, (1 << 62) + 1, (1 << 63) - 1, 1 << 63,
]
_COMMON = b'ETag: "x"\r\nContent-Type: video/mp4\r\n'
#: Seconds for which an answer may be left hanging.
_HANG = 2.0


def _partial(mutator: Mutator, first: int) -> bytes:
    """Often right for what was asked."""
    total = mutator.random.choice(_TOTALS)
    length = mutator.random.choice([1, 5, 1000, 70_000, max(0, total - first)])
    last = min(first + length, total) - 1
    body = b"x" * min(max(0, last + 1 - first), 5000)
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{total}\r\n"
    if mutator.random.random() < 0.8:
        head += f"Content-Length: {last + 1 - first}\r\n"
    return head.encode() + _COMMON + b"\r\n" + body


def _whole(mutator: Mutator, first: int) -> bytes:
    total = mutator.random.choice(_TOTALS)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n".encode()
    return head + _COMMON + b"\r\n" + b"x" * min(total, 5000)


def _other(mutator: Mutator, first: int) -> bytes:
    total = mutator.random.choice(_TOTALS)
    date = "Fri, 31 Dec 9999 23:59:60 GMT"
    return mutator.random.choice([
        f"HTTP/1.1 416 x\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 x\r\nLocation: ../../x/./..?#\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 x\r\nLocation: http://[::1]:99999/\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 503 x\r\nRetry-After: {date}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 429 x\r\nRetry-After: {total}\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nxx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n\r\n"
        "2\r\nxx\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 103 x\r\nLink: x\r\n\r\nHTTP/1.1 100 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 000 x\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n", "HTTP/1.0 200\r\n\r\nxx", "",
        f"HTTP/1.1 200 OK\r\nLast-Modified: {date}\r\nDate: {date}\r\nAge: {total}\r\n"
        f"Cache-Control: s-maxage={total}\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 200 OK\r\n" + "A: b\r\n" * 300 + "\r\n",
        "HTTP/1.1 200 OK\r\nA: " + "b" * 90_000 + "\r\n\r\n",
    ]).encode()


class HostileOrigin:
    """Listens on several ports: each is an origin of its own, with its own connections."""

    def __init__(self, seed: object, ports: int):
        self.seed = seed
        self._servers = [self._server() for _ in range(ports)]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def _server(self) -> socketserver.ThreadingTCPServer:
        origin = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = _HANG

            def handle(self) -> None:
                try:
                    origin.converse(self)
                except OSError:
                    # The other side has had enough, which is its right.
                    pass

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        return server

    def url(self, case: int) -> str:
        port = self._servers[case % len(self._servers)].server_address[1]
        return f"http://127.0.0.1:{port}/case/{case}"

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def converse(self, handler: socketserver.StreamRequestHandler) -> None:
        for _ in range(20):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = handler.rfile.readline(65_536)
                if not line:
                    return
                head += line
            path = head.split(b" ")[1]
            mutator = Mutator(f"{self.seed} {path.decode('latin-1')}")
            handler.wfile.write(self.answer(head, mutator))
            handler.wfile.flush()
            if mutator.random.random() < 0.5:
                return

    @staticmethod
    def answer(head: bytes, mutator: Mutator) -> bytes:
        asked = re.search(rb"(?i)\nrange: bytes=(\d+)-", head)
        first = int(asked.group(1)) if asked else 0
        make = mutator.random.choice([_partial, _partial, _partial, _whole, _other])
        answer = make(mutator, first)
        return mutator.mutate(answer) if mutator.random.random() < 0.6 else answer
