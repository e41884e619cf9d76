"""Who owns a container, a network or a volume: labels that outlive the harness that made it.

An owner is named as the folder of a deployment is: by user, process id, start time and a random
word. Process ids mean something only within one boot and one process namespace, so these are named
as well; what has another machine's name is never touched. After a reboot nothing runs any more,
and what is left is removed by `docker compose --project-name NAME down --volumes`.
"""

import os
from pathlib import Path

from harness.errors import InfrastructureError
from harness.runtimes.docker.engine import Engine, in_parallel
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


def remove_all(engine: Engine, identity: str) -> list[str]:
    """Remove every container, network and volume of an owner, and return their names."""
    label = f"{OWNER}={identity}"
    containers = {one["Id"]: one["Names"][0].lstrip("/") for one in engine.containers(label)}
    in_parallel(engine.remove_container, containers)
    networks = {one["Id"]: one["Name"] for one in engine.networks(label)}
    in_parallel(engine.remove_network, networks)
    volumes = [one["Name"] for one in engine.volumes(label)]
    in_parallel(engine.remove_volume, volumes)
    return sorted([*containers.values(), *networks.values(), *volumes])


def orphans(engine: Engine) -> list[str]:
    """Return the owners on this machine that are this user's and no longer run."""
    label = f"{MACHINE}={machine()}"
    things = [*engine.containers(label), *engine.networks(label), *engine.volumes(label)]
    owners = {(thing.get("Labels") or {}).get(OWNER, "") for thing in things}
    return sorted(owner for owner in owners if is_orphaned(owner))


def clean_if_there() -> list[str]:
    """Do the same as `clean` in the engine of this machine; without one, nothing is left in it."""
    try:
        engine = Engine()
    except InfrastructureError:
        return []
    try:
        return clean(engine)
    finally:
        engine.close()


def clean(engine: Engine) -> list[str]:
    """Remove what killed harnesses of this user left in the engine, and return it in words."""
    return [f"{owner}: {', '.join(remove_all(engine, owner))} removed" for owner in orphans(engine)]
