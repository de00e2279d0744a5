"""The base of the rigs with players: each watches each container cold and warm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs.case import Rig, figure, is_long
from platter_rigs.media import DURATION, media, root
from platter_rigs.origin import Origin
from platter_rigs.platter import Platter
from platter_rigs.players import Player, watch
from platter_rigs.raw_http import Connection

BANDWIDTH = 5_000_000
LATENCY = 50
#: Players that watch at the same time; they mostly wait.
AT_ONCE = 3
#: Origin bytes for each byte of the film: what is on its way is lost when a player leaves a place.
MOST = 1.01
CONTAINERS = ["moov-end.mp4", "faststart.mp4", "film.mkv", "film.webm", "film.ts", "hls/film.m3u8"]


class PlayerRig(Rig):
    """A player against all containers it can play, each with an origin and a cache of its own."""

    limit = 600

    def setUp(self) -> None:
        super().setUp()
        # VLC runs as another user when the rigs run as root.
        self.folder.chmod(0o711)

    def play(self, player: type[Player], names: list[str]) -> None:
        """Cold, then, when everything is in the cache, warm."""
        if not player.is_installed():
            self.skipTest(f"{player.__name__} is not installed")
        for name in names:
            media(name)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sessions = {name: pool.submit(self.session, player, name) for name in names}
        for name, session in sessions.items():
            with self.subTest(name):
                figure(f"{name}: {session.result()}")

    def start_pair(self, name: str = "pair") -> tuple[Origin, Platter]:
        """An origin some way off that has all films, and Platter with an empty cache."""
        folder = self.folder / name
        folder.mkdir()
        folder.chmod(0o711)
        origin = Origin(folder, root=root(), bandwidth=BANDWIDTH, latency=LATENCY)
        self.addCleanup(origin.stop)
        return origin, self.start_platter(origin, cache=f"{name}/cache")

    def session(self, player: type[Player], name: str) -> str:
        folder = self.folder / name.replace("/", "-")
        origin, platter = self.start_pair(folder.name)
        url = f"{platter.url}/media/{name}"

        cold = self.watched(player, url, folder / "cold")
        # What is still on its way when nobody wants it any more must not grow with the pace.
        origin.wait_until_quiet()
        origin.pace(bandwidth=0, latency=0)
        size = sum(fetch_whole(platter, path) for path in paths_of(name))
        fetched = origin.body_bytes()
        origin.reset()
        warm = self.watched(player, url, folder / "warm")
        self.assertEqual(media_bytes(origin), 0, "all is in the cache: the origin gives nothing")
        self.assertLessEqual(fetched, size * MOST, "bytes that are fetched are kept")
        return f"cold: {cold}; warm: {warm}; origin bytes {fetched / size:.3f} of the size"

    def watched(self, player: type[Player], url: str, folder: Path) -> str:
        folder.mkdir()
        with player(url, folder) as session:
            return str(watch(session, DURATION))


def paths_of(name: str) -> list[str]:
    """The paths at the origin of a film, or of a playlist and its segments."""
    if not name.endswith(".m3u8"):
        return [f"/media/{name}"]
    folder = media(name).parent
    return [f"/media/{folder.name}/{path.name}" for path in sorted(folder.iterdir())]


def media_bytes(origin: Origin) -> int:
    """What the origin has sent, without playlists: these may change and are never kept."""
    return sum(sent.bytes for sent in origin.log_of_requests() if not sent.path.endswith(".m3u8"))


def fetch_whole(platter: Platter, path: str) -> int:
    """Fetches all of it through Platter and compares. Returns its length."""
    with Connection(platter.url) as connection:
        body = connection.request(path).body()
    expected = (root() / path.removeprefix("/media/")).read_bytes()
    if body != expected:
        raise AssertionError(f"{path}: {len(body)} bytes, not the {len(expected)} of the file")
    return len(body)


def selected(short: list[str], full: list[str] = CONTAINERS) -> list[str]:
    return full if is_long() else short
