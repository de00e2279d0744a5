"""Squid before one origin. It stores whole objects only, so that a range makes it fetch from byte 0."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from platter_bench.targets.base import Target, first_line

_CONFIGURATION = """\
http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1 no-vhost
cache_peer {host} parent {origin} 0 no-query no-digest no-netdb-exchange originserver name=origin
cache_peer_access origin allow all
http_access allow all
never_direct allow all
workers 1
maximum_object_size 100 GB
cache_mem 256 MB
cache_dir ufs {folder}/store {megabytes} 16 64
range_offset_limit none
quick_abort_min -1 KB
collapsed_forwarding on
refresh_pattern . 0 20% 4320
client_idle_pconn_timeout 10 minutes
pconn_lifetime 0 seconds
shutdown_lifetime 1 second
max_filedescriptors 20000
access_log none
cache_store_log none
cache_log {folder}/cache.log
pid_filename {folder}/squid.pid
coredump_dir {folder}
visible_hostname bench
{user}
"""


class Squid(Target):
    """One worker. Several can only share a rock store, and that one kept nothing of a large object that came
    fast. Its aufs, with threads for the disk, took five times the CPU of ufs for what is in memory anyway.
    """

    name = "squid"
    package = "squid"

    def launch(self, origin_url: str, folder: Path) -> None:
        port = self.port()
        parts = urlsplit(origin_url)
        configuration = folder / "squid.conf"
        user = ""
        if os.geteuid() == 0:
            user = "cache_effective_user proxy"
            shutil.chown(folder, "proxy", "proxy")
        configuration.write_text(_CONFIGURATION.format(
            port=port, host=parts.hostname, origin=parts.port, folder=folder,
            megabytes=self.options.size >> 20, user=user))
        # The name parts its shared memory from that of others.
        command = ["squid", "-n", f"bench{port}", "-f", str(configuration)]
        if not (folder / "store").exists():
            subprocess.run([*command, "-z", "--foreground"], capture_output=True, timeout=60,
                           check=True)
        self.run([*command, "--foreground"], folder / "squid.log")
        self.base = f"http://127.0.0.1:{port}"

    def version(self) -> str:
        return first_line("squid", "-v")
