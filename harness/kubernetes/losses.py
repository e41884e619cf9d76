"""What a compose file says and a manifest cannot, so that none of it is lost without a word."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.kubernetes import volumes
from harness.kubernetes.files import mounted_files, secret_files
from harness.kubernetes.probes import asked_at_start_s, whole_seconds
from harness.kubernetes.prometheus_files import Watched, services_of_profiles
from harness.kubernetes.references import marked
from harness.kubernetes.traffic import callers
from harness.kubernetes.workloads import PULL_POLICIES
from harness.runtimes.ports import container_ports
from harness.runtimes.store_urls import redis_password
from harness.topology import Condition, Service, Topology, secrets
from harness.topology.section import read_yaml

EXPORTED: Final = {
    "command": "`args` of the container: an image keeps its entry point",
    "configs": "a ConfigMap; an init container writes a file that has a secret in it",
    "cpus": "`resources.limits`",
    "depends_on": "who is let in by the NetworkPolicy",
    "deploy": "`replicas`, `resources.limits`",
    "env_file": "`env`, as what stands under `environment`",
    "environment": "`env`; a secret is a reference to the Secret",
    "expose": "ports of the container and of the Service",
    "healthcheck": "`startupProbe`, `readinessProbe`",
    "image": "`image`",
    "mem_limit": "`resources.limits`",
    "ports": "a port of the Service, where the NetworkPolicy lets everybody in",
    "pull_policy": "`imagePullPolicy`",
    "stop_grace_period": "`terminationGracePeriodSeconds`",
    "volumes": "a ConfigMap for files of the project, a claim for a named volume",
}
"""Where the keys of a service are in the manifests."""
NAMED: Final = ("build", "init", "mem_reservation", "restart", "shm_size", "stop_signal")
"""The keys of a service of which the manifests have nothing."""
_DOCKERS_DNS = "127.0.0.11"


@dataclass(frozen=True, slots=True)
class Loss:
    """A key of some services, and what becomes of it."""

    key: str
    services: tuple[str, ...]
    words: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.key}: {', '.join(self.services)}: {self.words}"


def losses(topology: Topology, watched: Watched) -> list[Loss]:
    """Return what is lost or different, the same words of several services once."""
    services: dict[tuple[str, str], list[str]] = {}
    for service in topology.services.values():
        for key, words in _of_service(topology, service, _written(topology, service)):
            services.setdefault((key, words), []).append(service.name)
    profiles = tuple(services_of_profiles(topology))
    found = [Loss(key, tuple(names), words) for (key, words), names in services.items()]
    if profiles:
        words = "services of a profile are left out; monitoring/ is for the cluster's own operator"
        found.append(Loss("profiles", profiles, words))
        found += [Loss("prometheus.yml", profiles, f"{one}: not exported") for one in watched.lost]
    return sorted(found, key=lambda loss: (loss.key, loss.words))


def _of_service(
    topology: Topology, service: Service, written: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield the keys of a service of which something is lost, each with what."""
    yield from ((key, "not exported") for key in written if not _is_known(key))
    if service.built:
        yield "build", "Kubernetes builds nothing: build, push, and name the image in base/"
    if written.get("init"):
        yield "init", "there is no such key: the container's program is its process 1"
    if "mem_reservation" in written:
        yield "mem_reservation", "nothing is reserved: write a request of memory"
    if "restart" in written:
        yield "restart", "a container of a Deployment is always started again"
    if "shm_size" in written:
        yield "shm_size", "shared memory is as large as the cluster has it"
    if service.stop_signal:
        yield "stop_signal", f"{service.stop_signal}: the signal of the image is sent"
    if service.pull_policy and service.pull_policy not in PULL_POLICIES:
        yield "pull_policy", f"{service.pull_policy}: there is no such policy"
    for published in service.published:
        yield (
            "ports",
            (
                f"no machine's loopback has it: kubectl port-forward service/{service.name} "
                f"{published.host or ''}:{published.container}"
            ),
        )
    unlisted = {port for ports in callers(topology, service).values() for port in ports}
    for port in sorted(unlisted - set(container_ports(service))):
        yield "expose", f"others connect to port {port}, which is not listed: no Service has it"
    yield from _of_dependencies(service)
    yield from _of_durations(service)
    yield from _of_secrets(topology, service)
    yield from _of_files(service)
    yield from _of_volumes(topology, service)


