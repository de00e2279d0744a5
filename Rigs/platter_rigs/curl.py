"""curl, as a process of its own: what it has written is compared with the object."""

from __future__ import annotations

from pathlib import Path

from platter_rigs.processes import Program
from platter_rigs.ramp import first_mismatch
from platter_rigs.raw_http import WrongBytes

#: CURLE_PARTIAL_FILE: the connection ended, properly, before the promised length.
_PARTIAL = 18
_PIECE = 1 << 20


class Curl:
    """Downloads into a file in the background."""

    def __init__(self, url: str, file: Path, *flags: str):
        self.url = url
        self.file = file
        #: Times that the connection was closed short.
        self.cuts = 0
        self._flags = flags
        self._start()

    def _start(self) -> None:
        log = self.file.with_suffix(".curl.log")
        self.program = Program(
            [
                "curl", "--silent", "--show-error", "--fail", "--continue-at", "-", *self._flags,
                "--output", str(self.file), self.url,
            ],
            log=log)

    def received(self) -> int:
        """Bytes in the file so far."""
        return self.file.stat().st_size if self.file.exists() else 0

    def finish(self, seconds: float, cuts: int = 0) -> None:
        """Waits for the end.

        - Parameter cuts: Times that a close before the end is answered with a request for the rest.
        """
        while (code := self.program.wait(seconds)) != 0:
            if code != _PARTIAL or self.cuts == cuts:
                raise WrongBytes(
                    f"curl ended with {code} after {self.received()} bytes:\n"
                    f"{self.program.log_tail()}")
            self.cuts += 1
            self._start()

    def compare(self, length: int, seed: int) -> None:
        """Raises WrongBytes unless the file is the ramp, byte for byte."""
        position = 0
        with open(self.file, "rb") as file:
            while piece := file.read(_PIECE):
                wrong = first_mismatch(piece, position, seed)
                if wrong is not None:
                    raise WrongBytes(f"byte {wrong} is {piece[wrong - position]} in curl's file")
                position += len(piece)
        if position != length:
            raise WrongBytes(f"curl's file has {position} bytes, not {length}")
