"""nginx with its slice filter, as its documentation and those who cache large files with it have it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from platter_bench.targets.base import Target, first_line

#: Differs from what a distribution ships in: no access log, keep-alive to the origin, one worker for each core,
#: limits that no scenario reaches, larger proxy buffers, and open_file_cache, which saves an open for each hit.
_CONFIGURATION = """\
daemon off;
{user}
worker_processes {cores};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush off;
    tcp_nodelay on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    reset_timedout_connection on;
    open_file_cache max=4000 inactive=60s;
    open_file_cache_valid {valid}s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=media:64m max_size={size} inactive=30d
                     use_temp_path=off;
    upstream origin {{
        server {origin};
        keepalive 128;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            slice {slice};
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Range $slice_range;
            proxy_cache media;
            proxy_cache_key $uri$slice_range;
            proxy_cache_valid 200 206 {fresh}s;
            proxy_cache_revalidate on;
            proxy_cache_use_stale error timeout updating;
            proxy_cache_lock on;
            proxy_cache_lock_age 2m;
            proxy_cache_lock_timeout 1h;
            proxy_buffer_size 16k;
            proxy_buffers 8 32k;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""


class _Nginx(Target):
    package = "nginx"
    slice = ""

    def launch(self, origin_url: str, folder: Path) -> None:
        port = self.port()
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(
            user="user root;" if Path("/proc/self").owner() == "root" else "",
            cores=self.options.cores, folder=folder, port=port, slice=self.slice,
            size=self.options.size, fresh=self.options.fresh, origin=urlsplit(origin_url).netloc,
            valid=max(1, min(60, self.options.fresh))))
        self.run(["nginx", "-p", str(folder), "-c", str(configuration)], folder / "nginx.log")
        self.base = f"http://127.0.0.1:{port}"

    def version(self) -> str:
        return first_line("nginx", "-v")


class NginxSmall(_Nginx):
    """Slices of 1 MiB; larger proxy buffers than by default, and open files are kept open."""

    name = "nginx-1m"
    slice = "1m"


class NginxLarge(_Nginx):
    """The same with slices of 10 MiB."""

    name = "nginx-10m"
    slice = "10m"
