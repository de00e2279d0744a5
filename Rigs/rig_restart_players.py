"""A film goes on over restarts of the server, behind a socket that a service manager holds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure, is_long
from platter_rigs.browser import Chromium
from platter_rigs.held_socket import HeldSocket
from platter_rigs.media import DURATION, media, root
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.player_rig import fetch_whole
from platter_rigs.players import LANDING, Player, plays, plays_out, reach
from platter_rigs.players_mpv import Mpv
from platter_rigs.players_vlc import Vlc

FILM = {Mpv: "film.mkv", Chromium: "faststart.mp4", Vlc: "film.mkv"}
#: A little more than the film needs, so that players have little ahead.
BANDWIDTH = 800_000
#: Seconds of the film: the first restart, and how far beyond what was fetched by then is the next.
FIRST_AT, BEYOND = 3, 2
RESTARTS = 2
#: Seconds that a response may go on after SIGTERM: much less than a player has asked for.
DRAIN = 1
#: Origin bytes for each byte of the film: what is on its way from the origin at the end is lost.
MOST = 1.01


class RestartPlayers(Rig):
    limit = 600

    def test_the_picture_goes_on(self) -> None:
        # VLC runs as another user when the rigs run as root.
        self.folder.chmod(0o711)
        players = [
            player for player in ((Mpv, Chromium, Vlc) if is_long() else (Mpv, Chromium))
            if player.is_installed()]
        for player in players:
            media(FILM[player])
        with ThreadPoolExecutor(len(players) or 1) as pool:
            sessions = {player: pool.submit(self.session, player) for player in players}
        for player, session in sessions.items():
            with self.subTest(player.__name__):
                figure(f"{player.__name__}: {session.result()}")

    def session(self, player: type[Player]) -> str:
        folder = self.folder / player.__name__
        (folder / "player").mkdir(parents=True)
        for place in (folder, folder / "player"):
            place.chmod(0o711)
        path = f"/media/{FILM[player]}"
        origin = Origin(folder, root=root(), bandwidth=BANDWIDTH, latency=5)
        self.addCleanup(origin.stop)
        with HeldSocket() as listener:
            platter = self.start(listener, origin, folder)
            with player(listener.url + path, folder / "player") as session:
                plays(session, 0, LANDING)
                reach(session, FIRST_AT)
                pauses = []
                for _ in range(RESTARTS):
                    begun = time.monotonic()
                    self.assertEqual(platter.stop(), 0)
                    # What it was sent, it may have; all that is played later came through the next one.
                    had = DURATION * origin.body_bytes(path) / media(FILM[player]).stat().st_size
                    self.assertLess(had + BEYOND, 0.8 * DURATION, "much is left of the film")
                    platter = self.start(listener, origin, folder)
                    pauses.append(time.monotonic() - begun)
                    reach(session, had + BEYOND)
                plays_out(session, DURATION)
            origin.pace(bandwidth=0)
            origin.wait_until_quiet()
            size = fetch_whole(platter, path)
            fetched = origin.body_bytes(path)
        self.assertLessEqual(fetched, size * MOST, "what was fetched before is kept")
        return (
            "restarts of " + ", ".join(f"{pause:.1f} s" for pause in pauses)
            + f", played on, to the end; origin bytes {fetched / size:.3f} of the size")

    def start(self, listener: HeldSocket, origin: Origin, folder: Path) -> Platter:
        platter = listener.start(
            origin, folder / "cache", "--drain", str(DRAIN), "--no-background-fill")
        self.addCleanup(self._end, platter)
        return platter
