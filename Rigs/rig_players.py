"""Every player plays, seeks to 70 %, to 20 % and to the end, cold and warm, in each container."""

from __future__ import annotations

from platter_rigs.case import figure
from platter_rigs.ffmpeg import PARTS, decoded, difference
from platter_rigs.media import media
from platter_rigs.player_rig import CONTAINERS, PlayerRig, selected
from platter_rigs.players_gstreamer import GStreamer
from platter_rigs.players_mpv import Mpv
from platter_rigs.players_vlc import Vlc


class Players(PlayerRig):
    def test_mpv(self) -> None:
        self.play(Mpv, selected(["moov-end.mp4", "film.ts", "film.mkv"]))

    def test_vlc(self) -> None:
        self.play(Vlc, selected(["moov-end.mp4", "film.mkv", "film.webm"]))

    def test_gstreamer(self) -> None:
        self.play(GStreamer, selected(["moov-end.mp4", "faststart.mp4", "hls/film.m3u8"]))

    def test_ffmpeg_decodes_the_frames_of_the_file(self) -> None:
        """Each part of each container is cold the first time."""
        origin, platter = self.start_pair()
        for name in CONTAINERS:
            with self.subTest(name):
                for part in PARTS:
                    expected = decoded(str(media(name)), part)
                    self.assertGreater(len(expected), 25, "the part has frames")
                    for state in ("cold", "warm"):
                        seen = decoded(f"{platter.url}/media/{name}", part)
                        self.assertIsNone(difference(expected, seen), f"{part.name}, {state}")
                sent = origin.body_bytes(f"/media/{name}")
                figure(f"{name}: {len(PARTS)} parts, origin bytes {sent / 1e6:.1f} MB")
