"""Which node runs which replica.

A service runs on the nodes that name it, its replicas dealt out in turn. What no node names goes,
replica by replica, to the node with most processors left: its own, less the limits of what it has
already; a replica without a limit counts as one processor. Of equals the first in the file gets it,
so the same file and topology always give the same placement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.runtimes.docker.project_files import is_copied
from harness.topology import Service, Topology

UNLIMITED_CPUS = 1.0
"""What a replica without a limit counts as."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node as far as replicas are placed on it: what it names, and how much of it there is."""

    name: str
    services: tuple[str, ...]
    cpus: float
    is_here: bool
    """The files of this machine are also the node's."""


Placement = Mapping[str, tuple[str, ...]]
"""The node of each replica, in the order of their numbers, by service."""


def place(topology: Topology, places: Sequence[Place]) -> Placement:
    """Return the node of every replica (UsageError: one that no node can take)."""
    left = {one.name: one.cpus for one in places}
    placed: dict[str, tuple[str, ...]] = {}
    takers = {one.name: _takers(topology, one, places) for one in topology.services.values()}
    named = [name for name, nodes in takers.items() if name in nodes[0].services]
    for name in [*named, *(other for other in takers if other not in named)]:
        service, nodes = topology.services[name], [one.name for one in takers[name]]
        chosen = []
        for number in range(service.replicas):
            next_one = (
                nodes[number % len(nodes)] if name in named else max(nodes, key=left.__getitem__)
            )
            left[next_one] -= service.limits.cpus or UNLIMITED_CPUS
            chosen.append(next_one)
        placed[name] = tuple(chosen)
    placement = {name: placed[name] for name in topology.services}
    _check_files(topology, placement, {one.name for one in places if one.is_here})
    return placement


def _takers(topology: Topology, service: Service, places: Sequence[Place]) -> list[Place]:
    """Return the nodes that name a service, or else those that are large enough for its limit.

    An engine grants no replica more processors than it has.
    """
    cpus = service.limits.cpus or 0.0
    named = [one for one in places if service.name in one.services]
    able = [one for one in named or places if one.cpus >= cpus]
    if not able or (named and able != named):
        small = ", ".join(f"{one.name} has {one.cpus:g}" for one in named or places)
        raise UsageError(
            f"{topology.path.name}: no node takes {service.name}: it may use {cpus:g} processors, "
            f"and {small}",
            f"set {service.name}.cpus lower, or name a larger node for it",
        )
    return able


def _check_files(topology: Topology, placement: Placement, here: set[str]) -> None:
    """Refuse what needs a folder of this machine elsewhere, or one volume on two machines."""
    nodes_of: dict[str, set[str]] = {}
    for name, nodes in placement.items():
        for mount in topology.services[name].mounts:
            if mount.named:
                nodes_of.setdefault(mount.source, set()).update(nodes)
            elif not is_copied(mount) and not here.issuperset(nodes):
                away = ", ".join(sorted(set(nodes) - here))
                raise UsageError(
                    f"{topology.path.name}: {name} writes to {mount.source} of this machine, and "
                    f"runs on {away}",
                    "mount it with `:ro`, use a named volume, or name a node of this machine",
                )
    for volume, several in nodes_of.items():
        if len(several) > 1:
            raise UsageError(
                f"{topology.path.name}: {volume} would be another volume on each of "
                f"{', '.join(sorted(several))}",
                "name one node for every service that mounts it",
            )


def replicas_on(placement: Placement, node: str) -> dict[str, list[int]]:
    """Return the numbers of the replicas that run on a node, by service; none has no entry."""
    found = {
        name: [number for number, one in enumerate(nodes, start=1) if one == node]
        for name, nodes in placement.items()
    }
    return {name: numbers for name, numbers in found.items() if numbers}
