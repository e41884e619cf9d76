"""A whole campaign: blocks of runs, each saved as it ends, so that it can be resumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import analysis
from harness.campaign import environment, world
from harness.campaign.observer import Observer
from harness.campaign.plan import PlannedRun, plan_runs
from harness.campaign.protocol import Protocol
from harness.errors import UsageError
from harness.runtimes import Runtime
from harness.scenario import Scenario
from harness.store import Campaign, load_findings
from harness.topology import Topology, discover


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for: a scenario, and how to vary the approaches."""

    scenario: Scenario
    approaches: tuple[str, ...]
    runs: int
    seed: int
    scale: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)


def run(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Make a new campaign in `out` and conduct it; every finished run is on disk at once."""
    topologies = _topologies(request, root)
    planned = plan_runs(list(topologies), request.runs, request.seed)
    campaign = Campaign.create(out, _describe(request, topologies, planned, root, runtime))
    return _conduct(campaign, request, topologies, planned, runtime, observer)


def resume(path: Path, root: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Conduct the runs of a stored campaign that are not there yet, exactly as it was described."""
    campaign = Campaign.open(path)
    description = campaign.description()
    request = Request(
        scenario=Scenario.model_validate(description["scenario"]),
        approaches=tuple(description["approaches"]),
        runs=description["n_blocks"],
        seed=description["seed"],
        scale=description["scale"],
        settings={tuple(key.split(".", 1)): v for key, v in description["settings"].items()},
    )
    topologies = _topologies(request, root)
    for name, topology in topologies.items():
        if json.loads(json.dumps(topology.describe())) != description["topologies"][name]:
            raise UsageError(
                f"{topology.path} is not what it was when {path} was begun",
                "restore it, or begin a new campaign: runs of different systems cannot be mixed",
            )
    planned = [PlannedRun(**row) for row in description["order"]]
    return _conduct(campaign, request, topologies, planned, runtime, observer)


def summarise(campaign: Campaign) -> dict[str, Any]:
    """Derive summary.json from the stored runs."""
    runs = campaign.load_runs()
    audits = {
        run.index: load_findings(folder)
        for run, folder in zip(runs, campaign.run_folders(), strict=True)
    }
    summary: dict[str, Any] = analysis.summarise(campaign.description(), runs, audits)
    campaign.write_json("summary.json", summary)
    return summary


def _conduct(
    campaign: Campaign,
    request: Request,
    topologies: Mapping[str, Topology],
    planned: list[PlannedRun],
    runtime: Runtime,
    observer: Observer,
) -> Campaign:
    missing = [one for one in planned if not campaign.has_run(one.index, one.approach)]
    observer.campaign_begins(planned, len(planned) - len(missing), request.scenario.load_s)
    for one in missing:
        protocol = Protocol(
            one, request.scenario, request.seed, topologies[one.approach], runtime, observer
        )
        protocol.conduct(campaign)
    return campaign


def _topologies(request: Request, root: Path) -> dict[str, Topology]:
    found = discover(root)
    unknown = [name for name in request.approaches if name not in found]
    if unknown:
        raise UsageError(
            f"there is no approach named {unknown[0]!r}",
            f"known approaches: {', '.join(sorted(found)) or 'none'} "
            f"(docker-compose.<approach>.yml in {root})",
        )
    chosen = {name: found[name] for name in request.approaches or tuple(sorted(found))}
    if not chosen:
        raise UsageError(f"{root} holds no docker-compose.<approach>.yml", "run it in the project")
    variables = world.variables(request.scenario, request.seed)
    return _vary({name: one.with_variables(variables) for name, one in chosen.items()}, request)


def _vary(topologies: dict[str, Topology], request: Request) -> dict[str, Topology]:
    """Apply --scale and --set to every approach that has the service; one of them must."""
    services = {name for topology in topologies.values() for name in topology.services}
    for service in [*request.scale, *(service for service, _ in request.settings)]:
        if service not in services:
            raise UsageError(
                f"no approach has a service named {service!r}",
                f"services: {', '.join(sorted(services))}",
            )
    varied = {}
    for name, topology in topologies.items():
        scale = {s: n for s, n in request.scale.items() if s in topology.services}
        settings = {k: v for k, v in request.settings.items() if k[0] in topology.services}
        varied[name] = topology.with_scale(scale).with_settings(settings)
    return varied


def _describe(
    request: Request,
    topologies: Mapping[str, Topology],
    planned: list[PlannedRun],
    root: Path,
    runtime: Runtime,
) -> dict[str, Any]:
    return {
        "scenario": request.scenario.model_dump(mode="json"),
        "title": request.scenario.title,
        "approaches": list(topologies),
        "n_blocks": request.runs,
        "seed": request.seed,
        "scale": dict(request.scale),
        "settings": {".".join(key): value for key, value in request.settings.items()},
        "order": [
            {"index": one.index, "block": one.block, "approach": one.approach} for one in planned
        ],
        "topologies": {name: topology.describe() for name, topology in topologies.items()},
        "runtime": runtime.name,
        "environment": environment.capture(root),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
