"""Plays a URL with GStreamer's playbin: a program of its own, for the Python that has its bindings.

    gstreamer_playbin.py URL SOCKET

Takes lines on the socket: `position`, answered by seconds, `ended` or `error …`; `seek SECONDS`.
"""

from __future__ import annotations

import socket
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


class Playbin:
    def __init__(self, url: str):
        Gst.init(None)
        self.pipeline = Gst.ElementFactory.make("playbin")
        self.pipeline.set_property("uri", url)
        for sink in ("video-sink", "audio-sink"):
            element = Gst.ElementFactory.make("fakesink")
            element.set_property("sync", True)
            self.pipeline.set_property(sink, element)
        self.error: str | None = None
        self.ended = False
        self.is_buffering = False
        self.pipeline.set_state(Gst.State.PLAYING)

    def listen(self) -> None:
        """Does what an application has to: pause while buffers fill, note errors and the end."""
        kinds = Gst.MessageType.ERROR | Gst.MessageType.EOS | Gst.MessageType.BUFFERING
        while (message := self.pipeline.get_bus().pop_filtered(kinds)) is not None:
            if message.type == Gst.MessageType.ERROR:
                error, details = message.parse_error()
                self.error = f"{error.message} {details}".replace("\n", " ")
            elif message.type == Gst.MessageType.EOS:
                self.ended = True
            else:
                self.is_buffering = message.parse_buffering() < 100
                state = Gst.State.PAUSED if self.is_buffering else Gst.State.PLAYING
                self.pipeline.set_state(state)

    def position(self) -> str:
        self.listen()
        if self.error is not None:
            return f"error {self.error}"
        if self.ended:
            return "ended"
        done, nanoseconds = self.pipeline.query_position(Gst.Format.TIME)
        return str(nanoseconds / Gst.SECOND if done else 0.0)

    def seek(self, seconds: float) -> None:
        flags = Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT
        if not self.pipeline.seek_simple(Gst.Format.TIME, flags, int(seconds * Gst.SECOND)):
            self.error = f"refuses to seek to {seconds}"


def main(url: str, path: str) -> None:
    playbin = Playbin(url)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    connection, _ = listener.accept()
    for line in connection.makefile("r", encoding="utf-8"):
        command, _, argument = line.strip().partition(" ")
        if command == "position":
            connection.sendall(f"{playbin.position()}\n".encode())
        elif command == "seek":
            playbin.seek(float(argument))
    playbin.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
