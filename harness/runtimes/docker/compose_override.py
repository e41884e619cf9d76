"""What the harness adds to a compose file, as a second compose file that is laid over it.

The first one alone says what is built and run. The second one states what was decided elsewhere
(variables, settings, limits: the topology has them already), how many replicas of each service the
engine gets, who owns what is made, and addresses. It takes the files of the project out that are
mounted to be read (see `project_files`), and the engine's own health checks: the harness asks the
same question when it needs the answer, and no probe runs beside the load.
Merging: https://docs.docker.com/reference/compose-file/merge/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from harness.runtimes.docker.project_files import is_copied
from harness.runtimes.ports import LOOPBACK, container_ports
from harness.topology import Service, Topology


class Override(list[str]):
    """A list that replaces the one of the first file, where Compose would join them."""


class Reset(list[str]):
    """Takes a value of the first file away; it is empty."""


class _Dumper(yaml.SafeDumper):
    """Writes `Override` and `Reset` with the tags that Compose knows them by."""


_Dumper.add_representer(
    Override, lambda dumper, value: dumper.represent_sequence("!override", list(value))
)
_Dumper.add_representer(
    Reset, lambda dumper, value: dumper.represent_sequence("!reset", list(value))
)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one deployment has for itself: its labels, network, ports and images' names.

    `network` describes the network to Compose. `ports` has the fixed port of a single replica, by
    service and container port.
    """

    labels: Mapping[str, str]
    network: Mapping[str, Any]
    ports: Mapping[tuple[str, int], int]
    images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Share:
    """What one engine gets of a deployment: replicas by service, and where it serves their ports.

    `address` is an IPv4 address of the engine's machine.
    """

    replicas: Mapping[str, int]
    address: str = LOOPBACK


def compose_override(topology: Topology, allocation: Allocation, share: Share) -> str:
    """Return the second compose file for one engine."""
    volumes = {
        mount.source: {"labels": dict(allocation.labels)}
        for service in topology.services.values()
        for mount in service.mounts
        if mount.named
    }
    document = {
        "services": {
            name: _service(service, allocation, share)
            for name, service in topology.services.items()
        },
        "networks": {"default": dict(allocation.network)},
        "volumes": volumes,
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def _service(service: Service, allocation: Allocation, share: Share) -> dict[str, Any]:
    replicas = share.replicas.get(service.name, 0)
    stated: dict[str, Any] = {
        "image": allocation.images[service.name],
        "environment": {key: _literal(text) for key, text in service.environment.items()},
        "deploy": {"replicas": replicas, "resources": {"limits": _limits(service)}},
        "labels": dict(allocation.labels),
        "ports": Override(_ports(service, allocation, share)),
        "volumes": Override(_mounts(service)),
        "healthcheck": {"disable": True},
        "logging": {"driver": "json-file"},  # whatever the engine's default is, it can be read
        "depends_on": Reset(),  # we start them; Compose would want images of what runs elsewhere
        "restart": "no",  # a container that dies has died: nobody starts it behind our back
    }
    if service.command:
        stated["command"] = [_literal(word) for word in service.command]
    return stated


def _mounts(service: Service) -> list[str]:
    """Return what stays mounted: what is not copied into the container."""
    return [
        _literal(f"{one.source}:{one.target}{':ro' if one.read_only else ''}")
        for one in service.mounts
        if not is_copied(one)
    ]


def _literal(text: str) -> str:
    """Return a text that Compose does not interpolate again."""
    return text.replace("$", "$$")


def _limits(service: Service) -> dict[str, str]:
    limits = service.limits
    stated = {"cpus": limits.cpus, "memory": limits.memory_bytes}
    return {key: str(value) for key, value in stated.items() if value is not None}


def _ports(service: Service, allocation: Allocation, share: Share) -> list[str]:
    """Serve every port: a single replica's at a fixed one, others' at any."""
    return [
        f"{share.address}:{allocation.ports.get((service.name, port), '')}:{port}"
        for port in container_ports(service)
    ]
