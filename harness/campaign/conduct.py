"""A whole campaign: blocks of runs, each saved as it ends, so that it can be resumed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.analysis.comparability import has_one_seed
from harness.campaign import environment, looks, world
from harness.campaign.execution import Protocol
from harness.campaign.observer import Observer
from harness.campaign.plan import PlannedRun, plan_runs
from harness.campaign.systems import Request, Systems, systems, without_case
from harness.errors import UsageError
from harness.results.store import SCHEMA_VERSION, Campaign
from harness.runtimes import Runtime, with_proxies
from harness.scenario.faults import frozen_services
from harness.scenario.model import Scenario


@dataclass(frozen=True, slots=True)
class Blocks:
    """The runs of a campaign, made block by block; who conducts it decides how many."""

    campaign: Campaign
    request: Request
    _found: Systems
    _planned: Sequence[PlannedRun]
    _runtime: Runtime
    _observer: Observer

    def make(self, blocks: int, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Make the runs of the first `blocks` blocks that are missing, while `goes_on()`."""
        scenario = self.request.scenario
        due = [one for one in self._planned if one.block <= blocks]
        missing = [one for one in due if not self.campaign.has_run(one.index, one.approach)]
        self._observer.campaign_begins(due, len(due) - len(missing), scenario)
        for one in missing:
            if not goes_on():
                return
            variables = world.variables(scenario, one.seed)
            topology = self._found[one.approach, one.case].with_variables(variables)
            topology = with_proxies(topology, frozen_services(scenario.faults_of(one.case)))
            Protocol(one, scenario, topology, self._runtime, self._observer).conduct(self.campaign)


def run(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Make a new campaign in `out` and conduct it; every finished run is on disk at once."""
    return _conduct(begin(request, root, out, runtime, observer), observer)


def resume(path: Path, root: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Conduct the runs of a stored campaign that are not there yet, exactly as it was described."""
    return _conduct(reopen(path, root, runtime, observer), observer)


def begin(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Blocks:
    """Write down a new campaign in `out`; nothing is deployed yet."""
    found = systems(request, root)
    _check(found, request.scenario, runtime)
    if request.until_decided:
        looks.check(request.scenario, approaches=len(found))
    planned = _plan(found, request)
    campaign = Campaign.create(out, _describe(request, planned, root, runtime))
    return Blocks(campaign, request, found, planned, runtime, observer)


def describe(request: Request, root: Path, runtime: Runtime) -> dict[str, Any]:
    """Return what campaign.json of such a campaign would say, without making one."""
    planned = _plan(systems(request, root), request)
    return {"schema_version": SCHEMA_VERSION, **_describe(request, planned, root, runtime)}


def reopen(path: Path, root: Path, runtime: Runtime, observer: Observer) -> Blocks:
    """Go on with a stored campaign (UsageError: its systems are not what they were)."""
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
        same_seed=has_one_seed(description),
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
    return Blocks(campaign, request, found, planned, runtime, observer)


def _plan(found: Systems, request: Request) -> list[PlannedRun]:
    return plan_runs(found, request.runs, request.seed, same_seed=request.same_seed)


def _check(found: Systems, scenario: Scenario, runtime: Runtime) -> None:
    """Raise UsageError for what the runtime cannot do, while nothing is deployed or written."""
    for (_, case), topology in found.items():
        listed = scenario.faults_of(case)
        services = (None, *topology.services)
        runtime.check(topology, [fault for fault in listed if fault.service in services])


def _conduct(blocks: Blocks, observer: Observer) -> Campaign:
    """Make every run that is missing; if the number is not fixed, as many as it takes."""
    if blocks.request.until_decided:
        looks.conduct(blocks, observer)
    else:
        blocks.make(blocks.request.runs)
    return blocks.campaign


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
        "same_seed": request.same_seed,
        "scale": dict(request.scale),
        "settings": {".".join(key): value for key, value in request.settings.items()},
        "order": [asdict(one) for one in planned],
        "topologies": {name: topologies[name].describe() for name in approaches},
        "runtime": runtime.name,
        "runtime_facts": runtime.facts(),
        "environment": environment.capture(root),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
