"""A whole campaign: blocks of runs, each saved as it ends, so that it can be resumed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.analysis.comparability import has_one_seed
from harness.campaign import compose_variables, environment, interim_looks
from harness.campaign.execution import execute_run
from harness.campaign.observer import Observer
from harness.campaign.schedule import PlannedRun, plan_runs
from harness.campaign.topologies import Request, Topologies, described, finished, topologies
from harness.campaign.variants import Variant
from harness.errors import InfrastructureError, UsageError
from harness.load import LoadWorkers
from harness.results.record import SCHEMA_VERSION
from harness.results.store import Campaign
from harness.runtime_names import ATTACHED
from harness.runtimes import Runtime
from harness.scenario.faults import frozen_services
from harness.scenario.model import Scenario
from harness.topology import Topology


@dataclass(frozen=True, slots=True)
class Blocks:
    """The runs of a campaign, made block by block; the caller decides how many."""

    campaign: Campaign
    request: Request
    _topologies: Topologies
    _planned: Sequence[PlannedRun]
    _runtime: Runtime
    _observer: Observer

    def make(self, blocks: int, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Make the runs of the first `blocks` blocks that are missing, while `goes_on()`."""
        scenario = self.request.scenario
        due = [one for one in self._planned if one.block <= blocks]
        missing = [one for one in due if not self.campaign.has_run(one.index, one.variant)]
        self._observer.campaign_begins(due, len(due) - len(missing), scenario)
        for one in missing:
            if not goes_on():
                return
            self.make_run(one)

    @property
    def planned(self) -> Sequence[PlannedRun]:
        """Return every run of the plan, in order."""
        return self._planned

    @property
    def missing(self) -> list[PlannedRun]:
        """Return the runs of the plan that are not made yet."""
        runs = self._planned
        return [one for one in runs if not self.campaign.has_run(one.index, one.variant)]

    def extended(self, variant: Variant, block: int, root: Path) -> "Blocks":
        """Plan one run more, of a block of a variant that may be new to the campaign.

        Raises UsageError for a variant that cannot be measured; then nothing is planned.
        """
        alone = replace(self.request, variants=[variant], baseline=None)
        found = _checked(alone, root, self._runtime)
        known = {one.name: one for one in self.request.variants}
        variants = list((known | {variant.name: variant}).values())
        request = replace(self.request, variants=variants, runs=max(self.request.runs, block))
        seed = request.seed if request.same_seed else request.seed + block - 1
        run = PlannedRun(len(self._planned) + 1, block, variant.name, seed)
        planned = [*self._planned, run]
        description = self.campaign.description()
        description |= {
            "variants": [one.as_json() for one in variants],
            "n_blocks": request.runs,
            "order": [asdict(one) for one in planned],
            "topologies": description["topologies"] | described(alone, root),
        }
        self.campaign.write_json("campaign.json", description)
        found = {**self._topologies, **found}
        return replace(self, request=request, _topologies=found, _planned=planned)

    def make_run(self, planned: PlannedRun) -> None:
        """Make a run under its variant's scenario; whatever breaks, the error names the run."""
        variant = self.request.variant(planned.variant)
        scenario = variant.scenario_of(self.request.scenario)
        topology = self._deployed(planned, scenario)
        try:
            execute_run(
                planned,
                scenario,
                topology,
                self._runtime,
                self.campaign,
                self._observer,
                self.request.load_workers,
            )
        except InfrastructureError as error:
            where = f"run {planned.index} ({planned.variant})"
            raise InfrastructureError(f"{where}: {error.message}", error.hint) from error

    def _deployed(self, planned: PlannedRun, scenario: Scenario) -> Topology:
        """Return what is deployed for a run: its payments and secrets are its own."""
        variables = compose_variables.variables(scenario, planned.seed)
        topology = self._topologies[planned.variant, planned.case].with_variables(variables)
        frozen = frozen_services(scenario.faults_of(planned.case))
        return finished(topology, self.request.variant(planned.variant), frozen)


def check(request: Request, root: Path, out: Path, runtime: Runtime) -> None:
    """Raise UsageError for what `begin` would refuse; nothing is deployed or written."""
    _checked(request, root, runtime)
    Campaign.check_free(out)


