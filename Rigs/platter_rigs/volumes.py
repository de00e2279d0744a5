"""Small file systems of a rig's own, unmounted when its stack of ends is closed. Linux and root."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = bytes(1 << 16)
#: Of a small ext4 whose metadata is packed at its beginning, all of that is in here [bytes].
_METADATA = 8 << 20


def are_possible(*tools: str) -> bool:
    """Whether this process may mount, and has what it takes and these tools."""
    wanted = ("mount", "umount", "mkfs.ext4", *tools)
    return (
        sys.platform == "linux" and os.geteuid() == 0
        and all(shutil.which(name) for name in wanted))


def run(*command: str) -> None:
    """Runs a program to its end. Raises RuntimeError with what it says when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def mount_tmpfs(place: Path, size: int, ends: contextlib.ExitStack) -> None:
    """Mounts memory of so many bytes at a new folder."""
    place.mkdir()
    ends.callback(_unmount, place)
    attach_tmpfs(place, size)


def mount_ramfs(place: Path, ends: contextlib.ExitStack) -> None:
    """Mounts memory at a new folder on which files can have holes, but none can be punched into them."""
    place.mkdir()
    ends.callback(_unmount, place)
    run("mount", "-t", "ramfs", "-o", "mode=0700", "ramfs", str(place))


def attach_tmpfs(place: Path, size: int) -> None:
    """Mounts other memory where some was detached."""
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place))


def detach(place: Path) -> str:
    """Takes a file system from its place at once, whoever uses it.

    - Returns: What was mounted there.
    """
    source = next(
        line.split()[0] for line in Path("/proc/mounts").read_text().splitlines()
        if line.split()[1] == str(place))
    run("umount", "--lazy", str(place))
    return source


def attach(device: str, place: Path) -> None:
    """Mounts a device again where it was detached."""
    run("mount", device, str(place))


def mount_ext4(place: Path, size: int, ends: contextlib.ExitStack, *flags: str) -> Path:
    """Mounts an image of so many bytes at a new folder; its loop device ends with the mount.

    - Parameter flags: More for mkfs.
    - Returns: The image.
    """
    image = _image(place, size)
    run("mkfs.ext4", "-q", "-m", "0", *flags, str(image))
    mount_image(image, place, ends, "errors=remount-ro")
    return image


def mount_promising_ext4(
    place: Path, size: int, memory: int, ends: contextlib.ExitStack
) -> Path:
    """The same on a disk that takes less than it promises: what it has no memory for any more is lost
    on its way there, long after the write that said yes.

    What the file system needs itself is kept, but for folders and the extents of files in many pieces:
    the loss of that is told to nobody.

    - Returns: The folder that is its memory; the disk fails once that is full.
    """
    host = place.with_suffix(".memory")
    mount_tmpfs(host, memory, ends)
    image = _image(host / place.name, size)
    # A journal that cannot be written would make it read-only, which is another fault.
    run(
        "mkfs.ext4", "-q", "-m", "0", "-N", "4096", "-O", "^has_journal",
        "-E", "lazy_itable_init=0,packed_meta_blocks=1", str(image))
    with open(image, "r+b") as file:
        os.posix_fallocate(file.fileno(), 0, _METADATA)
    mount_image(image, place, ends, "errors=continue")
    return host


def mount_xfs(place: Path, size: int, ends: contextlib.ExitStack) -> Path:
    """The same with XFS, whose files can be copied in an instant with `cp --reflink`."""
    image = _image(place, size)
    run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
    mount_image(image, place, ends)
    return image


def mount_btrfs(place: Path, size: int, ends: contextlib.ExitStack) -> Path:
    """The same with btrfs; what is given back there is free a second later."""
    image = _image(place, size)
    run("mkfs.btrfs", "-q", str(image))
    mount_image(image, place, ends, "commit=1")
    return image


def _image(place: Path, size: int) -> Path:
    image = place.with_suffix(".img")
    with open(image, "wb") as file:
        file.truncate(size)
    return image


def mount_image(
    image: Path, place: Path, ends: contextlib.ExitStack, options: str = "defaults"
) -> None:
    """Mounts what is in an image at a new folder."""
    place.mkdir()
    run("mount", "-o", f"loop,{options}", str(image), str(place))
    ends.callback(_unmount, place)


def write_back(place: Path) -> None:
    """Waits until all that was written to a file system so far is on its disk."""
    run("sync", "--file-system", str(place))


def snapshot(image: Path, copy: Path) -> None:
    """What a power cut at this instant would leave of a mounted image."""
    run("cp", "--reflink=always", str(image), str(copy))


