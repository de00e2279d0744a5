"""Apache Traffic Server with the plugins slice and cache_range_requests, in the order of their manual."""

from __future__ import annotations

import shutil
from pathlib import Path

from platter_bench.targets.base import Target, first_line

_SETTINGS = Path("/etc/trafficserver")
_LAYOUT = """\
prefix: /usr
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/bin
libdir: /usr/lib
libexecdir: /usr/lib/trafficserver/modules
includedir: /usr/include
datadir: {folder}/data
localstatedir: {folder}/run
sysconfdir: {folder}/settings
runtimedir: {folder}/run
logdir: {folder}/log
cachedir: {folder}/cache
mandir: /usr/share/man
infodir: /usr/share/info
"""
_RECORDS = """\
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.reverse_proxy.enabled INT 1
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT {cores}
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.cache.ram_cache.size INT 268435456
CONFIG proxy.config.cache.enable_read_while_writer INT 1
CONFIG proxy.config.cache.agg_write_backlog INT 268435456
CONFIG proxy.config.cache.dir.sync_frequency INT 2
CONFIG proxy.config.cache.min_average_object_size INT 131072
CONFIG proxy.config.cache.max_doc_size INT 0
CONFIG proxy.config.http.background_fill_active_timeout INT 0
CONFIG proxy.config.http.background_fill_completed_threshold FLOAT 0.0
CONFIG proxy.config.http.cache.open_write_fail_action INT 5
CONFIG proxy.config.http.cache.max_open_read_retries INT 10
CONFIG proxy.config.http.cache.open_read_retry_time INT 50
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 600
CONFIG proxy.config.http.transaction_no_activity_timeout_in INT 120
CONFIG proxy.config.http.connect_attempts_timeout INT 30
CONFIG proxy.config.net.connections_throttle INT 16000
CONFIG proxy.config.net.max_connections_in INT 15000
CONFIG proxy.config.diags.output.diag STRING E
CONFIG proxy.config.crash_log_helper STRING NULL
"""
_REMAP = (
    "map http://127.0.0.1:{port}/ {origin}/ @plugin=slice.so @pparam=--blockbytes=1m "
    "@plugin=cache_range_requests.so\n")


class TrafficServer(Target):
    """Slices of 1 MiB, the default of the plugin; readers may read what is being written.

    Its default for what waits to be written is 5 MB; beyond that it keeps nothing, so it is given more. Its
    directory is written every 2 s instead of every 60: it is not written when the program ends.
    """

    name = "trafficserver"
    package = "trafficserver"

    def launch(self, origin_url: str, folder: Path) -> None:
        port = self.port()
        settings = folder / "settings"
        if not settings.exists():
            shutil.copytree(_SETTINGS, settings)
            for name in ("cache", "run", "log", "data"):
                (folder / name).mkdir()
            shutil.copytree(_SETTINGS / "body_factory", folder / "data" / "body_factory",
                            dirs_exist_ok=True)
        layout = folder / "runroot.yaml"
        layout.write_text(_LAYOUT.format(folder=folder))
        (settings / "records.config").write_text(
            _RECORDS.format(port=port, cores=self.options.cores))
        (settings / "remap.config").write_text(_REMAP.format(port=port, origin=origin_url))
        (settings / "storage.config").write_text(f"{folder / 'cache'} {self.options.size}\n")
        (settings / "plugin.config").write_text("")
        self.run(["traffic_server", f"--run-root={layout}"], folder / "traffic_server.log")
        self.base = f"http://127.0.0.1:{port}"

    def version(self) -> str:
        return first_line("traffic_server", "-V")
