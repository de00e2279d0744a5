"""On what it was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from platter_bench.targets.base import first_line


def machine() -> dict[str, object]:
    """What decides the figures, and nothing that tells one machine's name."""
    return {
        "cpu": _value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_value("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20), 1),
        "system": _value("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "cc": first_line("cc", "--version"),
        "wrk": first_line("wrk", "-v").partition(" Copyright")[0],
    }


def load() -> float:
    """Programs that want to run, over the last minute; more than one or two spoils the figures."""
    return os.getloadavg()[0]


def disk(folder: Path) -> str:
    """The file system of the caches."""
    best, kind = "", "?"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, name, *_ = line.split()
        if str(folder.resolve()).startswith(place) and len(place) >= len(best):
            best, kind = place, name
    return kind


def _value(path: str, name: str, separator: str = ":") -> str:
    for line in Path(path).read_text().splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip() == name:
            return value.strip()
    return "?"
