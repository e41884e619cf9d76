"""Reads exported manifests as Kubernetes does, and compares a pod with what its compose file says.

Nothing here is the exporter's: references are followed, variables filled in, and files looked up
from the written text alone.
"""

import base64
import copy
import math
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from harness.kubernetes import Export
from harness.runtimes.ports import container_ports
from harness.topology import HealthCheck, Service, Topology

_VARIABLE = re.compile(r"\$\$|\$\(([-._A-Za-z][-._A-Za-z0-9]*)\)")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BYTES_OF = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def documents(exported: Export, folder: str) -> dict[str, list[dict[str, Any]]]:
    """Return the documents of every YAML file below a folder of an export, by file."""
    return {
        name: list(yaml.load_all(text, _Loader))
        for name, text in exported.files.items()
        if name.startswith(f"{folder}/")
    }


def objects(exported: Export) -> list[dict[str, Any]]:
    """Return every object of an export, the example of a Secret among them."""
    folders = sorted({name.partition("/")[0] for name in exported.files if "/" in name})
    return [
        one
        for folder in folders
        for found in documents(exported, folder).values()
        for one in found
        if one["kind"] != "Kustomization"
    ]


@dataclass
class Cluster:
    """The objects of a folder, by kind and name, and the secrets that somebody has put beside."""

    objects: dict[tuple[str, str], dict[str, Any]]
    secrets: Mapping[str, str]

    def of_kind(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: one for (found, name), one in self.objects.items() if found == kind}

    def workload(self, service: str) -> dict[str, Any]:
        """Find what runs a service."""
        kinds = ("Deployment", "StatefulSet", "Job")
        (found,) = [
            one for (kind, name), one in self.objects.items() if kind in kinds and name == service
        ]
        return found


def cluster(exported: Export, secrets: Mapping[str, str], folder: str = "base") -> Cluster:
    """Read the objects that the kustomization of a folder lists."""
    read = documents(exported, folder)
    (kustomization,) = read[f"{folder}/kustomization.yaml"]
    listed = [name for name in kustomization["resources"] if not name.startswith("..")]
    found = [one for name in listed for one in read[f"{folder}/{name}"]]
    objects = {(one["kind"], one["metadata"]["name"]): copy.deepcopy(one) for one in found}
    assert len(objects) == len(found)
    return Cluster(objects, secrets)


@dataclass
class Pod:
    """What a container of a service finds, and what is known of it."""

    kind: str
    replicas: int
    container: dict[str, Any]
    grace_s: int
    environment: dict[str, str]
    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    """Paths at which it has a volume that outlives it."""