def run(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Campaign:
    """Make a new campaign in `out`, with all its runs; each is on disk as soon as it ends."""
    return _make_all(begin(request, root, out, runtime, observer), observer)


def resume(
    path: Path,
    root: Path,
    runtime: Runtime,
    observer: Observer,
    load_workers: LoadWorkers | None = None,
) -> Campaign:
    """Make the runs of a stored campaign that are not there yet, exactly as it was described.

    `load_workers` are as many as it was begun with, wherever they are now.

    Raises UsageError for a search for a capacity, which plans its runs as it goes.
    """
    if "capacity" in Campaign.open(path).description():
        raise UsageError(
            f"{path} is a search for a capacity", f"continue with: harness capacity --resume {path}"
        )
    blocks = reopen(path, root, runtime, observer, load_workers=load_workers)
    return _make_all(blocks, observer)


def begin(request: Request, root: Path, out: Path, runtime: Runtime, observer: Observer) -> Blocks:
    """Write down a new campaign in `out`; nothing is deployed yet."""
    found = _checked(request, root, runtime)
    planned = _plan(found, request)
    campaign = Campaign.create(out, _describe(request, planned, root, runtime))
    return Blocks(campaign, request, found, planned, runtime, observer)


def describe(request: Request, root: Path, runtime: Runtime) -> dict[str, Any]:
    """Return what campaign.json of such a campaign would say, without making one."""
    planned = _plan(topologies(request, root), request)
    return {"schema_version": SCHEMA_VERSION, **_describe(request, planned, root, runtime)}


def reopen(
    path: Path,
    root: Path,
    runtime: Runtime,
    observer: Observer,
    folders: Mapping[str, Path] | None = None,
    load_workers: LoadWorkers | None = None,
) -> Blocks:
    """Go on with a stored campaign; `folders` says where the sources of variants lie now, by name.

    Raises UsageError if what it measures is not what it was.
    """
    campaign = Campaign.open(path)
    description = campaign.description()
    if runtime.name != description["runtime"]:
        raise UsageError(
            f"{path} was begun with --runtime {description['runtime']}, not {runtime.name}",
            "leave --runtime out, or begin a new campaign: runs of both cannot be mixed",
        )
    if description.get("load_workers") != _described_workers(load_workers):
        raise UsageError(
            f"{path}: other processes of the load were on other machines when it was begun",
            "say the same with --load-master and --load-workers, or begin a new campaign",
        )
    _check_nodes(path, description.get("runtime_facts", {}), runtime)
    _check_endpoints(path, description.get("runtime_facts", {}), runtime)
    request = Request(
        scenario=Scenario.model_validate(description["scenario"]),
        variants=[_stored_variant(one, folders or {}) for one in description["variants"]],
        runs=description["n_blocks"],
        seed=description["seed"],
        source=str(path / "campaign.json"),
        cases=tuple(description.get("cases", ())),
        baseline=description["baseline"],
        until_decided="looks" in description,
        same_seed=has_one_seed(description),
        load_workers=load_workers,
    )
    found = topologies(request, root)
    for name, known in described(request, root).items():
        if json.loads(json.dumps(known)) != description["topologies"][name]:
            raise UsageError(
                f"{known['file']} is not what it was when {path} was begun",
                "restore it, or begin a new campaign: runs of different systems cannot be mixed",
            )
    _check(found, request.scenario, runtime)
    planned = [PlannedRun(**{"seed": request.seed, **row}) for row in description["order"]]
    return Blocks(campaign, request, found, planned, runtime, observer)


def _check_nodes(path: Path, begun_with: Mapping[str, Any], runtime: Runtime) -> None:
    """Raise UsageError if a runtime has other nodes than a campaign was begun with."""
    before, now = (
        [(name, one["engine_at"], one["services"]) for name, one in facts.get("nodes", {}).items()]
        for facts in (begun_with, runtime.facts())
    )
    if before != now:
        said = " and ".join(
            ", ".join(name for name, *_ in nodes) or "one machine" for nodes in (before, now)
        )
        raise UsageError(
            f"{path} was begun on other nodes, or with other services on them: {said}",
            "name the same ones by --nodes, or begin a new campaign",
        )


def _check_endpoints(path: Path, begun_with: Mapping[str, Any], runtime: Runtime) -> None:
    """Raise UsageError if endpoints say more, or less, of a deployment than they did."""
    now = json.loads(json.dumps(runtime.facts()))
    if runtime.name != ATTACHED or now == begun_with:
        return
    names = sorted(name for name in {*now, *begun_with} if now.get(name) != begun_with.get(name))
    said = "; ".join(f"{name} = {begun_with.get(name)}, now {now.get(name)}" for name in names)
    raise UsageError(
        f"{path} was begun with other endpoints: {said}",
        "name the same file by --endpoints, or begin a new campaign",
    )


def _stored_variant(content: Mapping[str, Any], folders: Mapping[str, Path]) -> Variant:
    name, source = content["name"], content["source"]
    folder = folders.get(name) or (Path(source) if source else None)
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f"the sources of {name}, {source}, are not there any more",
            "a gate is continued by harness gate --resume; else begin a new campaign",
        )
    return Variant.of_json(content, folder)