def forget(file: Path) -> None:
    """Takes of a file what is on the disk, or failed to get there, out of memory."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _unmount(place: Path) -> None:
    if not os.path.ismount(place):
        return
    try:
        run("umount", str(place))
    except RuntimeError:
        # A process that should have ended has a file open there: it goes when that one does.
        run("umount", "--lazy", str(place))


def abort_ext4(place: Path) -> None:
    """Every write fails from now on, as after an I/O error in the journal, open files or not."""
    run("mount", "-o", "remount,abort", str(place))
    try:
        (place / "probe").write_bytes(b"")
    except OSError as error:
        if error.errno == errno.EROFS:
            return
        raise
    raise RuntimeError(f"{place} can still be written to")


def showing(file: Path, place: str | Path) -> list[str]:
    """A command that becomes another, to which a file shows in the place of one of the system's."""
    return [
        "unshare", "--mount", "sh", "-c", f'mount --bind "{file}" "{place}" && exec "$@"', "sh"]


@contextlib.contextmanager
def frozen(place: Path) -> Iterator[None]:
    """Every write to a file system hangs meanwhile."""
    run("fsfreeze", "--freeze", str(place))
    try:
        yield
    finally:
        run("fsfreeze", "--unfreeze", str(place))


class slow_reads:
    """What a process reads from a file system's disk comes at so many bytes a second meanwhile."""

    _root = Path("/sys/fs/cgroup/blkio")
    _limit = "blkio.throttle.read_bps_device"

    @classmethod
    def is_possible(cls) -> bool:
        return os.access(cls._root / cls._limit, os.W_OK)

    def __init__(self, place: Path, process: int, rate: int):
        device = os.stat(place).st_dev
        self._device = f"{os.major(device)}:{os.minor(device)}"
        self._process = process
        self._rate = rate
        self._group = self._root / f"platter-{process}"

    def __enter__(self) -> None:
        self._group.mkdir()
        self._set(self._rate)
        (self._group / "cgroup.procs").write_text(str(self._process))

    def __exit__(self, *_: object) -> None:
        # Without a limit first: what waits for it could not be moved.
        self._set(0)
        (self._root / "cgroup.procs").write_text(str(self._process))
        self._group.rmdir()

    def _set(self, rate: int) -> None:
        (self._group / self._limit).write_text(f"{self._device} {rate}")


def fill(file: Path, *, at_once: bool = False) -> float:
    """Takes all room that is left, to the last block. Returns the share that was free in between.

    - Parameter at_once: In one call, and no more than there was: XFS lets a writer wait for seconds before it says
      that it is full, and who writes on that long takes all that a server gives up meanwhile.
    """
    with open(file, "wb", buffering=0) as output:
        more = _take_most(output) if at_once else sys.maxsize
        left = free(file.parent)
        for block in (_BLOCK, _BLOCK[:512]):
            try:
                while more > 0:
                    more -= output.write(block)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                left = 0
    return left


def _take_most(file: BinaryIO) -> int:
    """All but a little, in one call. Returns what is left, as the file system tells."""
    # Others take some between the question and the call, which gets all or nothing then.
    for spare in (1 << 20, 4 << 20, 16 << 20):
        status = os.fstatvfs(file.fileno())
        room = status.f_bavail * status.f_frsize - spare
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(1, room))
            break
    file.seek(0, os.SEEK_END)
    status = os.fstatvfs(file.fileno())
    return status.f_bfree * status.f_frsize


def free(folder: Path) -> float:
    """The share of a file system that may still be written to."""
    status = os.statvfs(folder)
    return status.f_bavail / status.f_blocks


class Filler(threading.Thread):
    """Takes all room of a file system, and what becomes free, until it is told to stop."""

    def __init__(self, folder: Path):
        super().__init__(daemon=True)
        self.file = folder / "filler"
        self._is_full = threading.Event()
        self._is_over = threading.Event()
        self._problem: OSError | None = None
        self.start()

    def run(self) -> None:
        with open(self.file, "wb", buffering=0) as file:
            # So that a disk is full when it is said to be.
            _take_most(file)
            while not self._is_over.is_set():
                try:
                    file.write(_BLOCK)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        self._problem = error
                        self._is_full.set()
                        return
                    self._is_full.set()
                    self._is_over.wait(0.05)

    def wait_until_full(self) -> None:
        if not self._is_full.wait(30) or self._problem:
            raise RuntimeError(f"the disk does not fill up: {self._problem}")

    def give_back(self) -> None:
        """Ends, and removes its file."""
        self._is_over.set()
        self.join(10)
        self.file.unlink(missing_ok=True)
