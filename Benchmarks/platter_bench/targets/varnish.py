"""Varnish. Its store on disk is a file that it maps into memory."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from platter_bench.targets.base import Target, first_line

_VCL = """\
vcl 4.1;
backend origin {{
    .host = "{host}";
    .port = "{port}";
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
}}
sub vcl_backend_response {{
    set beresp.ttl = {fresh}s;
    set beresp.grace = 0s;
    set beresp.keep = 1h;
}}
sub vcl_deliver {{
    if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }} else {{ set resp.http.X-Cache = "MISS"; }}
}}
"""


class Varnish(Target):
    """A pool of threads for each core. What it stores is in a file that it maps, and gone after a restart."""

    name = "varnish"
    package = "varnish"

    def launch(self, origin_url: str, folder: Path) -> None:
        port = self.port()
        parts = urlsplit(origin_url)
        vcl = folder / "default.vcl"
        vcl.write_text(_VCL.format(
            host=parts.hostname, port=parts.port, fresh=self.options.fresh))
        self.run(
            [
                "varnishd", "-F", "-j", "none", "-n", str(folder / "work"),
                "-a", f"127.0.0.1:{port}", "-T", "none", "-f", str(vcl),
                "-s", f"file,{folder / 'storage'},{self.options.size}",
                "-p", f"thread_pools={self.options.cores}", "-p", "timeout_idle=600",
                "-p", "thread_pool_max=2000", "-p", "listen_depth=4096", "-p", "idle_send_timeout=600",
                "-p", "send_timeout=600",
            ],
            folder / "varnish.log")
        self.base = f"http://127.0.0.1:{port}"

    def version(self) -> str:
        return first_line("varnishd", "-V")
