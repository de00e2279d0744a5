"""`rclone serve http` before an HTTP remote, with the full cache of its VFS."""

from __future__ import annotations

from pathlib import Path

from platter_bench.targets.base import Target, first_line


class Rclone(Target):
    """`serve http` of an HTTP remote, `--vfs-cache-mode full`; its requests and read-ahead are the defaults."""

    name = "rclone"
    package = "rclone"

    def launch(self, origin_url: str, folder: Path) -> None:
        port = self.port()
        self.run(
            [
                "rclone", "serve", "http", ":http:", "--http-url", origin_url,
                "--addr", f"127.0.0.1:{port}", "--config", "/dev/null", "--read-only",
                "--vfs-cache-mode", "full", "--cache-dir", str(folder / "cache"),
                "--vfs-cache-max-size", str(self.options.size), "--vfs-cache-max-age", "720h",
                "--vfs-cache-poll-interval", "1s", "--dir-cache-time", f"{self.options.fresh}s",
                "--log-level", "ERROR",
            ],
            folder / "rclone.log")
        self.base = f"http://127.0.0.1:{port}"

    def version(self) -> str:
        return first_line("rclone", "version")
