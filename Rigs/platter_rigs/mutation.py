"""Bytes that nobody would send: good examples after a few changes, the same ones for one seed."""

from __future__ import annotations

import random
import re

#: Where arithmetic breaks.
NUMBERS = [
    b"0", b"1", b"-1", b"+1", b"00", b"65536", b"2147483648", b"4294967296",
    b"9223372036854775806", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"18446744073709551616", b"1" + b"0" * 40, b"0x10", b"1e3", b"",
]
TOKENS = [
    b"\0", b"\r\n", b"\n", b"\r", b"\t", b" ", b",", b";", b"=", b'"', b"\\", b"/", b"-", b":",
    b"*", b"%00", b"..", b"//", b"?", b"#", b"\x80", b"\xff\xfe", "\u00e9".encode(), b"W/",
    b"bytes=", b"\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n", b" HTTP/1.0",
]


class Mutator:
    def __init__(self, seed: object):
        self.random = random.Random(str(seed))

    def mutate(self, data: bytes) -> bytes:
        """One to four changes."""
        for _ in range(self.random.randint(1, 4)):
            data = self.random.choice(self._CHANGES)(self, data)
        return data

    def noise(self) -> bytes:
        """Nothing that was ever a message."""
        return self.random.randbytes(self.random.choice([1, 7, 100, 3000]))

    def _place(self, data: bytes) -> int:
        return self.random.randint(0, len(data))

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        place = self.random.randrange(len(data))
        flipped = data[place] ^ 1 << self.random.randrange(8)
        return data[:place] + bytes([flipped]) + data[place + 1:]

    def _insert(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + self.random.choice(TOKENS) + data[place:]

    def _remove(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + data[place + self.random.randint(0, 20):]

    def _repeat(self, data: bytes) -> bytes:
        place = self._place(data)
        part = data[place:place + self.random.randint(1, 60)]
        return data[:place] + part * self.random.choice([2, 2, 2, 300]) + data[place:]

    def _cut(self, data: bytes) -> bytes:
        return data[:self._place(data)]

    def _renumber(self, data: bytes) -> bytes:
        found = list(re.finditer(rb"\d+", data))
        if not found:
            return data
        match = self.random.choice(found)
        return data[:match.start()] + self.random.choice(NUMBERS) + data[match.end():]

    def _repeat_line(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        lines.insert(self.random.randrange(len(lines)), self.random.choice(lines))
        return b"\r\n".join(lines)

    _CHANGES = [_flip, _insert, _remove, _repeat, _cut, _renumber, _renumber, _repeat_line]
