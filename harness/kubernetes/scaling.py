"""Overlay `keda/`: more replicas of what shares the work of a Redis stream, if much waits there.

KEDA asks Redis for the lag of the consumer group: entries that were delivered to nobody yet. What
is in a worker's hand is no reason for another worker. Redis knows the lag from version 7 on.
https://keda.sh/docs/latest/scalers/redis-streams/
"""

from itertools import groupby
from typing import Final

from harness.errors import UsageError
from harness.kubernetes.manifest import PART_OF, Manifest, labels, manifest, without_empty
from harness.kubernetes.references import marked, secret_name
from harness.kubernetes.traffic import from_pods
from harness.kubernetes.volumes import is_stateful
from harness.runtimes.ports import container_ports
from harness.runtimes.store_urls import redis_password
from harness.topology import ConsumerGroup, RedisFacts, Service, Topology

LAG_PER_REPLICA: Final = 100
"""Entries that may wait for each replica before there is another one."""
MOST_TIMES_AS_MANY: Final = 2
"""Replicas at most, in multiples of those of the compose file; it never has fewer than those."""
POLLED_EVERY_S: Final = 5
_OPERATOR = ("app", "keda-operator")
"""The label of KEDA's pods, from its chart and from its manifests alike."""


def scaled_services(topology: Topology) -> dict[str, list[ConsumerGroup]]:
    """Return the consumer groups by the service whose replicas are their members."""
    groups = topology.redis.groups if topology.redis else ()
    by_service = sorted(groups, key=lambda one: one.service)
    return {name: list(found) for name, found in groupby(by_service, lambda one: one.service)}


def scaled_object(topology: Topology, service: str, namespace: str) -> Manifest:
    """Return the ScaledObject of a service with consumer groups."""
    replicas = topology.services[service].replicas
    is_set = is_stateful(topology, topology.services[service])
    triggers = [
        _trigger(topology, group, namespace) for group in scaled_services(topology)[service]
    ]
    spec = {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet" if is_set else "Deployment",
            "name": service,
        },
        "pollingInterval": POLLED_EVERY_S,
        "minReplicaCount": replicas,
        "maxReplicaCount": MOST_TIMES_AS_MANY * replicas,
        "triggers": triggers,
    }
    stated = labels(topology.approach, service)
    return manifest("ScaledObject", "keda.sh/v1alpha1", service, stated, spec=spec)


def trigger_authentication(topology: Topology) -> Manifest | None:
    """Return where KEDA finds the password of Redis; None if Redis has none by reference."""
    password = marked(redis_password(topology.services[_redis(topology).service]))
    if not password:
        return None
    target = {"parameter": "password", "name": secret_name(topology), "key": password[0]}
    return manifest(
        "TriggerAuthentication",
        "keda.sh/v1alpha1",
        _redis(topology).service,
        {PART_OF: topology.approach},
        spec={"secretTargetRef": [target]},
    )


def lets_keda_in(topology: Topology) -> Manifest:
    """Return what lets KEDA connect to Redis."""
    service = topology.services[_redis(topology).service]
    stated = labels(topology.approach, service.name)
    spec = {
        "podSelector": {"matchLabels": stated},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [from_pods(*_OPERATOR)], "ports": [{"port": _port(service)}]}],
    }
    name = f"{service.name}-from-keda"
    return manifest("NetworkPolicy", "networking.k8s.io/v1", name, stated, spec=spec)


def leaves_replicas_to_keda(topology: Topology, service: str) -> Manifest:
    """Return the patch that takes the number of replicas out: each `apply` would set it back."""
    is_set = is_stateful(topology, topology.services[service])
    return {
        "target": {"kind": "StatefulSet" if is_set else "Deployment", "name": service},
        "patch": "- op: remove\n  path: /spec/replicas\n",
    }


def _trigger(topology: Topology, group: ConsumerGroup, namespace: str) -> Manifest:
    service = topology.services[_redis(topology).service]
    authentication = trigger_authentication(topology)
    metadata = {
        # KEDA asks from a namespace of its own
        "address": f"{service.name}.{namespace}.svc:{_port(service)}",
        "stream": group.stream,
        "consumerGroup": group.group,
        "lagCount": str(LAG_PER_REPLICA),
        "activationLagCount": "0",
    }
    reference = {"name": authentication["metadata"]["name"]} if authentication else None
    return without_empty(
        {"type": "redis-streams", "metadata": metadata, "authenticationRef": reference}
    )


def _port(service: Service) -> int:
    ports = container_ports(service)
    if not ports:
        raise UsageError(
            f"services.{service.name}: at which port it listens is not known",
            "list it under `expose:`",
        )
    return ports[0]


def _redis(topology: Topology) -> RedisFacts:
    if topology.redis is None:
        raise ValueError("a topology without Redis has no streams")
    return topology.redis
