"""What the systems ran on, as it was recorded: the runtime, the images, the limits."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from report.evidence import Evidence

SHORT_DIGEST = 12
"""How many digits of a digest are shown, as Docker does; `run.json` has them all."""
NOT_ENFORCED = "not enforced by the {runtime} runtime"


def rows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the rows of the report; what a campaign did not record yet has none."""
    yield "Runtime", _runtime(evidence.campaign)
    deployments = [
        run.record["deployment"]
        for approach in evidence.approaches
        for run in approach.runs
        if "deployment" in run.record
    ]
    images = _distinct(map(_images, deployments))
    if images:
        yield "Images", images
    if deployments:
        yield "Limits", _distinct(map(_limits, deployments)) or "none"


def _runtime(campaign: Mapping[str, Any]) -> str:
    facts = campaign.get("runtime_facts", {})
    known = [
        f"{title} {facts[name]}"
        for name, title in (
            ("engine", "engine"),
            ("api", "API"),
            ("compose", "Compose"),
            ("cgroup", "cgroup"),
            ("storage", "storage"),
        )
        if name in facts
    ]
    return ", ".join([str(campaign.get("runtime", "not recorded")), *known])


def _images(deployment: Mapping[str, Any]) -> list[str]:
    """Return each image with its digest and the services that ran it."""
    services: dict[str, list[str]] = {}
    for service, image in sorted(deployment["images"].items()):
        services.setdefault(f"{image['image']} {_short(image['digest'])}", []).append(service)
    return [f"{image} ({', '.join(names)})" for image, names in services.items()]


def _short(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:SHORT_DIGEST]}"


def _limits(deployment: Mapping[str, Any]) -> list[str]:
    """Return what each limited service may use, and whether anything sees to it."""
    said = []
    for service, limits in sorted(deployment["limits"].items()):
        cpus, memory_bytes = limits["cpus"], limits["memory_bytes"]
        parts = [f"{cpus:g} CPU"] if cpus is not None else []
        parts += [f"{memory_bytes / 2**20:g} MiB"] if memory_bytes is not None else []
        if parts and not limits["enforced"]:
            parts.append(NOT_ENFORCED.format(runtime=deployment["runtime"]))
        if parts:
            said.append(f"{service}: {', '.join(parts)}")
    return said


def _distinct(said: Iterable[list[str]]) -> str:
    """Join what the deployments say, each thing once: approaches share services."""
    return "; ".join(dict.fromkeys(one for texts in said for one in texts))
