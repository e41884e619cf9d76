"""What the harness adds to a compose file, as a second compose file that is laid over it.

The first one alone says what is built, mounted and run. The second one states what was
decided elsewhere (variables, scale, settings, limits: the topology has them already), who owns
what is made, and addresses. It takes the engine's own health checks out: the harness asks the same
question when it needs the answer, and no probe runs beside the load.
Merging: https://docs.docker.com/reference/compose-file/merge/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from harness.runtimes.ports import LOOPBACK, container_ports
from harness.topology import Service, Topology


class Override(list[str]):
    """A list that replaces the one of the first file, where Compose would join them."""


class _Dumper(yaml.SafeDumper):
    """Writes `Override` with the tag that Compose knows it by."""


_Dumper.add_representer(
    Override, lambda dumper, value: dumper.represent_sequence("!override", list(value))
)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one deployment has for itself: its labels, addresses, ports and images' names.

    `ports` has the fixed port here of a single replica, by service and container port.
    """

    labels: Mapping[str, str]
    subnet: str
    ports: Mapping[tuple[str, int], int]
    images: Mapping[str, str]


def compose_override(topology: Topology, allocation: Allocation) -> str:
    """Return the second compose file."""
    volumes = {
        mount.source: {"labels": dict(allocation.labels)}
        for service in topology.services.values()
        for mount in service.mounts
        if mount.named
    }
    document = {
        "services": {
            name: _service(service, allocation)
            | (_mounts_of_proxy(service) if name in topology.proxies.values() else {})
            for name, service in topology.services.items()
        },
        "networks": {
            "default": {
                "labels": dict(allocation.labels),
                "ipam": {"config": [{"subnet": allocation.subnet}]},
            }
        },
        "volumes": volumes,
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def _service(service: Service, allocation: Allocation) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "image": allocation.images[service.name],
        "environment": {key: _literal(text) for key, text in service.environment.items()},
        "deploy": {"replicas": service.replicas, "resources": {"limits": _limits(service)}},
        "labels": dict(allocation.labels),
        "ports": Override(_ports(service, allocation)),
        "healthcheck": {"disable": True},
        "logging": {"driver": "json-file"},  # whatever the engine's default is, it can be read
        "restart": "no",  # a container that dies has died: nobody starts it behind our back
    }
    if service.command:
        stated["command"] = [_literal(word) for word in service.command]
    return stated


def _mounts_of_proxy(service: Service) -> dict[str, Any]:
    """Return what a service mounts that the first compose file does not have."""
    return {"volumes": [f"{one.source}:{one.target}:ro" for one in service.mounts]}


def _literal(text: str) -> str:
    """Return a text that Compose does not interpolate again."""
    return text.replace("$", "$$")


def _limits(service: Service) -> dict[str, str]:
    limits = service.limits
    stated = {"cpus": limits.cpus, "memory": limits.memory_bytes}
    return {key: str(value) for key, value in stated.items() if value is not None}


def _ports(service: Service, allocation: Allocation) -> list[str]:
    """Serve every port at the loopback: a single replica's at a fixed one, others' at any."""
    return [
        f"{LOOPBACK}:{allocation.ports.get((service.name, port), '')}:{port}"
        for port in container_ports(service)
    ]
