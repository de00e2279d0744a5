"""An origin over TLS: byte-exact when it is believed, not asked for a byte when it is not."""

from __future__ import annotations

import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platter_rigs import Rig, figure, patient
from platter_rigs.load import Film
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Response, fetch_checked, range_of
from platter_rigs.tls import SYSTEM_AUTHORITIES, Authority, TLSFront
from platter_rigs.volumes import are_possible, showing

FILM = Film(20_000_000, 3)
#: What the log says of a certificate.
WRONG_HOST = "its certificate is for another host name"
NOT_TRUSTED = "its certificate is not trusted"
#: Bytes after which connections break.
BREAKS = 1_500_000


@unittest.skipUnless(
    are_possible("unshare", "openssl") and SYSTEM_AUTHORITIES.exists(),
    "needs root, openssl, and the system's authorities in one file")
class OriginOverTLS(Rig):
    limit = 300

    def setUp(self) -> None:
        super().setUp()
        self.origin = self.start_origin()
        self.authority = Authority(self.folder)
        self.good = self.authority.certificate()
        self.front = TLSFront(self.origin, self.good)
        self.addCleanup(self.front.stop)
        self.platter = self.start()

    def start(self, *, systems: bool = False, cache: str = "cache") -> Platter:
        """One that believes the rig's authority.

        - Parameter systems: As the only one of the system's; else it is named beside those.
        """
        flags, under = ["--origin-ca", str(self.authority.file)], []
        if systems:
            flags, under = [], showing(self.authority.file, SYSTEM_AUTHORITIES)
        platter = Platter(
            self.front.url, self.folder / cache, "--no-background-fill", *flags, under=under)
        self.addCleanup(self._end, platter)
        return platter

    def test_the_systems_authorities_are_believed(self) -> None:
        """Alone, and beside one that is named."""
        film = Film(3_000_000, 2)
        alone = self.start(systems=True, cache="alone")
        self.assertEqual(fetch_checked(alone.url, film.path, seed=film.seed), film.length)
        other = Authority(self.folder, "other")
        both = Platter(
            self.front.url, self.folder / "both", "--origin-ca", str(other.file),
            under=showing(self.authority.file, SYSTEM_AUTHORITIES))
        self.addCleanup(self._end, both)
        self.assertEqual(fetch_checked(both.url, film.path, seed=film.seed), film.length)

    def test_a_film_is_the_same_as_without(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            starts = (FILM.length // 2, FILM.length - 70_000, 0)
            reads = {start: pool.submit(self.fetch, start) for start in starts}
        for start, read in reads.items():
            self.assertEqual(read.result(), FILM.length - start)
        fetched = self.origin.body_bytes()
        self.origin.wait_until_quiet()
        self.origin.reset()
        self.assertEqual(self.fetch(0), FILM.length)
        self.assertEqual(self.origin.log_of_requests(), [], "it was stored")
        self.assertGreater(self.front.agreed, 0)
        figure(
            f"{self.front.agreed} connections, origin bytes {fetched / FILM.length:.3f} of the size")

    def test_connections_that_break_are_gone_on_with(self) -> None:
        for name, resets in (("RST", True), ("FIN, without a word", False)):
            with self.subTest(name):
                film = Film(FILM.length, 4 + resets)
                self.front.breaks_after, self.front.resets = BREAKS, resets
                before = self.front.broken
                self.assertEqual(
                    fetch_checked(self.platter.url, film.path, seed=film.seed), film.length)
                self.front.breaks_after = None
                self.assertEqual(
                    fetch_checked(self.platter.url, film.path, 5_000_000, seed=film.seed),
                    film.length - 5_000_000)
                broken = self.front.broken - before
                self.assertGreater(broken, 5, "connections must have broken")
                figure(f"{name}: {broken} breaks in {film.length / 1e6:.0f} MB")

    @patient
    def test_an_origin_that_is_not_believed_is_not_asked(self) -> None:
        """It is said so at once, with no byte; what is on disk is served; once it is put right all goes on."""
        stored = Film(3_000_000, 1)
        self.assertEqual(
            fetch_checked(self.platter.url, stored.path, seed=stored.seed), stored.length)
        self.origin.wait_until_quiet()
        self.assertEqual(self.platter.stop(), 0)
        stranger = Authority(self.folder, "stranger")
        certificates = {
            "of another host": (self.authority.certificate("media.example"), WRONG_HOST),
            "over": (self.authority.certificate(days=-1), NOT_TRUSTED),
            "of nobody who is believed": (stranger.certificate(), NOT_TRUSTED),
        }
        for number, (what, (certificate, reason)) in enumerate(certificates.items()):
            with self.subTest(what):
                self.check_not_believed(
                    what, certificate, reason, stored, Film(FILM.length, 10 + number))

    def check_not_believed(
        self, what: str, certificate: tuple[Path, Path], reason: str, stored: Film, unknown: Film
    ) -> None:
        self.front.use(certificate)
        told = len((self.folder / "cache.log").read_text())
        # Anew, so that no connection from before is used.
        platter = self.start()
        self.origin.reset()
        refused = self.front.refused
        with ThreadPoolExecutor(3) as pool:
            answers = [
                pool.submit(self.answer, platter, unknown, range, method)
                for range, method in ((range_of(0), "GET"), (None, "GET"), (None, "HEAD"))]
            hit = pool.submit(fetch_checked, platter.url, stored.path, seed=stored.seed)
        self.assertEqual(hit.result(), stored.length)
        for response, seconds in (answer.result() for answer in answers):
            figure(f"a certificate {what}: {response.status} after {seconds:.1f} s")
            self.assertEqual(response.status, 502)
            self.assertLess(seconds, 5, "at once: it will not mend itself")
            self.assertEqual(response.fields.get("content-length"), "0")
            self.assertEqual(
                response.fields.get("cache-status"),
                "Platter; fwd=uri-miss; detail=origin-certificate")
        self.assertEqual(self.origin.log_of_requests(), [], "not a word was said to it")
        self.wait_until(
            lambda: self.front.refused > refused, 10, "it must have been tried")
        self.assertLessEqual(self.front.refused - refused, 3, "and not again by itself")
        said = platter.log.read_text()[told:]
        self.assertEqual(said.count("An origin fails"), 1, said)
        self.assertIn(reason, said)
        self.front.use(self.good)
        response, _ = self.answer(platter, unknown, range_of(0, 1), "GET")
        self.assertEqual(response.status, 206, "it is asked again once it is put right")
        self.assertEqual(
            fetch_checked(platter.url, unknown.path, seed=unknown.seed), unknown.length)
        self.assertEqual(platter.stop(), 0)

    def fetch(self, start: int) -> int:
        return fetch_checked(self.platter.url, FILM.path, start, seed=FILM.seed)

    def answer(
        self, platter: Platter, film: Film, range: str | None, method: str
    ) -> tuple[Response, float]:
        """The head of an answer, and the seconds until it came."""
        begun = time.monotonic()
        with Connection(platter.url, timeout=30) as connection:
            return connection.request(film.path, range, method), time.monotonic() - begun
