"""What must outlive a pod: named volumes, and the data of the stores.

A compose file need not name a volume for PostgreSQL or Redis: their images declare one, which
lives as long as the container. A pod is replaced more often than that, so a store always claims
a volume.
"""

import re
from typing import Final

from harness.kubernetes.manifest import PART_OF, Manifest, manifest
from harness.runtimes.ports import image_kind
from harness.topology import Mount, Service, Topology

SIZE: Final = "10Gi"
"""Of each volume: a compose file states none."""
_OF_A_STORE: Final = "data"
_SUB_PATH: Final = "data"
"""The root of a new file system has a folder `lost+found`, in which initdb does not begin."""
_MAJOR = re.compile(r"[^/]*:(\d+)[^/]*")
_POSTGRES_MOVED_IN = 18
"""Where the image's volume is: https://hub.docker.com/_/postgres, "PGDATA"."""


def is_store(topology: Topology, service: Service) -> bool:
    """Return True for the ledger and for Redis."""
    return service.name in (topology.ledger, topology.redis and topology.redis.service)


def data_folder(service: Service) -> str | None:
    """Return the folder for which the image of a store declares a volume; None: not known."""
    kind = image_kind(service)
    if kind in ("redis", "valkey"):
        return "/data"
    if kind != "postgres":
        return None
    if "PGDATA" in service.environment:
        return service.environment["PGDATA"]
    major = _MAJOR.fullmatch((service.image or "").split("@")[0].rpartition("/")[2])
    is_older = major is not None and int(major[1]) < _POSTGRES_MOVED_IN
    return "/var/lib/postgresql/data" if is_older else "/var/lib/postgresql"


def named_mounts(topology: Topology, service: Service) -> list[Mount]:
    """Return the named volumes of a service; of a store that names none, that of its image."""
    named = [mount for mount in service.mounts if mount.named]
    folder = data_folder(service) if is_store(topology, service) else None
    return named or ([Mount(_OF_A_STORE, folder, named=True)] if folder else [])


def is_shared(topology: Topology, volume: str) -> bool:
    """Return True for a named volume that several pods use."""
    users = (
        service.replicas
        for service in topology.services.values()
        if any(mount.named and mount.source == volume for mount in service.mounts)
    )
    return sum(users) > 1


def is_stateful(topology: Topology, service: Service) -> bool:
    """Return True for a store, and for a server with a volume that nobody else uses."""
    own = (not is_shared(topology, one.source) for one in named_mounts(topology, service))
    return not topology.runs_once(service.name) and (is_store(topology, service) or any(own))


def templates(topology: Topology, service: Service) -> list[Manifest]:
    """Return the claims that a StatefulSet makes for its pod."""
    if not is_stateful(topology, service):
        return []
    return [
        {"metadata": {"name": volume_name(mount.source)}, "spec": _claim("ReadWriteOnce")}
        for mount in named_mounts(topology, service)
        if not is_shared(topology, mount.source)
    ]


def claims(topology: Topology) -> list[Manifest]:
    """Return the claims of volumes that no StatefulSet makes for itself."""
    templated = {
        template["metadata"]["name"]
        for service in topology.services.values()
        for template in templates(topology, service)
    }
    named = dict.fromkeys(
        mount.source
        for service in topology.services.values()
        for mount in named_mounts(topology, service)
    )
    return [
        manifest(
            "PersistentVolumeClaim",
            "v1",
            volume_name(name),
            {PART_OF: topology.approach},
            spec=_claim("ReadWriteMany" if is_shared(topology, name) else "ReadWriteOnce"),
        )
        for name in named
        if volume_name(name) not in templated
    ]


def volumes(topology: Topology, service: Service) -> list[Manifest]:
    """Return the volumes of a pod whose claims it does not make for itself."""
    templated = [template["metadata"]["name"] for template in templates(topology, service)]
    names = (volume_name(mount.source) for mount in named_mounts(topology, service))
    return [
        {"name": name, "persistentVolumeClaim": {"claimName": name}}
        for name in dict.fromkeys(names)
        if name not in templated
    ]


def mounts(topology: Topology, service: Service) -> list[Manifest]:
    """Return where a container finds its volumes."""
    return [
        {
            "name": volume_name(mount.source),
            "mountPath": mount.target,
            "subPath": _SUB_PATH,
            **({"readOnly": True} if mount.read_only else {}),
        }
        for mount in named_mounts(topology, service)
    ]


def volume_name(name: str) -> str:
    """Return the name of a volume as Kubernetes allows it."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower())


def _claim(access_mode: str) -> Manifest:
    return {"accessModes": [access_mode], "resources": {"requests": {"storage": SIZE}}}
