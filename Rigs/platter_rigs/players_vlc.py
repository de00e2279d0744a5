"""VLC, through its remote control."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from platter_rigs.media import DURATION
from platter_rigs.players import LineSocket, Player
from platter_rigs.processes import Program


class Vlc(Player):
    """Tells whole seconds only. Seeks by share of the film: in MPEG-TS it can no other."""

    def __init__(self, url: str, folder: Path):
        control = folder / "vlc"
        home = folder / "home"
        home.mkdir(exist_ok=True)
        command = [
            "vlc", "--intf", "oldrc", "--rc-unix", str(control), "--rc-fake-tty",
            "--vout", "dummy", "--aout", "dummy", "--no-video-title-show", "--play-and-exit",
            "--no-metadata-network-access", "--quiet", url,
        ]
        if os.geteuid() == 0:
            # VLC does not run as root.
            for place in (folder, home):
                os.chown(place, 65534, 65534)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        self.program = Program(
            command, log=folder / "vlc.err", environment={"HOME": str(home), "LC_ALL": "C.UTF-8"})
        self._socket = LineSocket(control, self.program)

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("vlc") is not None

    def position(self) -> float | None:
        self._socket.send("get_time")
        while (line := self._socket.receive()) is not None:
            text = line.removeprefix("> ").strip()
            if text.isdigit():
                return float(text) or None
            if not text:
                return None
        return None

    def seek(self, seconds: float) -> None:
        self._socket.send(f"seek {100 * seconds / DURATION:.2f}%")

    def has_ended(self) -> bool:
        return not self.program.is_running() and self.program.wait(5) == 0

    def close(self) -> None:
        self._socket.close()
        super().close()
