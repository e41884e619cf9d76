"""The ports that containers serve, and free ports of the loopback in their place.

A free port is held until shortly before its server starts. It lies outside the range from which the
kernel takes ports for outgoing connections, so none is lost while its server restarts.
"""

import random
import socket
from collections.abc import Collection
from pathlib import Path

from harness.errors import InfrastructureError
from harness.topology import Service

LOOPBACK = "127.0.0.1"
_LOWEST_PORT = 10_000
_FALLBACK_RANGE = (20_000, 32_767)
_ATTEMPTS = 2_000
_DEFAULT_PORTS = {"postgres": 5432, "redis": 6379, "valkey": 6379, "nginx": 80}


def image_kind(service: Service) -> str | None:
    """Return the last word of the image's name: ``valkey`` of ``valkey/valkey:9-alpine``."""
    if service.built or service.image is None:
        return None
    return service.image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


def container_ports(service: Service) -> tuple[int, ...]:
    """Return the ports that a service serves: those it states, or else its image's."""
    default = _DEFAULT_PORTS.get(image_kind(service) or "")
    return service.ports or ((default,) if default else ())


def hold_for(service: Service, container_port: int) -> socket.socket:
    """Hold the port here at which a service publishes one of its own, or any free one."""
    wanted = _published(service, container_port)
    return _hold(wanted, service.name) if wanted else _hold_any()


def draw_for(service: Service, container_port: int, drawn: Collection[int]) -> int:
    """Return the port at which a service publishes one of its own on another machine, or any.

    Nothing can be held there, so it is only none of those that are `drawn` already.
    """
    if stated := _published(service, container_port):
        return stated
    port = 0
    while not port or port in drawn:
        port = random.randint(*_quiet_range())  # noqa: S311 - not a secret
    return port


def _published(service: Service, container_port: int) -> int:
    """Return the port that a service states for one of its own; 0: any free one."""
    return {one.container: one.host for one in service.published}.get(container_port, 0)


def _hold(port: int, service: str) -> socket.socket:
    """Hold a port that the user wants; connections of an earlier server may still linger there."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        held.close()
        raise InfrastructureError(
            f"cannot serve {service} at port {port}: {error}",
            "free the port, or choose another; port 0 takes any free one",
        ) from error
    return held


def _hold_any() -> socket.socket:
    """Hold any free port (InfrastructureError: there is none)."""
    lowest, highest = _quiet_range()
    for _ in range(_ATTEMPTS):
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind((LOOPBACK, random.randint(lowest, highest)))  # noqa: S311 - not a secret
        except OSError:
            held.close()
            continue
        return held
    raise InfrastructureError(
        f"no free port between {lowest} and {highest}", "end programs that listen there"
    )


def _quiet_range() -> tuple[int, int]:
    """Return the ports below those that the kernel gives to outgoing connections."""
    try:
        words = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        first_ephemeral = int(words[0])
    except (OSError, ValueError, IndexError):
        return _FALLBACK_RANGE
    if first_ephemeral - _LOWEST_PORT < _ATTEMPTS:
        return _FALLBACK_RANGE
    return max(_LOWEST_PORT, first_ephemeral // 2), first_ephemeral - 1
