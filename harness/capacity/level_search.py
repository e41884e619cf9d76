"""Makes the runs of a search, level by level, in one campaign.

The variants take turns, so that a drift of the machine touches each alike. Each run is planned in
campaign.json before it is made, and stored as soon as it ends: a search that was interrupted judges
what is there, makes the run that is missing, and goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.campaign import Blocks, Observer, Request, Variant, begin, reopen
from harness.campaign import check as check_campaign
from harness.campaign.schedule import PlannedRun
from harness.capacity.capacity_document import LevelRun, level_words
from harness.capacity.capacity_plan import (
    CapacityPlan,
    check_limits,
    check_scenario,
    check_search,
    trial,
)
from harness.capacity.level_runs import stored_level_runs
from harness.capacity.search import Trial, expected_runs, next_level
from harness.load import LoadWorkers
from harness.results.store import Campaign
from harness.runtimes import Runtime

OnMessage = Callable[[str], None]


def check(plan: CapacityPlan, request: Request, root: Path, out: Path, runtime: Runtime) -> None:
    """Raise UsageError for what `run` would refuse; nothing is deployed or written."""
    check_scenario(request.scenario, request.source)
    check_limits(plan.limits, request.scenario, request.source)
    check_search(plan, request.scenario, request.source)
    check_campaign(_first(plan, request), root, out, runtime)


def run(
    plan: CapacityPlan,
    request: Request,
    root: Path,
    out: Path,
    runtime: Runtime,
    observer: Observer,
    on_message: OnMessage,
) -> Campaign:
    """Search for the capacity of every variant of a plan, in a new campaign in `out`.

    The scenario, the seed and the source of the request are those of every run.
    """
    blocks = begin(_first(plan, request), root, out, runtime, observer)
    return _LevelSearch(plan, blocks, root, observer, on_message).go()


def resume(
    path: Path,
    root: Path,
    runtime: Runtime,
    observer: Observer,
    on_message: OnMessage,
    load_workers: LoadWorkers | None = None,
) -> Campaign:
    """Go on with a stored search exactly as it was begun (UsageError: it is none)."""
    plan = CapacityPlan.of_campaign(Campaign.open(path))
    blocks = reopen(path, root, runtime, observer, load_workers=load_workers)
    return _LevelSearch(plan, blocks, root, observer, on_message).go()


def _first(plan: CapacityPlan, request: Request) -> Request:
    """Return the campaign of the first runs: each variant at the level where the search begins."""
    level = plan.search.start
    variants = [plan.at_level(one, level, request.scenario) for one in plan.variants]
    return replace(request, variants=variants, runs=1, baseline=None, capacity=plan.as_json())


@dataclass
class _LevelSearch:
    """A search that goes on: the campaign so far, and what its runs said."""

    plan: CapacityPlan
    blocks: Blocks
    root: Path
    observer: Observer
    on_message: OnMessage
    trials: dict[str, list[Trial]] = field(default_factory=dict)
    announced: int = 0

    def go(self) -> Campaign:
        """Make every run that the search takes, and return the campaign."""
        self.trials = {one.name: [] for one in self.plan.variants}
        for name, found in stored_level_runs(self.blocks.campaign, self.plan.limits):
            self._note(name, found)
        for planned in self.blocks.missing:
            self._make(planned)
        while due := [one for one in self.plan.variants if self._next(one) is not None]:
            for variant in due:
                self._make(self._plan_run(variant))
        return self.blocks.campaign

    def _next(self, variant: Variant) -> int | None:
        return next_level(self.plan.search, self.trials[variant.name])

    def _plan_run(self, variant: Variant) -> PlannedRun:
        """Plan one run more of a variant, at the level that comes next."""
        level = self._next(variant)
        assert level is not None  # noqa: S101 - only variants that are due are planned
        block = 1 + sum(one.level == level for one in self.trials[variant.name])
        at_level = self.plan.at_level(variant, level, self.blocks.request.scenario)
        self.blocks = self.blocks.extended(at_level, block, self.root)
        return self.blocks.planned[-1]

    def _make(self, planned: PlannedRun) -> None:
        if planned.index > self.announced:
            self._announce()
        self.blocks.make_run(planned)
        *_, (name, found) = stored_level_runs(
            self.blocks.campaign, self.plan.limits, of=planned.index
        )
        self._note(name, found)
        variant = self.blocks.request.variant(name)
        level = level_words(self.plan.of, self._level(name))
        why = f": {found.reasons[0]}" if found.reasons else ""
        self.on_message(f"{variant.base}, {level}: {found.outcome}{why}")

    def _note(self, name: str, found: LevelRun) -> None:
        base = self.blocks.request.variant(name).base
        self.trials[base].append(trial(self._level(name), found))

    def _level(self, name: str) -> int:
        return int(self.blocks.request.variant(name).point[self.plan.key])

    def _announce(self) -> None:
        """Tell about how many runs there will be: which levels come depends on what is found."""
        left = sum(expected_runs(self.plan.search, one) for one in self.trials.values())
        made = sum(map(len, self.trials.values()))
        ahead = [PlannedRun(made + n, 1, "", 0) for n in range(1, left + 1)]
        self.announced = made + left
        done = [*self.blocks.planned][:made]
        self.observer.campaign_begins([*done, *ahead], made, self.blocks.request.scenario)
