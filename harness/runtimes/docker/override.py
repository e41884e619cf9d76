"""What the harness adds to a compose file, as a second compose file that is laid over it.

The first one stays the truth of what is built, mounted and run. The second one states what was
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


class Instead(list[str]):
    """A list that takes the place of the one that it is laid over, where lists are joined."""


class _Dumper(yaml.SafeDumper):
    """Writes `Instead` with the tag that Compose knows it by."""


_Dumper.add_representer(
    Instead, lambda dumper, value: dumper.represent_sequence("!override", list(value))
)


@dataclass(frozen=True, slots=True)
class Site:
    """What one deployment has of its own: its labels, addresses, ports and images' names.

    `ports` has the fixed port here of a single replica, by service and container port.
    """

    labels: Mapping[str, str]
    subnet: str
    ports: Mapping[tuple[str, int], int]
    images: Mapping[str, str]


def override(topology: Topology, site: Site) -> str:
    """Return the second compose file."""
    volumes = {
        mount.source: {"labels": dict(site.labels)}
        for service in topology.services.values()
        for mount in service.mounts
        if mount.named
    }
    document = {
        "services": {
            name: _service(service, site)
            | (_of_our_own(service) if name in topology.proxies.values() else {})
            for name, service in topology.services.items()
        },
        "networks": {
            "default": {
                "labels": dict(site.labels),
                "ipam": {"config": [{"subnet": site.subnet}]},
            }
        },
        "volumes": volumes,
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def _service(service: Service, site: Site) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "image": site.images[service.name],
        "environment": {key: _literal(text) for key, text in service.environment.items()},
        "deploy": {"replicas": service.replicas, "resources": {"limits": _limits(service)}},
        "labels": dict(site.labels),
        "ports": Instead(_ports(service, site)),
        "healthcheck": {"disable": True},
        "logging": {"driver": "json-file"},  # whatever the engine's default is, it can be read
        "restart": "no",  # a container that dies has died: nobody starts it behind our back
    }
    if service.command:
        stated["command"] = [_literal(word) for word in service.command]
    return stated


def _of_our_own(service: Service) -> dict[str, Any]:
    """Return what a service mounts that the first compose file does not have."""
    return {"volumes": [f"{one.source}:{one.target}:ro" for one in service.mounts]}


def _literal(text: str) -> str:
    """Return a text that Compose does not interpolate again."""
    return text.replace("$", "$$")


def _limits(service: Service) -> dict[str, str]:
    limits = service.limits
    stated = {"cpus": limits.cpus, "memory": limits.memory_bytes}
    return {key: str(value) for key, value in stated.items() if value is not None}


def _ports(service: Service, site: Site) -> list[str]:
    """Serve every port at the loopback: a single replica's at a fixed one, others' at any."""
    return [
        f"{LOOPBACK}:{site.ports.get((service.name, port), '')}:{port}"
        for port in container_ports(service)
    ]
