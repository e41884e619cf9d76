"""One service as a workload, with its Service and its disruption budget."""

import math
from typing import Final

from harness.kubernetes import files, volumes
from harness.kubernetes.manifest import Manifest, labels, manifest, without_empty
from harness.kubernetes.probes import probes
from harness.kubernetes.references import environment, expandable
from harness.runtimes.ports import container_ports
from harness.topology import Limits, Service, Topology

PULL_POLICIES: Final = {
    "always": "Always",
    "if_not_present": "IfNotPresent",
    "missing": "IfNotPresent",
    "never": "Never",
}
"""The policies of Compose that Kubernetes has, too."""
_UNITS: Final = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def image(topology: Topology, service: Service) -> str:
    """Return the name of a service's image: the stated one, or the one that Compose would give."""
    return service.image or f"{topology.approach}-{service.name}"


def built_images(topology: Topology) -> list[str]:
    """Return the names of the images that are built from the project."""
    built = (one for one in topology.services.values() if one.built)
    return list(dict.fromkeys(image(topology, service) for service in built))


def workload(topology: Topology, service: Service) -> Manifest:
    """Return the StatefulSet, Deployment or Job that runs a service."""
    stated = labels(topology.approach, service.name)
    template: Manifest = {"metadata": {"labels": stated}, "spec": _pod(topology, service)}
    if topology.runs_once(service.name):
        template["spec"]["restartPolicy"] = "OnFailure"
        return manifest("Job", "batch/v1", service.name, stated, spec={"template": template})
    spec: Manifest = {"replicas": service.replicas, "selector": {"matchLabels": stated}}
    if volumes.is_stateful(topology, service):
        claims = volumes.templates(topology, service)
        spec |= {"serviceName": service.name, "template": template}
        spec |= {"volumeClaimTemplates": claims} if claims else {}
        return manifest("StatefulSet", "apps/v1", service.name, stated, spec=spec)
    if service.replicas == 1:  # as in Compose, there are never two of what there is one of
        spec["strategy"] = {"type": "Recreate"}
    spec["template"] = template
    return manifest("Deployment", "apps/v1", service.name, stated, spec=spec)


def network_service(topology: Topology, service: Service) -> Manifest | None:
    """Return what gives a service its name in the network; None if it listens at no port."""
    ports = container_ports(service)
    if not ports:
        return None
    stated = labels(topology.approach, service.name)
    spec: Manifest = {"selector": stated}
    if volumes.is_stateful(topology, service):
        spec["clusterIP"] = "None"  # what a StatefulSet asks of its Service
    spec["ports"] = [{"name": port_name(port), "port": port} for port in ports]
    return manifest("Service", "v1", service.name, stated, spec=spec)


def disruption_budget(topology: Topology, service: Service) -> Manifest | None:
    """Return what keeps more than one replica at a time from being evicted; None for a single one.

    A budget for a single replica would keep its node from ever being drained.
    """
    if service.replicas == 1 or topology.runs_once(service.name):
        return None
    stated = labels(topology.approach, service.name)
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": stated}}
    return manifest("PodDisruptionBudget", "policy/v1", service.name, stated, spec=spec)


def port_name(port: int) -> str:
    """Return the name of a port, by which others refer to it."""
    return f"tcp-{port}"


def _pod(topology: Topology, service: Service) -> Manifest:
    writer = files.writer(topology, service, image(topology, service))
    return without_empty(
        {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,  # REDIS_PORT and its like could be taken for settings
            "terminationGracePeriodSeconds": math.ceil(service.stop_grace_period_s),
            "initContainers": [writer] if writer else [],
            "containers": [_container(topology, service)],
            "volumes": [*files.volumes(service), *volumes.volumes(topology, service)],
        }
    )


def _container(topology: Topology, service: Service) -> Manifest:
    ports = container_ports(service)
    return without_empty(
        {
            "name": service.name,
            "image": image(topology, service),
            "imagePullPolicy": PULL_POLICIES.get(service.pull_policy or ""),
            "args": [expandable(service, word) for word in service.command],
            "env": environment(topology, service),
            "ports": [{"name": port_name(port), "containerPort": port} for port in ports],
            **probes(service),
            "resources": _resources(service.limits),
            "volumeMounts": [*files.mounts(service), *volumes.mounts(topology, service)],
        }
    )


def _resources(limits: Limits) -> Manifest:
    stated: Manifest = {}
    if limits.cpus is not None:
        stated["cpu"] = f"{limits.cpus:g}"
    if limits.memory_bytes is not None:
        stated["memory"] = _memory(limits.memory_bytes)
    return {"limits": stated} if stated else {}


def _memory(size_bytes: int) -> str:
    """Return a size in the largest unit in which it is a whole number."""
    for unit, unit_bytes in _UNITS:
        if size_bytes % unit_bytes == 0:
            return f"{size_bytes // unit_bytes}{unit}"
    return str(size_bytes)
