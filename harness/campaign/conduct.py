"""A whole campaign: blocks of runs, each saved as it ends, so that it can be resumed."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.campaign import environment, looks, world
from harness.campaign.observer import Observer
from harness.campaign.plan import PlannedRun, plan_runs
from harness.campaign.protocol import Protocol
from harness.campaign.systems import Request, Systems, systems, without_case
from harness.errors import UsageError
from harness.runtimes import Runtime
from harness.scenario import Scenario
from harness.store import Campaign


def run(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Make a new campaign in `out` and conduct it; every finished run is on disk at once."""
    found = systems(request, root)
    _check(found, request.scenario, runtime)
    if request.until_decided:
        looks.check(request.scenario, approaches=len(found))
    planned = plan_runs(found, request.runs, request.seed)
    campaign = Campaign.create(out, _describe(request, planned, root, runtime))
    return _conduct(campaign, request, found, planned, runtime, observer)


def resume(path: Path, root: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Conduct the runs of a stored campaign that are not there yet, exactly as it was described."""
    campaign = Campaign.open(path)
    description = campaign.description()
    if runtime.name != description["runtime"]:
        raise UsageError(
            f"{path} was begun with --runtime {description['runtime']}, not {runtime.name}",
            "leave --runtime out, or begin a new campaign: runs of both cannot be mixed",
        )
    request = Request(
        scenario=Scenario.model_validate(description["scenario"]),
        approaches=tuple(description["approaches"]),
        runs=description["n_blocks"],
        seed=description["seed"],
        source=str(path / "campaign.json"),
        cases=tuple(description.get("cases", ())),
        scale=description["scale"],
        settings={tuple(key.split(".", 1)): v for key, v in description["settings"].items()},
        until_decided="looks" in description,
    )
    found = systems(request, root)
    for name, topology in without_case(request, root).items():
        if json.loads(json.dumps(topology.describe())) != description["topologies"][name]:
            raise UsageError(
                f"{topology.path} is not what it was when {path} was begun",
                "restore it, or begin a new campaign: runs of different systems cannot be mixed",
            )
    _check(found, request.scenario, runtime)
    planned = [PlannedRun(**{"seed": request.seed, **row}) for row in description["order"]]
    return _conduct(campaign, request, found, planned, runtime, observer)


def _check(found: Systems, scenario: Scenario, runtime: Runtime) -> None:
    """Raise UsageError for what the runtime cannot do, while nothing is deployed or written."""
    for (_, case), topology in found.items():
        runtime.check(topology, scenario.faults_of(case))


def _conduct(
    campaign: Campaign,
    request: Request,
    found: Systems,
    planned: list[PlannedRun],
    runtime: Runtime,
    observer: Observer,
) -> Campaign:
    """Make every run that is missing; if the number is not fixed, as many as it takes."""
    scenario = request.scenario

    def make_runs(blocks: int) -> None:
        due = [one for one in planned if one.block <= blocks]
        missing = [one for one in due if not campaign.has_run(one.index, one.approach)]
        observer.campaign_begins(due, len(due) - len(missing), scenario)
        for one in missing:
            variables = world.variables(scenario, one.seed)
            topology = found[one.approach, one.case].with_variables(variables)
            Protocol(one, scenario, topology, runtime, observer).conduct(campaign)

    if request.until_decided:
        looks.conduct(campaign, make_runs, observer)
    else:
        make_runs(request.runs)
    return campaign


def _describe(
    request: Request,
    planned: list[PlannedRun],
    root: Path,
    runtime: Runtime,
) -> dict[str, Any]:
    topologies = without_case(request, root)
    approaches = [name for name in topologies if any(one.approach == name for one in planned)]
    run_cases = {one.case for one in planned}
    return {
        **({"looks": looks.declared()} if request.until_decided else {}),
        "scenario": request.scenario.model_dump(mode="json"),
        "title": request.scenario.title,
        "approaches": approaches,
        "cases": [case.name for case in request.scenario.cases if case.name in run_cases],
        "n_blocks": request.runs,
        "seed": request.seed,
        "scale": dict(request.scale),
        "settings": {".".join(key): value for key, value in request.settings.items()},
        "order": [asdict(one) for one in planned],
        "topologies": {name: topologies[name].describe() for name in approaches},
        "runtime": runtime.name,
        "runtime_facts": runtime.facts(),
        "environment": environment.capture(root),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
