"""Who owns a container, a network or a volume: labels that outlive the harness that made it.

An owner is named as the folder of a deployment is: by user, process id, start time and a random
word. Process ids mean something only within one boot and one process namespace, so these are named
as well; what has another machine's name is never touched. After a reboot of this machine nothing
runs on it any more, but on other nodes it does: docs/scaling-out.md says how it is removed.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import InfrastructureError
from harness.runtimes.docker.cluster import Cluster
from harness.runtimes.docker.engine import Engine, in_parallel
from harness.runtimes.docker.nodes_file import NodesFile
from harness.runtimes.state import is_orphaned

OWNER = "flashsale.owner"
MACHINE = "flashsale.machine"


def labels_of(identity: str) -> dict[str, str]:
    """Return the labels of everything that the deployment of this identity makes."""
    return {OWNER: identity, MACHINE: machine()}


def machine() -> str:
    """Return the name of this boot and this process namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}"


def remove_all(engines: Iterable[Engine], identity: str) -> list[str]:
    """Remove every container, network and volume of an owner, and return their names.

    Networks follow when all containers are gone: several engines may share one. An engine that
    fails (InfrastructureError) does so after all others have been asked for everything.
    """
    label = f"{OWNER}={identity}"
    asked = list(engines)
    removed: list[str] = []
    failed: InfrastructureError | None = None
    for remove in (_remove_containers, _remove_networks_and_volumes):
        for engine in asked:
            try:
                removed += remove(engine, label)
            except InfrastructureError as error:
                failed = failed or error
    if failed is not None:
        raise failed
    return sorted(removed)


def _remove_containers(engine: Engine, label: str) -> list[str]:
    containers = {one["Id"]: one["Names"][0].lstrip("/") for one in engine.containers(label)}
    in_parallel(engine.remove_container, containers)
    return list(containers.values())


def _remove_networks_and_volumes(engine: Engine, label: str) -> list[str]:
    networks = {one["Id"]: one["Name"] for one in engine.networks(label)}
    in_parallel(engine.remove_network, networks)
    volumes = [one["Name"] for one in engine.volumes(label)]
    in_parallel(engine.remove_volume, volumes)
    return [*networks.values(), *volumes]


def orphans(engine: Engine) -> list[str]:
    """Return the owners in an engine that are this user's on this machine, and no longer run."""
    label = f"{MACHINE}={machine()}"
    things = [*engine.containers(label), *engine.networks(label), *engine.volumes(label)]
    owners = {(thing.get("Labels") or {}).get(OWNER, "") for thing in things}
    return sorted(owner for owner in owners if is_orphaned(owner))


def clean_if_there(nodes: NodesFile | None = None) -> Iterator[str]:
    """Do the same as `clean` on the nodes of a file, or in the engine of this machine.

    If this machine's does not run, nothing is left in it. A node that does not answer stops no
    other one: at the end it is an InfrastructureError.
    """
    cluster, failed = Cluster.reachable(nodes)
    try:
        yield from clean(cluster.engines)
    finally:
        cluster.close()
    if failed is not None and nodes is not None:
        raise failed


def clean(engines: Iterable[Engine]) -> list[str]:
    """Remove what killed harnesses of this user left in engines, and return it in words."""
    asked = list(engines)
    owners = sorted({owner for engine in asked for owner in orphans(engine)})
    return [f"{owner}: {', '.join(remove_all(asked, owner))} removed" for owner in owners]
