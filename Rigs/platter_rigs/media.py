"""Real media, made with ffmpeg once, kept in a temporary folder named after the recipe."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: Seconds of every file.
DURATION = 60
#: Seconds between key frames.
GROUP = 2

_PICTURE = f"testsrc2=size=640x360:rate=25:duration={DURATION},noise=alls=40:allf=t"
_TONE = f"sine=frequency=440:sample_rate=48000:duration={DURATION}"
_KEYS = ["-g", str(25 * GROUP), "-keyint_min", str(25 * GROUP)]
_H264 = [
    "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0",
    "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M", "-nal-hrd", "cbr",
    "-c:a", "aac", "-b:a", "128k",
]
_VP8 = [
    "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "4M",
    "-c:a", "libopus", "-b:a", "96k",
]
#: Always the same bytes from the same ffmpeg.
_STABLE = [
    "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", "1",
]


@dataclass(frozen=True)
class Recipe:
    """How a file is made: encoded from the test picture, or from another file without encoding."""

    name: str
    arguments: tuple[str, ...]
    source: str | None = None


RECIPES = {
    recipe.name: recipe
    for recipe in [
        Recipe("moov-end.mp4", (*_KEYS, *_H264)),
        Recipe("faststart.mp4", ("-c", "copy", "-movflags", "+faststart"), "moov-end.mp4"),
        Recipe("film.mkv", ("-c", "copy"), "moov-end.mp4"),
        Recipe("film.ts", ("-c", "copy"), "moov-end.mp4"),
        Recipe(
            "hls/film.m3u8",
            (
                "-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod",
                "-hls_segment_filename", "segment-%03d.ts",
            ),
            "moov-end.mp4"),
        Recipe(
            "hls-fmp4/film.m3u8",
            (
                "-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod",
                "-hls_segment_type", "fmp4", "-hls_segment_filename", "segment-%03d.m4s",
            ),
            "moov-end.mp4"),
        Recipe("film.webm", (*_KEYS, *_VP8)),
    ]
}


def media(name: str) -> Path:
    """The file of that name, made now if it was not before."""
    target = root() / name
    if target.exists():
        return target
    recipe = RECIPES[name]
    if recipe.source is None:
        given = ["-f", "lavfi", "-i", _PICTURE, "-f", "lavfi", "-i", _TONE]
    else:
        given = ["-i", str(media(recipe.source))]
    _make(target, [*given, *recipe.arguments, *_STABLE])
    return target


def root() -> Path:
    """The folder of all media, to be served by the origin."""
    text = repr((sorted(RECIPES.items()), _PICTURE, _TONE, _STABLE, _version()))
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"platter-media-{key}"
    folder.mkdir(exist_ok=True)
    return folder


def _version() -> str:
    done = subprocess.run(
        ["ffmpeg", "-version"], capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.splitlines()[0]


def _make(target: Path, arguments: list[str]) -> None:
    """Made in a folder beside it and then moved, so that a file that is there is whole."""
    with tempfile.TemporaryDirectory(dir=root(), prefix=".making-") as work:
        done = subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", *arguments, "-y", target.name],
            cwd=work, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"ffmpeg cannot make {target.name}: {done.stderr}")
        if target.parent == root():
            os.rename(Path(work) / target.name, target)
            return
        # A playlist and its segments: the folder is theirs alone.
        shutil.rmtree(target.parent, ignore_errors=True)
        finished = Path(work).with_name(f"{Path(work).name}-done")
        shutil.copytree(work, finished)
        os.rename(finished, target.parent)
