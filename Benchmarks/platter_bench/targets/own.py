"""Platter, and no cache at all."""

from __future__ import annotations

from pathlib import Path

from platter_bench.targets.base import Memory, Target, first_line
from platter_rigs.platter import Platter
from platter_rigs.processes import binary

#: What is fetched to its end while nobody asks would count as waste; the peers have nothing like it.
_FLAGS = ("--no-background-fill",)


class Direct(Target):
    """The origin itself, without a cache."""

    name = "direct"
    is_peer = False

    def launch(self, origin_url: str, folder: Path) -> None:
        self.base = origin_url

    def version(self) -> str:
        return "native/origin.c"

    def cpu_seconds(self) -> float:
        return 0

    def memory(self) -> Memory:
        return Memory(0, 0)


class OurOwn(Target):
    """As it is by default, but without background fill, which would count as waste."""

    name = "platter"
    is_peer = False

    def __init__(self, options, *flags: str):
        super().__init__(options)
        self.flags = flags
        self.server: Platter | None = None

    def launch(self, origin_url: str, folder: Path) -> None:
        self.server = Platter(
            origin_url, folder / "cache", "--max-size", str(self.options.size), *_FLAGS, *self.flags)
        self.keep(self.server)
        self.base = self.server.url

    def version(self) -> str:
        return first_line(binary("platter"), "--version")
