"""Real players go on by themselves after their origin was away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure, is_long, long_only
from platter_rigs.ffmpeg import copied, difference
from platter_rigs.media import media, root
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.players import Player
from platter_rigs.players_gstreamer import GStreamer
from platter_rigs.players_mpv import Mpv
from platter_rigs.players_vlc import Vlc

FILM = "film.mkv"
#: A little more than the film needs, so that players have little ahead.
BANDWIDTH = 800_000
#: Seconds of the film: the origin goes away here, and this is far beyond what was ahead then.
AWAY_AT, REACHED = 6, 32


class OutagePlayers(Rig):
    limit = 300

    def setUp(self) -> None:
        super().setUp()
        # VLC runs as another user when the rigs run as root.
        self.folder.chmod(0o711)
        media(FILM)

    def start_pair(self, bandwidth: int) -> tuple[Origin, Platter]:
        origin = self.start_origin(root=root(), bandwidth=bandwidth, latency=20)
        return origin, self.start_platter(origin, "--no-background-fill")

    def test_ffmpeg_receives_every_packet_through_an_outage(self) -> None:
        seconds = 15 if is_long() else 5
        origin, platter = self.start_pair(5_000_000)
        expected = copied(str(media(FILM)))
        with ThreadPoolExecutor(1) as pool:
            copying = pool.submit(copied, f"{platter.url}/media/{FILM}")
            self.wait_until(lambda: origin.body_bytes() > 5_000_000, 30, "5 MB were sent")
            origin.pause_listening(seconds)
            seen = copying.result()
        self.assertIsNone(difference(expected, seen))
        figure(f"away for {seconds} s: all {len(seen)} packets are those of the file")

    def go_on_after(self, player: type[Player], seconds: float) -> None:
        if not player.is_installed():
            self.skipTest(f"{player.__name__} is not installed")
        origin, platter = self.start_pair(BANDWIDTH)
        folder = self.folder / "player"
        folder.mkdir()
        with player(f"{platter.url}/media/{FILM}", folder) as session:
            self.wait_until(
                lambda: (session.position() or 0) >= AWAY_AT, 60, f"{AWAY_AT} s were played")
            origin.pause_listening(seconds)
            self.wait_until(
                lambda: (session.position() or 0) >= REACHED or session.trouble(),
                REACHED - AWAY_AT + seconds + 30, f"{REACHED} s were played")
            self.assertIsNone(session.trouble())
            figure(f"away for {seconds} s at {AWAY_AT} s: played on to {session.position():.1f} s")

    @long_only
    def test_mpv_goes_on(self) -> None:
        self.go_on_after(Mpv, 15)

    @long_only
    def test_vlc_goes_on(self) -> None:
        self.go_on_after(Vlc, 15)

    @long_only
    def test_gstreamer_goes_on(self) -> None:
        self.go_on_after(GStreamer, 15)
