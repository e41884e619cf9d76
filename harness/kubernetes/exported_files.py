"""All files of an exported approach, as a function of its topology; none is written before that."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError, unwritable
from harness.kubernetes import files, monitoring, scaling, traffic, volumes, workloads
from harness.kubernetes.losses import Loss, losses
from harness.kubernetes.manifest import PART_OF, Manifest, manifest
from harness.kubernetes.prometheus_files import Watched, watched
from harness.kubernetes.readme import readme
from harness.kubernetes.references import secret_name, secrets_of, with_references
from harness.kubernetes.yaml_text import yaml_text
from harness.topology import Service, Topology

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Export:
    """The texts of the files by their paths, and what of the compose file they do not say."""

    files: Mapping[str, str]
    losses: tuple[Loss, ...]


def export(topology: Topology, namespace: str | None = None) -> Export:
    """Return the manifests of an approach, for a namespace: its own name, if none is given.

    Raises UsageError for a name that Kubernetes does not take, and for files that it cannot hold.
    """
    referring = with_references(topology)
    namespace = namespace or topology.approach
    _check_names(referring, namespace)
    seen = watched(referring)
    folders = {"base": _base(referring, namespace)}
    if scaling.scaled_services(referring):
        folders["keda"] = _keda(referring, namespace)
    if seen.scrapes:
        folders["monitoring"] = _monitoring(referring, namespace, seen)
    lost = losses(referring, seen)
    comment = (
        f"Written by `harness export kubernetes {topology.approach}` from {topology.path.name}."
    )
    texts = {
        f"{folder}/{name}": yaml_text(comment, manifests)
        for folder, listed in folders.items()
        for name, manifests in listed.items()
    }
    readme_text = readme(referring, namespace, list(folders), lost)
    return Export({"README.md": readme_text, **texts}, tuple(lost))


def write(exported: Export, folder: Path) -> None:
    """Write the files into a new or empty folder (UsageError: it has something, or no file can)."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} is there already, and not empty", "name a new folder with --out"
            )
        for name, text in exported.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(folder, error) from error


def _check_names(topology: Topology, namespace: str) -> None:
    """Raise UsageError for a name that cannot be one: others know a service by it."""
    where = topology.path.name
    names = {f"{where}: the approach": topology.approach, "--namespace": namespace}
    names |= {f"{where}: services.{name}": name for name in topology.services}
    for place, name in names.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{place}: {name!r} is no name in Kubernetes",
                "use at most 63 lower-case letters, digits and hyphens, a letter first",
            )


def _base(topology: Topology, namespace: str) -> dict[str, list[Manifest]]:
    services = {
        f"{service.name}.yaml": _of_service(topology, service)
        for service in topology.services.values()
    }
    claims = volumes.claims(topology)
    applied = {**({"volume-claims.yaml": claims} if claims else {}), **services}
    built = workloads.built_images(topology)
    images = {"images": [_image(name) for name in built]} if built else {}
    kustomization = _kustomization(namespace, applied, **images)
    names = secrets_of(topology)
    secret = manifest(
        "Secret",
        "v1",
        secret_name(topology),
        {PART_OF: topology.approach},
        stringData=dict.fromkeys(names, ""),
    )
    example = {"secret.example.yaml": [secret]} if names else {}
    return {"kustomization.yaml": [kustomization], **example, **applied}


def _of_service(topology: Topology, service: Service) -> list[Manifest]:
    """Return all objects of a service, what the others refer to first."""
    found = (
        files.config_map(topology, service),
        workloads.network_service(topology, service),
        workloads.workload(topology, service),
        workloads.disruption_budget(topology, service),
        traffic.network_policy(topology, service),
    )
    return [one for one in found if one is not None]


def _keda(topology: Topology, namespace: str) -> dict[str, list[Manifest]]:
    services = scaling.scaled_services(topology)
    authentication = scaling.trigger_authentication(topology)
    objects = {
        f"{service}.yaml": [scaling.scaled_object(topology, service, namespace)]
        for service in services
    }
    applied = {
        **({"authentication.yaml": [authentication]} if authentication else {}),
        "network-policy.yaml": [scaling.lets_keda_in(topology)],
        **objects,
    }
    patches = [scaling.leaves_replicas_to_keda(topology, service) for service in services]
    kustomization = _kustomization(namespace, ["../base", *applied], patches=patches)
    return {"kustomization.yaml": [kustomization], **applied}


def _monitoring(topology: Topology, namespace: str, seen: Watched) -> dict[str, list[Manifest]]:
    rule = monitoring.prometheus_rule(topology, seen)
    applied = {
        "service-monitors.yaml": list(monitoring.service_monitors(topology, seen)),
        "network-policies.yaml": list(monitoring.lets_prometheus_in(topology, seen)),
        **({"prometheus-rule.yaml": [rule]} if rule else {}),
    }
    return {"kustomization.yaml": [_kustomization(namespace, applied)], **applied}


def _kustomization(namespace: str, resources: Iterable[str], **more: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": list(resources),
        **more,
    }


def _image(name: str) -> Manifest:
    """Return what replaces the name of an image: it is here that a registry is named."""
    folder, slash, last = name.rpartition("/")
    word, _, tag = last.partition(":")
    return {
        "name": f"{folder}{slash}{word}",
        "newName": f"{folder}{slash}{word}",
        "newTag": tag or "latest",
    }
