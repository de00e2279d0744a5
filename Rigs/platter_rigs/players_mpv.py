"""mpv, through its JSON control socket."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from platter_rigs.players import LineSocket, Player
from platter_rigs.processes import Program


class Mpv(Player):
    """Keeps little in memory, so that every seek asks again."""

    def __init__(self, url: str, folder: Path):
        control = folder / "mpv"
        self.program = Program(
            [
                "mpv", "--no-config", "--vo=null", "--ao=null", "--no-terminal",
                f"--log-file={folder / 'mpv.log'}", "--msg-level=all=info",
                "--demuxer-max-bytes=4MiB", "--demuxer-max-back-bytes=1MiB",
                f"--input-ipc-server={control}", url,
            ],
            log=folder / "mpv.err")
        self._socket = LineSocket(control, self.program)
        self._end: str | None = None
        self._number = 0

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("mpv") is not None

    def _ask(self, *command: object) -> dict:
        """The answer to a command; events that come before it are taken note of."""
        self._number += 1
        self._socket.send(json.dumps({"command": command, "request_id": self._number}))
        while (line := self._socket.receive()) is not None:
            message = json.loads(line)
            if message.get("event") == "end-file":
                self._end = message.get("reason", "unknown")
            if message.get("request_id") == self._number:
                return message
        return {}

    def position(self) -> float | None:
        if self._ask("get_property", "seeking").get("data"):
            return None
        return self._ask("get_property", "playback-time").get("data")

    def seek(self, seconds: float) -> None:
        self._ask("seek", seconds, "absolute")

    def has_ended(self) -> bool:
        return self._end == "eof" or (not self.program.is_running() and self.program.wait(5) == 0)

    def close(self) -> None:
        self._socket.close()
        super().close()
