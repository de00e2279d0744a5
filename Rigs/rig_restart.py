"""A graceful end and a restart: responses come to their end, players go on, nobody is refused."""

from __future__ import annotations

import os
import signal
import threading
import time

from platter_rigs import Rig, figure, is_long
from platter_rigs.held_socket import HeldSocket
from platter_rigs.log_texts import STOPPING
from platter_rigs.origin import Origin, ramp_path
from platter_rigs.platter import Platter
from platter_rigs.raw_http import Connection, Ending, fetch_checked, range_of

LENGTH = 60_000_000
SEED = 5
PATH = ramp_path(LENGTH, SEED)


class Restart(Rig):
    def test_a_response_under_way_comes_to_its_end(self) -> None:
        origin = self.start_origin(bandwidth=20_000_000)
        platter = self.start_platter(origin)
        with Connection(platter.url) as connection, Connection(platter.url) as idle:
            response = connection.request(PATH, range_of(0, 30_000_000))
            response.check(1_000_000, seed=SEED)
            self.assertEqual(idle.request(PATH, range_of(0, 1000)).check(seed=SEED), 1000)
            begun = time.monotonic()
            os.kill(platter.pid, signal.SIGTERM)
            # A connection without a response has no reason to wait.
            self.assertEqual(idle.socket.recv(1), b"")
            figure(f"an idle connection ended after {time.monotonic() - begun:.2f} s")
            with self.assertRaises(OSError):
                Connection(platter.url)
            response.check(seed=SEED)
            self.assertEqual(response.ending, Ending.COMPLETE)
            self.assertEqual(connection.socket.recv(1), b"")
            self.assertEqual(platter.wait(5), 0)
            figure(f"the server ended {time.monotonic() - begun:.2f} s after SIGTERM")

    def test_a_second_signal_ends_it_at_once(self) -> None:
        origin = self.start_origin(bandwidth=4_000_000)
        platter = self.start_platter(origin, "--drain", "3600")
        with Connection(platter.url) as connection:
            response = connection.request(PATH, range_of(0))
            response.check(1_000_000, seed=SEED)
            os.kill(platter.pid, signal.SIGTERM)
            self.wait_until(lambda: STOPPING in platter.log.read_text(), 10, "the end is told")
            os.kill(platter.pid, signal.SIGTERM)
            self.assertEqual(platter.wait(10), 0)

    def test_one_that_takes_too_long_is_cut_off_with_fin_and_goes_on(self) -> None:
        origin = self.start_origin(bandwidth=4_000_000)
        platter = self.start_platter(origin, "--drain", "1")
        with Connection(platter.url) as connection:
            response = connection.request(PATH, range_of(0))
            response.check(2_000_000, seed=SEED)
            begun = time.monotonic()
            # The terminal has gone, say; that is told twice sometimes.
            os.kill(platter.pid, signal.SIGHUP)
            self.wait_until(lambda: STOPPING in platter.log.read_text(), 10, "the end is told")
            os.kill(platter.pid, signal.SIGHUP)
            response.check(seed=SEED)
            self.assertEqual(response.ending, Ending.FIN)
            self.assertGreater(time.monotonic() - begun, 0.9)
        self.assertEqual(platter.wait(5), 0)
        recorded = sum(end - start for start, end in platter.recorded())
        self.assertGreaterEqual(recorded, response.read)
        origin.pace(bandwidth=0)
        origin.reset()
        platter = self.start_platter(origin, "--no-background-fill")
        fetch_checked(platter.url, PATH, response.read, LENGTH, SEED)
        origin.wait_until_quiet()
        self.assertLessEqual(origin.body_bytes(PATH), LENGTH - recorded)
        figure(f"cut at {response.read / 1e6:.1f} MB; the rest alone was fetched")

    def test_ctrl_c_does_not_wait(self) -> None:
        origin = self.start_origin(bandwidth=1_000_000)
        platter = self.start_platter(origin)
        with Connection(platter.url) as connection:
            response = connection.request(PATH, range_of(0))
            response.check(500_000, seed=SEED)
            begun = time.monotonic()
            os.kill(platter.pid, signal.SIGINT)
            response.check(seed=SEED)
            self.assertEqual(response.ending, Ending.FIN)
            self.assertEqual(platter.wait(5), 0)
            self.assertLess(time.monotonic() - begun, 3)


class Activation(Rig):
    """A service manager holds the socket (sd_listen_fds(3)): connects wait while no server is there."""

    def test_nobody_is_refused_while_the_server_is_started_anew(self) -> None:
        origin = self.start_origin()
        with HeldSocket() as listener:
            url = listener.url
            platter = self.start_with(listener, origin)
            self.assertEqual(platter.url, url)
            self.assertEqual(fetch_checked(url, PATH, seed=SEED), LENGTH)
            clients = Clients(url)
            restarts = 10 if is_long() else 3
            for number in range(restarts):
                self.wait_until(
                    lambda: clients.served > 100 * (number + 1) or clients.faults, 20,
                    "there is traffic")
                self.assertEqual(platter.stop(), 0)
                platter = self.start_with(listener, origin)
            clients.finish()
            figure(f"{clients.served} requests over {restarts} restarts, none refused")
            self.assertEqual(clients.faults, [])
            self.assertGreater(clients.served, 100 * restarts)

    def start_with(self, listener: HeldSocket, origin: Origin) -> Platter:
        platter = listener.start(origin, self.folder / "cache")
        self.addCleanup(self._end, platter)
        return platter


class Clients:
    """They ask for a little, on connections of their own, over several threads, until told to end."""

    def __init__(self, url: str):
        self.url = url
        self.served = 0
        self.faults: list[str] = []
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(8)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._is_over.is_set():
            start = (self.served * 7919) % (LENGTH - 2000)
            try:
                fetch_checked(self.url, PATH, start, start + 1000, SEED)
                with self._lock:
                    self.served += 1
            except (OSError, AssertionError) as fault:
                with self._lock:
                    self.faults.append(repr(fault))
            self._is_over.wait(0.005)

    def finish(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)
