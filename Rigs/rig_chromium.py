"""A page in Chromium plays, seeks and reaches the end, in the containers that it can play."""

from __future__ import annotations

from platter_rigs.browser import Chromium
from platter_rigs.player_rig import PlayerRig, selected

#: No MPEG-TS.
PLAYABLE = ["moov-end.mp4", "faststart.mp4", "film.mkv", "film.webm"]


class InAPage(PlayerRig):
    def test_chromium(self) -> None:
        self.play(Chromium, selected(["moov-end.mp4", "film.webm"], PLAYABLE))
