"""The origin goes away: for a while in the middle of a film, or before it has said anything."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from platter_rigs import Rig, figure, is_long, patient
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, Response, fetch_checked, range_of

LENGTH = 60_000_000
SEED = 3
PATH = ramp_path(LENGTH, SEED)
#: Read before the origin goes away.
PLAYED = 8_000_000
#: Before the head of a response there is a limit on waiting, and after it (REQUIREMENTS E3).
HEAD_DEADLINE = 10
BODY_DEADLINE = 30
#: Seconds for which it is away: the last time longer than a response holds on.
AWAY = (5, 15, 60) if is_long() else (5, 15, 40)


class Playing(threading.Thread):
    """A player that reads as fast as bytes come, and notes how long none came."""

    def __init__(self, response: Response):
        super().__init__(daemon=True)
        self.response = response
        self.problem: Exception | None = None
        self.longest_wait = 0.0
        self.start()

    def run(self) -> None:
        try:
            while self.response.left > 0 and self.response.ending is None:
                begun = time.monotonic()
                self.response.check(64 << 10, seed=SEED)
                self.longest_wait = max(self.longest_wait, time.monotonic() - begun)
        except Exception as problem:  # Whatever it is, the test that waits for it has to know.
            self.problem = problem


class Session:
    """A film that is played through an outage, with an origin and a cache of its own.

    The origin is slower than the player, so that nothing is on disk ahead of it.
    """

    def __init__(self, rig: Rig, seconds: float):
        self.seconds = seconds
        self.origin = rig.start_origin(bandwidth=4_000_000, latency=20)
        self.platter = rig.start_platter(self.origin, cache=f"cache-{seconds:.0f}")
        connection = Connection(self.platter.url, timeout=90)
        rig.addCleanup(connection.close)
        self.response = connection.request(PATH, range_of(0))
        rig.assertEqual(self.response.check(PLAYED, seed=SEED), PLAYED)

    def play(self) -> Playing:
        self.origin.pause_listening(self.seconds)
        return Playing(self.response)


@patient
class Outage(Rig):
    limit = 200

    def test_players_outlive_short_outages_and_a_long_one_ends_them_cleanly(self) -> None:
        sessions = [Session(self, seconds) for seconds in AWAY]
        players = [session.play() for session in sessions]
        for session, playing in zip(sessions, players):
            with self.subTest(seconds=session.seconds):
                playing.join(session.seconds + 60)
                self.assertFalse(playing.is_alive(), "the response must have ended")
                self.assertIsNone(playing.problem)
                figure(
                    f"away for {session.seconds} s: the longest wait was "
                    f"{playing.longest_wait:.1f} s, {session.response.read / 1e6:.1f} of "
                    f"{LENGTH / 1e6:.1f} MB, ending: {session.response.ending.value}")
                if session.seconds < BODY_DEADLINE:
                    self.check_survived(session, playing)
                else:
                    self.check_ended_and_retry(session, playing)

    def check_survived(self, session: Session, playing: Playing) -> None:
        self.assertEqual(session.response.ending, Ending.COMPLETE)
        self.assertGreater(
            playing.longest_wait, session.seconds * 0.8, "the outage must have been felt")

    def check_ended_and_retry(self, session: Session, playing: Playing) -> None:
        response = session.response
        self.assertEqual(response.ending, Ending.FIN)
        self.assertGreaterEqual(playing.longest_wait, BODY_DEADLINE - 1)
        self.assertLessEqual(playing.longest_wait, BODY_DEADLINE + 5)
        self.wait_until(lambda: is_up(session.origin), 60, "the origin is back")
        session.origin.pace(bandwidth=0)
        rest = fetch_checked(session.platter.url, PATH, response.position, seed=SEED)
        self.assertEqual(rest, LENGTH - response.position)


def is_up(origin: Origin) -> bool:
    try:
        origin.stats()
    except OSError:
        return False
    return True


@patient
class Unreachable(Rig):
    """An empty 503 with Retry-After, before players give up."""

    def test_origins_that_refuse_or_say_nothing_give_an_empty_503_in_time(self) -> None:
        refusing, silent = self.start_origin(), self.start_origin()
        refusing.stop()
        silent.behave("delayed-head")
        with deaf_listener() as deaf:
            urls = {
                "refuses": refusing.url, "accepts and says nothing": silent.url,
                "does not accept": deaf,
            }
            platters = {
                what: self.start_platter(url, cache=f"cache-{number}")
                for number, (what, url) in enumerate(urls.items())
            }
            with ThreadPoolExecutor(2 * len(urls)) as pool:
                answers = [
                    (what, range, pool.submit(timed_answer, platter, range))
                    for what, platter in platters.items() for range in (range_of(0), None)
                ]
            for what, range, answer in answers:
                with self.subTest(origin=what, range=range):
                    self.check_unavailable(what, *answer.result())
        silent.clear()
        platter = platters["accepts and says nothing"]
        self.assertEqual(fetch_checked(platter.url, PATH, seed=SEED), LENGTH)

    def check_unavailable(self, what: str, response: Response, seconds: float) -> None:
        figure(f"the origin {what}: {response.status} after {seconds:.1f} s")
        self.assertEqual(response.status, 503)
        self.assertEqual(response.fields.get("content-length"), "0")
        self.assertRegex(response.fields.get("retry-after", "missing"), r"^[0-9]+$")
        self.assertLessEqual(seconds, HEAD_DEADLINE + 1)


def timed_answer(platter: Platter, range: str | None) -> tuple[Response, float]:
    """The head of the answer, and the seconds until it came."""
    with Connection(platter.url, timeout=30) as connection:
        response = connection.request(PATH, range)
        return response, response.head_at - response.asked_at


@contextlib.contextmanager
def deaf_listener() -> Iterator[str]:
    """A port whose queue is full: the kernel drops who asks for a connection, like a dead host."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        while True:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.5)
            try:
                filler.connect(address)
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{address[1]}"
