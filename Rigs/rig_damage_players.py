"""While a film plays, its cache breaks: the picture goes on, back to the start and to the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure, is_long
from platter_rigs.browser import Chromium
from platter_rigs.faults import (
    FAULTS, WARM_FAULTS, Fault, FileEmptied, IndexDeleted, TmpfsFull)
from platter_rigs.media import DURATION, media, root
from platter_rigs.player_rig import fetch_whole
from platter_rigs.players import LANDING, Player, goes_to, plays, plays_out, reach
from platter_rigs.players_mpv import Mpv
from platter_rigs.scene import Scene

FILM = {Mpv: "film.mkv", Chromium: "faststart.mp4"}
#: A little more than the film needs, so that players have little ahead.
BANDWIDTH = 800_000
#: Seconds of the film: it happens here, and this is far beyond what was ahead then.
STRUCK_AT, REACHED = 4, 17
SEED = 1
#: Bytes that a player has behind it when it happens, and more than it can have ahead of it then.
BEHIND, AHEAD = 1_500_000, 20_000_000
#: Seconds from a seek until the picture moves; the film comes a third faster than it is played.
SEEK_LIMIT = 10
AT_ONCE = 3

#: Player, fault, and whether all of the film is on disk before.
Session = tuple[type[Player], type[Fault], bool]
SHORT: list[Session] = [
    (Mpv, FileEmptied, False), (Mpv, IndexDeleted, False), (Chromium, TmpfsFull, False)]
LONG: list[Session] = [
    (player, fault, is_warm)
    for player in (Mpv, Chromium) for is_warm in (False, True)
    for fault in (WARM_FAULTS if is_warm else FAULTS)]


class DamagePlayers(Rig):
    limit = 1800

    def test_the_picture_goes_on(self) -> None:
        self.folder.chmod(0o711)
        for name in FILM.values():
            media(name)
        wanted = LONG if is_long() else SHORT
        possible = [
            session for session in wanted
            if session[0].is_installed() and session[1].is_possible()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sessions = {session: pool.submit(self.session, *session) for session in possible}
        for session in wanted:
            with self.subTest(name_of(session)):
                if session not in sessions:
                    self.skipTest("needs the player, or root and what may be mounted")
                figure(f"{name_of(session)}: {sessions[session].result()}")
        if not possible:
            self.skipTest("neither mpv nor Chromium is there")

    def session(self, player: type[Player], kind: type[Fault], is_warm: bool) -> str:
        folder = self.folder / f"{player.__name__}-{kind.__name__}-{is_warm:d}"
        path = f"/media/{FILM[player]}"
        bandwidth = 0 if is_warm else BANDWIDTH
        length = media(FILM[player]).stat().st_size
        with Scene(
            folder, kind(), SEED, length, "--no-background-fill", root=root(), bandwidth=bandwidth
        ) as scene:
            if is_warm:
                fetch_whole(scene.platter, path)
                scene.origin.pace(bandwidth=BANDWIDTH)
            (folder / "player").mkdir()
            with player(scene.platter.url + path, folder / "player") as session:
                seconds = self.watch(scene, session)
            scene.origin.pace(bandwidth=0)
            fetch_whole(scene.platter, path)
            # A browser keeps much itself, and may never ask again for what was struck.
            self.assertTrue(scene.fault.was_felt(scene), "it must have been felt")
            scene.check_recovery(path)
            return seconds

    def watch(self, scene: Scene, session: Player) -> str:
        """Plays on through the fault, goes back to what was played before it, and plays the end."""
        plays(session, 0, LANDING)
        reach(session, STRUCK_AT)
        scene.behind, scene.beyond = BEHIND, BEHIND + AHEAD
        scene.strike()
        reach(session, REACHED)
        back = goes_to(session, 1)
        far = goes_to(session, 0.7 * DURATION)
        seeks = f"struck at {STRUCK_AT} s, played on; back {back:.1f} s, 70 % {far:.1f} s"
        self.assertLess(max(back, far), SEEK_LIMIT, seeks)
        plays_out(session, DURATION)
        return f"{seeks}, the end"


def name_of(session: Session) -> str:
    player, fault, is_warm = session
    return f"{player.__name__}, {fault.__name__}, {'warm' if is_warm else 'cold'}"