def _is_known(key: str) -> bool:
    return key in EXPORTED or key in NAMED or key.startswith("x-")


def _written(topology: Topology, service: Service) -> Mapping[str, Any]:
    """Return a service as it stands in the file; nothing if it stands in none."""
    document = read_yaml(topology.path)
    services = document.get("services") if isinstance(document, Mapping) else None
    written = services.get(service.name) if isinstance(services, Mapping) else None
    return written if isinstance(written, Mapping) else {}


def _of_dependencies(service: Service) -> Iterator[tuple[str, str]]:
    conditions = service.depends_on.values()
    if conditions:
        yield (
            "depends_on",
            (
                "there is no order of start: a container that ends because it found nobody is "
                "started again"
            ),
        )
    if Condition.COMPLETED in conditions:
        yield "depends_on", "nothing waits for a Job to be done"


def _of_durations(service: Service) -> Iterator[tuple[str, str]]:
    stated = {"stop_grace_period": (service.stop_grace_period_s, 0)}
    if check := service.healthcheck:
        stated |= {
            "healthcheck.interval": (check.interval_s, 1),
            "healthcheck.timeout": (check.timeout_s, 1),
        }
        if check.start_period_s:
            stated["healthcheck.start_interval"] = (asked_at_start_s(check), 1)
    for key, (duration_s, least_s) in stated.items():
        rounded_s = whole_seconds(duration_s) if least_s else math.ceil(duration_s)
        if rounded_s != duration_s:
            yield key, f"{duration_s:g} s are {rounded_s} s: there are whole seconds only"


def _of_secrets(topology: Topology, service: Service) -> Iterator[tuple[str, str]]:
    for key, text in service.environment.items():
        if text and not marked(text) and secrets.strike_out(text, (), key) != text:
            yield (
                f"environment.{key}",
                (
                    "its secret stands in the compose file, so it stands in the manifest: "
                    f"write ${{{key}:?}} there"
                ),
            )
    is_redis = topology.redis is not None and service.name == topology.redis.service
    password = redis_password(service) if is_redis else ""
    if password and not marked(password):
        yield "environment.REDISCLI_AUTH", "KEDA is not told a password that is no reference"
    if secret_files(service):
        yield "configs", "its image must have /bin/sh, which writes the file with the secret"


def _of_files(service: Service) -> Iterator[tuple[str, str]]:
    for mount in service.mounts:
        if mount.named:
            continue
        if not mount.read_only:
            yield "volumes", f"{mount.target}: a file of a ConfigMap cannot be written to"
        source = Path(mount.source)
        if source.is_file() and source.stat().st_mode & 0o111:
            yield "volumes", f"{mount.target}: a file of a ConfigMap cannot be executed"
    for file in mounted_files(service):
        if file.text is not None and _DOCKERS_DNS in file.text:
            yield "volumes", f"{file.target}: names {_DOCKERS_DNS}, which is Docker's name server"


def _of_volumes(topology: Topology, service: Service) -> Iterator[tuple[str, str]]:
    if volumes.is_store(topology, service) and not volumes.named_mounts(topology, service):
        yield (
            "volumes",
            ("the data folder of its image is not known, so it is not kept: name a volume there"),
        )
    for mount in volumes.named_mounts(topology, service):
        yield (
            "volumes",
            (f"{mount.target}: a claim of {volumes.SIZE}, of the cluster's default storage class"),
        )
        if volumes.is_shared(topology, mount.source):
            yield "volumes", f"{mount.target}: several pods share it (ReadWriteMany)"
        if not volumes.is_store(topology, service):
            yield "volumes", f"{mount.target}: a new volume is root's: another user needs fsGroup"
