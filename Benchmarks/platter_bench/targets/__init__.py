"""Platter, its peers, and the origin alone."""

from platter_bench.targets.base import Options, Target
from platter_bench.targets.nginx import NginxLarge, NginxSmall
from platter_bench.targets.own import Direct, OurOwn
from platter_bench.targets.rclone import Rclone
from platter_bench.targets.squid import Squid
from platter_bench.targets.traffic_server import TrafficServer
from platter_bench.targets.varnish import Varnish

#: In the order of all tables.
TARGETS: dict[str, type[Target]] = {
    target.name: target
    for target in (
        Direct, OurOwn, NginxSmall, NginxLarge, Varnish, TrafficServer, Squid, Rclone)
}

__all__ = ["TARGETS", "Options", "Target"]
