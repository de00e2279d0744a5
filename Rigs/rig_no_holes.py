"""A file system that cannot punch holes: the size limit holds all the same, by whole files."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import os
import time
import unittest
from pathlib import Path

from platter_rigs import Rig, figure
from platter_rigs.call_filter import are_countable
from platter_rigs.curl import Curl
from platter_rigs.load import Film
from platter_rigs.log_texts import NO_HOLES
from platter_rigs.platter import Platter
from platter_rigs.system_calls import CARRY_ON, Answer, Call, Supervisor
from platter_rigs.volumes import are_possible, mount_ramfs

MB = 1_000_000
#: What `--max-size` says.
LIMIT = 64 << 20
#: fallocate(2)
KEEP_SIZE, PUNCH_HOLE = 1, 2


def can_punch(folder: Path) -> bool:
    """Whether a file there can be punched."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = folder / "punched"
    file.write_bytes(bytes(1 << 20))
    descriptor = os.open(file, os.O_RDWR)
    try:
        answer = libc.fallocate(
            descriptor, PUNCH_HOLE | KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(1 << 16))
        return answer == 0 or ctypes.get_errno() != errno.EOPNOTSUPP
    finally:
        os.close(descriptor)
        file.unlink()


class RefusedHoles(Supervisor):
    """Says of each hole what such a file system says, after the first ones."""

    def __init__(self, folder: Path, allowed: int):
        self.allowed = allowed
        self.refused = 0
        super().__init__(folder, asks_all=False)

    def decide(self, call: Call) -> Answer:
        if call.name != "fallocate" or not call.arguments[1] & PUNCH_HOLE:
            return CARRY_ON
        self.count += 1
        if self.count <= self.allowed:
            return CARRY_ON
        self.refused += 1
        return Answer(error=errno.EOPNOTSUPP)


class NoHoles(Rig):
    limit = 300

    def setUp(self) -> None:
        super().setUp()
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)
        atexit.register(self.ends.close)
        self.origin = self.start_origin()
        self.cache = self.folder / "cache"

    @unittest.skipUnless(are_possible(), "needs root, and may not mount")
    def test_a_file_system_without(self) -> None:
        place = self.folder / "disk"
        mount_ramfs(place, self.ends)
        self.assertFalse(can_punch(place), "ramfs can punch holes by now: choose another one")
        (place / "cache").mkdir()
        self.cache.symlink_to(place / "cache")
        platter = self.start()
        self.play_all(platter)
        self.check_notice(platter, 1)
        self.assertEqual(platter.stop(), 0)
        platter = self.start()
        self.play_all(platter)
        self.check_notice(platter, 2)

    @unittest.skipUnless(are_countable(), "this system hands over no system calls")
    def test_holes_refused_from_the_start(self) -> None:
        calls = RefusedHoles(self.folder, allowed=0)
        platter = self.start(calls)
        self.play_all(platter)
        self.check_notice(platter, 1)
        self.assertEqual(calls.refused, 1, "only the probe has tried")

    @unittest.skipUnless(are_countable(), "this system hands over no system calls")
    def test_holes_refused_after_the_probe(self) -> None:
        calls = RefusedHoles(self.folder, allowed=1)
        platter = self.start(calls)
        self.play_all(platter)
        self.check_notice(platter, 1)
        self.assertGreater(calls.refused, 0, "a hole was tried")

    # MARK: what is played

    def start(self, calls: RefusedHoles | None = None) -> Platter:
        platter = Platter(
            self.origin.url, self.cache, "--max-size", f"{LIMIT}", "--no-background-fill",
            under=calls.command if calls else ())
        self.addCleanup(self._end, platter)
        return platter

    def play_all(self, platter: Platter) -> None:
        films = [Film(24 * MB, seed) for seed in range(1, 6)]
        for film in films:
            self.play(platter, film)
            self.settle(f"after {film}")
        # The last one is still there: what goes is what was played longest ago.
        self.origin.wait_until_quiet()
        self.origin.reset()
        self.play(platter, films[-1])
        self.assertEqual(self.origin.log_of_requests(), [], "the last film is on disk")
        self.play_at_once(platter, [Film(20 * MB, seed) for seed in range(11, 17)])
        self.settle("after six at once")
        self.play_larger(platter)
        self.play(platter, films[0])
        self.settle("at the end")
        figure(f"{self.taken() / MB:.1f} MB of {LIMIT / MB:.1f} MB taken at the end")

    def play_larger(self, platter: Platter) -> None:
        """A film larger than the limit is played to its end, and stored in part."""
        large = Film(200 * MB, 21)
        file = self.folder / "large"
        curl = Curl(platter.url + large.path, file)
        most = 0
        while curl.program.is_running():
            most = max(most, self.taken())
            time.sleep(0.02)
        curl.finish(60)
        curl.compare(large.length, large.seed)
        self.assertEqual(file.stat().st_size, large.length)
        file.unlink()
        figure(f"at most {most / MB:.1f} MB taken while {large.length / MB:.0f} MB are played")
        self.assertLessEqual(most, LIMIT, "what is read all the time does not fill the disk")
        self.settle("after a film larger than the limit")

    def play(self, platter: Platter, film: Film) -> None:
        self.play_at_once(platter, [film])

    def play_at_once(self, platter: Platter, films: list[Film]) -> None:
        curls = [
            Curl(platter.url + film.path, self.folder / f"film{film.seed}") for film in films]
        for film, curl in zip(films, curls):
            curl.finish(120)
            curl.compare(film.length, film.seed)
            self.assertEqual(curl.received(), film.length)
            curl.file.unlink()

    def settle(self, when: str) -> None:
        self.wait_until(
            lambda: self.taken() <= LIMIT, 10,
            f"{when} at most {LIMIT / MB:.1f} MB are taken, not {self.taken() / MB:.1f} MB")

    def taken(self) -> int:
        """What the data files take of the disk."""
        total = 0
        for folder, _, names in os.walk(self.cache / "objects"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(folder, name)).st_blocks * 512
        return total

    def check_notice(self, platter: Platter, times: int) -> None:
        text = platter.log.read_text(errors="replace")
        self.assertEqual(text.count(NO_HOLES), times, "it is said once a start")
