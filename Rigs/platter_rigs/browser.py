"""Headless Chromium with a page that has one <video>."""

from __future__ import annotations

import html
import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from platter_rigs.players import Player
from platter_rigs.processes import Program

#: The page tells what the video does and is told where to seek, again and again.
_PAGE = """<!doctype html><title>film</title>
<video id="video" autoplay muted src="{url}"></video>
<script>
const video = document.getElementById("video");
async function report() {{
    const state = {{
        position: video.currentTime, seeking: video.seeking, ended: video.ended,
        error: video.error && `${{video.error.code}} ${{video.error.message}}`,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
    }};
    const reply = await fetch("/state", {{method: "POST", body: JSON.stringify(state)}});
    const order = await reply.json();
    if (order.seek !== null) video.currentTime = order.seek;
    setTimeout(report, 40);
}}
report();
</script>
"""


class _Desk:
    """What the page said last, and what it shall do next."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state: dict = {}
        self.target: float | None = None

    def exchange(self, state: dict) -> dict:
        with self.lock:
            order = {"seek": self.target}
            # What it says before it has heard of the order is about the place it leaves.
            self.state = state if self.target is None else {}
            self.target = None
            return order

    def order(self, seconds: float) -> None:
        with self.lock:
            self.target = seconds
            self.state = {}

    def seen(self) -> dict:
        with self.lock:
            return self.state


def _serve(page: str, desk: _Desk) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/":
                self.answer(page.encode(), "text/html; charset=utf-8")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            state = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(json.dumps(desk.exchange(state)).encode(), "application/json")

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Chromium(Player):
    """The page comes from another origin than the film, as on most sites."""

    def __init__(self, url: str, folder: Path):
        self._desk = _Desk()
        self._server = _serve(_PAGE.format(url=html.escape(url)), self._desk)
        command = [
            "chromium", "--headless=new", "--disable-gpu", "--mute-audio", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required",
            f"--user-data-dir={folder / 'chromium'}",
        ]
        if os.geteuid() == 0:
            # Its sandbox needs a user who is not root. It opens nothing but this page.
            command.append("--no-sandbox")
        self.program = Program(
            [*command, f"http://127.0.0.1:{self._server.server_port}/"],
            log=folder / "chromium.err", environment={"HOME": str(folder)})

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("chromium") is not None

    def position(self) -> float | None:
        state = self._desk.seen()
        # A place that was asked is told at once; it plays there when it no longer seeks.
        if state.get("seeking", True) or not state.get("frames"):
            return None
        return state["position"] or None

    def seek(self, seconds: float) -> None:
        self._desk.order(seconds)

    def has_ended(self) -> bool:
        return bool(self._desk.seen().get("ended"))

    def trouble(self) -> str | None:
        error = self._desk.seen().get("error")
        return f"MediaError {error}" if error else super().trouble()

    def close(self) -> None:
        # Its children go with it when it is asked, not when it is killed.
        try:
            self.program.stop()
        finally:
            self._server.shutdown()
            self._server.server_close()
