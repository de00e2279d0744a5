"""A page in Chromium plays, seeks and reaches the end, in the containers that it can play."""

from __future__ import annotations

from platter_rigs.browser import Chromium
from platter_rigs.player_rig import PlayerRig, selected

#: No MPEG-TS, and so HLS with segments of fragmented MP4.
PLAYABLE = [
    "moov-end.mp4", "faststart.mp4", "film.mkv", "film.webm", "hls-fmp4/film.m3u8",
]


class InAPage(PlayerRig):
    def test_chromium(self) -> None:
        self.play(Chromium, selected(["moov-end.mp4", "film.webm"], PLAYABLE))