def _plan(found: Topologies, request: Request) -> list[PlannedRun]:
    return plan_runs(found, request.runs, request.seed, same_seed=request.same_seed)


def _checked(request: Request, root: Path, runtime: Runtime) -> Topologies:
    """Return what is to be measured (UsageError: it cannot be)."""
    found = topologies(request, root)
    _check(found, request.scenario, runtime)
    _check_workers(request)
    if request.until_decided:
        interim_looks.check(request.scenario, variants=len(request.variants))
    return found


def _check(found: Topologies, scenario: Scenario, runtime: Runtime) -> None:
    """Raise UsageError for what the runtime cannot do, while nothing is deployed or written."""
    for (_, case), topology in found.items():
        listed = scenario.faults_of(case)
        services = (None, *topology.services)
        runtime.check(topology, [fault for fault in listed if fault.service in services])


def _check_workers(request: Request) -> None:
    """Raise UsageError if more processes are to be elsewhere than there are."""
    workers = request.load_workers
    if workers is None or workers.count is None:
        return
    for one in request.variants:
        processes = one.scenario_of(request.scenario).load.processes
        if workers.count > processes:
            raise UsageError(
                f"--load-workers {workers.count}: the load has load.processes = {processes}",
                "let the scenario have as many processes, or leave --load-workers out: all of them",
            )


def _described_workers(workers: LoadWorkers | None) -> dict[str, Any] | None:
    """Return what a campaign says of the processes of its load on other machines; not where."""
    return None if workers is None else {"count": workers.count}


def _make_all(blocks: Blocks, observer: Observer) -> Campaign:
    """Make every run that is missing; if the number is not fixed, as many as it takes."""
    if blocks.request.until_decided:
        interim_looks.make_until_decided(blocks, observer)
    else:
        blocks.make(blocks.request.runs)
    return blocks.campaign


def _describe(
    request: Request, planned: Sequence[PlannedRun], root: Path, runtime: Runtime
) -> dict[str, Any]:
    facts = described(request, root)
    measured = {one.variant for one in planned}
    variants = [one for one in request.variants if one.name in measured]
    names = [one.name for one in variants]
    run_cases = {one.case for one in planned}
    workers = _described_workers(request.load_workers)
    return {
        **({"looks": interim_looks.declared()} if request.until_decided else {}),
        **({"capacity": request.capacity} if request.capacity else {}),
        **({"load_workers": workers} if workers else {}),
        "scenario": request.scenario.model_dump(mode="json"),
        "title": request.scenario.title,
        "variants": [one.as_json() for one in variants],
        "baseline": request.baseline if request.baseline in names else names[0],
        "cases": [case.name for case in request.scenario.cases if case.name in run_cases],
        "n_blocks": request.runs,
        "seed": request.seed,
        "same_seed": request.same_seed,
        "order": [asdict(one) for one in planned],
        "topologies": {name: facts[name] for name in names},
        "runtime": runtime.name,
        "runtime_facts": runtime.facts(),
        "environment": environment.capture(root),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
