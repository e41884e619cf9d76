"""What the systems ran on, as it was recorded: the runtime, the images, the limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.runtime_names import ATTACHED
from report.evidence import Evidence

SHORT_DIGEST = 12
"""How many digits of a digest are shown, as Docker does; `run.json` has them all."""
NOT_ENFORCED = "not enforced by the {runtime} runtime"


def rows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the rows of the report; what a campaign did not record yet has none."""
    yield "Runtime", _runtime(evidence.campaign)
    deployments = [
        run.record.deployment for run in evidence.runs if run.record.deployment is not None
    ]
    if images := _images(deployments):
        yield "Images", "; ".join(images)
    if deployments:  # each thing once: variants and runs share services
        limits = dict.fromkeys(one for each in deployments for one in _limits(each))
        yield "Limits", "; ".join(limits) or "none"
    if evidence.campaign.get("load_workers"):
        yield "Load from other machines", "; ".join(_load_workers(evidence)) or "none"


def _load_workers(evidence: Evidence) -> Iterator[str]:
    """Yield each process that was elsewhere, with the worst error of its clock over the runs."""
    errors_ms: dict[tuple[int, str, float], list[float]] = {}
    for run in evidence.runs:
        for one in run.record.load_workers:
            errors_ms.setdefault((one.process, one.host, one.cores), []).append(one.clock_error_ms)
    for (process, host, cores), known in sorted(errors_ms.items()):
        yield f"process {process} on {host} ({cores:g} cores; its clock to {max(known):.2f} ms)"


def _runtime(campaign: Mapping[str, Any]) -> str:
    facts = campaign.get("runtime_facts", {})
    known = _versions(facts)
    if campaign.get("runtime") == ATTACHED:
        known += ["brought up by somebody else", f"reset by {facts.get('reset', 'the harness')}"]
    one_machine = ", ".join([str(campaign.get("runtime", "not recorded")), *known])
    nodes = [f"{name}: {', '.join(_versions(one))}" for name, one in facts.get("nodes", {}).items()]
    return "; ".join([one_machine, *nodes])


def _versions(facts: Mapping[str, Any]) -> list[str]:
    return [
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


def _images(deployments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each image with its digest and the services that ran it."""
    services: dict[str, set[str]] = {}
    for deployment in deployments:
        for service, image in deployment["images"].items():
            services.setdefault(f"{image['image']} {_short(image['digest'])}", set()).add(service)
    return [f"{image} ({', '.join(sorted(names))})" for image, names in sorted(services.items())]


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