def pod(of: Cluster, service: str) -> Pod:
    """Read the pod of a service as the kubelet would."""
    workload = of.workload(service)
    spec = workload["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    environment = _environment(container, of.secrets)
    read = Pod(
        kind=workload["kind"],
        replicas=workload["spec"].get("replicas", 1),
        container=container,
        grace_s=spec["terminationGracePeriodSeconds"],
        environment=environment,
        arguments=tuple(_expanded(word, environment) for word in container.get("args", [])),
    )
    volumes = {one["name"]: one for one in spec.get("volumes", [])}
    templates = workload["spec"].get("volumeClaimTemplates", [])
    claims = {one["metadata"]["name"] for one in templates}
    written = _written(spec.get("initContainers", []), of.secrets)
    for mount in container.get("volumeMounts", []):
        path = mount["mountPath"]
        if mount["name"] in claims or "persistentVolumeClaim" in volumes[mount["name"]]:
            read.claimed.add(path)
        elif "emptyDir" in volumes[mount["name"]]:
            read.files[path] = written[mount["name"], mount["subPath"]]
        else:
            read.files |= _of_config_map(of, volumes[mount["name"]]["configMap"], mount)
    return read


def differences(service: Service, found: Pod, secrets: Mapping[str, str]) -> list[str]:
    """Return the keys of a service that its pod does not have as they are in the compose file."""
    return [*_different_words(service, found, secrets), *_different_numbers(service, found)]


def lets_in(of: Cluster, topology: Topology, caller: str, service: str, port: int) -> bool:
    """Return True if the policies of a cluster let a service connect to another at a port."""
    labels = of.workload(caller)["spec"]["template"]["metadata"]["labels"] if caller else {}
    target = of.workload(service)["spec"]["template"]["metadata"]["labels"]
    policies = [
        one["spec"]
        for one in of.of_kind("NetworkPolicy").values()
        if one["spec"]["podSelector"]["matchLabels"].items() <= target.items()
    ]
    assert policies, f"nothing protects {service} of {topology.approach}"
    return any(
        port in [one["port"] for one in rule["ports"]] and _is_from(rule, labels)
        for policy in policies
        for rule in policy["ingress"]
    )


def _is_from(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if "from" not in rule:
        return True
    return any(
        "namespaceSelector" not in one
        and one["podSelector"]["matchLabels"].items() <= labels.items()
        for one in rule["from"]
    )


def _different_words(service: Service, found: Pod, secrets: Mapping[str, str]) -> Iterator[str]:
    for key, text in service.environment.items():
        if found.environment.get(key) != text:
            yield f"environment.{key}"
    for key in found.environment.keys() - service.environment.keys():
        if found.environment[key] not in secrets.values():
            yield f"environment.{key} is new"
    if found.arguments != service.command:
        yield "command"
    for mount in service.mounts:
        if mount.named and mount.target not in found.claimed:
            yield f"volumes.{mount.target}"
    for path, content in _files(service):
        if found.files.get(path) != content:
            yield f"files.{path}"


def _files(service: Service) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every file that a service finds in its container."""
    for mount in service.mounts:
        source = Path(mount.source)
        if mount.named:
            continue
        for path in source.rglob("*") if source.is_dir() else [source]:
            if path.is_file():
                yield str(PurePosixPath(mount.target) / path.relative_to(source)), path.read_bytes()
    for config in service.configs:
        yield config.target, config.content.encode()


def _different_numbers(service: Service, found: Pod) -> Iterator[str]:
    container = found.container
    ports = tuple(one["containerPort"] for one in container.get("ports", []))
    if ports != container_ports(service):
        yield "ports"
    if found.replicas != service.replicas:
        yield "deploy.replicas"
    if found.grace_s != math.ceil(service.stop_grace_period_s):
        yield "stop_grace_period"
    if service.image and container["image"] != service.image:
        yield "image"
    limits = container.get("resources", {}).get("limits", {})
    cpus = float(limits["cpu"]) if "cpu" in limits else None
    if (cpus, _bytes(limits.get("memory"))) != (service.limits.cpus, service.limits.memory_bytes):
        yield "deploy.resources.limits"
    if service.healthcheck:
        yield from _different_probes(service.healthcheck, container)
    elif "readinessProbe" in container or "startupProbe" in container:
        yield "healthcheck is new"


def _different_probes(check: HealthCheck, container: Mapping[str, Any]) -> Iterator[str]:
    ready, start = container.get("readinessProbe"), container.get("startupProbe")
    if not ready or not start:
        yield "healthcheck"
        return
    asked = ["/bin/sh", "-c", *check.test] if check.shell else list(check.test)
    for name, probe in (("readiness", ready), ("startup", start)):
        if probe["exec"]["command"] != asked or probe["timeoutSeconds"] != check.timeout_s:
            yield f"healthcheck.test ({name})"
    if (ready["periodSeconds"], ready["failureThreshold"]) != (check.interval_s, check.retries):
        yield "healthcheck.interval, retries"
    if start["periodSeconds"] * start["failureThreshold"] < check.longest_wait_s:
        yield "healthcheck.start_period"


def _environment(container: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in container.get("env", []):
        if "valueFrom" in one:
            found[one["name"]] = secrets[one["valueFrom"]["secretKeyRef"]["key"]]
        else:
            assert isinstance(one["value"], str), one
            found[one["name"]] = _expanded(one["value"], found)
    return found


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """Fill in ``$(NAME)`` as Kubernetes does: what has no value stays, ``$$`` is a dollar sign."""
    return _VARIABLE.sub(
        lambda match: environment.get(match[1], match[0]) if match[1] else "$", text
    )


def _written(
    containers: list[dict[str, Any]], secrets: Mapping[str, str]
) -> dict[tuple[str, str], bytes]:
    """Run what runs before a container, and return the files it wrote, by volume and name."""
    found: dict[tuple[str, str], bytes] = {}
    for container in containers:
        (mount,) = container["volumeMounts"]
        with tempfile.TemporaryDirectory() as folder:
            shell, flag, script = container["command"]
            words = [shell, flag, script.replace(mount["mountPath"], folder)]
            subprocess.run(words, check=True, env=_environment(container, secrets))
            for path in Path(folder).iterdir():
                found[mount["name"], path.name] = path.read_bytes()
    return found


def _of_config_map(
    of: Cluster, source: Mapping[str, Any], mount: Mapping[str, Any]
) -> dict[str, bytes]:
    stored = of.objects["ConfigMap", source["name"]]
    content = {key: text.encode() for key, text in stored.get("data", {}).items()}
    content |= {key: base64.b64decode(one) for key, one in stored.get("binaryData", {}).items()}
    if "subPath" in mount:
        return {mount["mountPath"]: content[mount["subPath"]]}
    items = source["items"]
    return {f"{mount['mountPath']}/{one['path']}": content[one["key"]] for one in items}


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    unit = text[-2:]
    return int(text[:-2]) * _BYTES_OF[unit] if unit in _BYTES_OF else int(text)
