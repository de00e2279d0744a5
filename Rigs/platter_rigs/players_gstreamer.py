"""GStreamer's playbin with souphttpsrc, in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from platter_rigs.players import LineSocket, Player
from platter_rigs.processes import Program

#: The distribution's Python has the bindings; the one that runs the rigs may be another.
_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("gstreamer_playbin.py")
_PROBE = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst"


class GStreamer(Player):
    def __init__(self, url: str, folder: Path):
        control = folder / "gst"
        self.program = Program(
            [_PYTHON, str(_SCRIPT), url, str(control)], log=folder / "gst.err",
            environment={
                "HOME": str(folder), "GST_PLUGIN_FEATURE_RANK": "souphttpsrc:MAX,curlhttpsrc:NONE",
            })
        self._socket = LineSocket(control, self.program)
        self._answer = ""

    @staticmethod
    def is_installed() -> bool:
        try:
            return subprocess.run(
                [_PYTHON, "-c", _PROBE], capture_output=True, timeout=20, check=False
            ).returncode == 0
        except FileNotFoundError:
            return False

    def _ask(self) -> str:
        self._socket.send("position")
        self._answer = self._socket.receive() or "error it is gone"
        return self._answer

    def position(self) -> float | None:
        answer = self._ask()
        if answer == "ended" or answer.startswith("error"):
            return None
        return float(answer) or None

    def seek(self, seconds: float) -> None:
        self._socket.send(f"seek {seconds}")

    def has_ended(self) -> bool:
        return self._ask() == "ended"

    def trouble(self) -> str | None:
        return self._answer if self._answer.startswith("error") else super().trouble()

    def close(self) -> None:
        self._socket.close()
        super().close()
