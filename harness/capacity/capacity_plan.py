"""What a search is asked, and each level as a variant of its campaign.

campaign.json has it under `capacity`, so a search that was interrupted goes on as it began. A level
sets more keys of the scenario than the load: so many units that nothing sells out, and in an open
load room for every buyer, so that what ends the search is never a stock or a limit of the scenario.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from harness.campaign.variants import Variant
from harness.capacity.capacity_document import LevelRun, Of, Outcome, level_words
from harness.capacity.limits import FEWEST_PURCHASES, Limits
from harness.capacity.search import Search, Trial
from harness.errors import UsageError
from harness.results.store import Campaign
from harness.scenario.model import Scenario
from harness.scenario.scenario_keys import with_values
from harness.scenario.sweeps import PEAK_USERS, RATE, Value

SHORTEST_THINKING_S = 0.01
"""So often a buyer may buy who does not think: only to have units enough for it."""
MOST_UNITS = 10_000_000


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """What is searched for: what a level counts, within which limits, how, and of which variants.

    A variant is as it is at every level: only its load changes.
    """

    of: Of
    limits: Limits
    search: Search
    variants: Sequence[Variant]

    @property
    def key(self) -> str:
        """Return the key of the scenario that a level is the value of."""
        return RATE if self.of == "arrivals" else PEAK_USERS

    def as_json(self) -> dict[str, Any]:
        """Return the plan as campaign.json has it."""
        return {
            "of": self.of,
            "limits": asdict(self.limits),
            "search": asdict(self.search),
            "variants": [one.as_json() for one in self.variants],
        }

    @classmethod
    def of_campaign(cls, campaign: Campaign) -> Self:
        """Return the plan of a stored campaign (UsageError: it searches for no capacity)."""
        content: Mapping[str, Any] | None = campaign.description().get("capacity")
        if content is None:
            raise UsageError(
                f"{campaign.path} is no search for a capacity",
                "continue another campaign with: harness run --resume FOLDER",
            )
        return cls(
            of=content["of"],
            limits=Limits(**content["limits"]),
            search=Search(**content["search"]),
            variants=[_stored(one) for one in content["variants"]],
        )

    def at_level(self, variant: Variant, level: int, scenario: Scenario) -> Variant:
        """Return a variant under the load of a level."""
        load = with_values(scenario, {self.key: level})
        values: dict[str, Value] = {self.key: level, "product.stock": _units(load)}
        if load.open is not None:
            values["open.at_once"] = max(load.open.at_once, load.open.buyers)
        return replace(
            variant,
            name=f"{variant.name}.{self.of}-{level}",
            title=f"{variant.title or variant.name}, {level_words(self.of, level)}",
            base=variant.name,
            point={self.key: level},
            scenario={**variant.scenario, **values},
        )


def load_of(scenario: Scenario) -> Of:
    """Return what a level of a scenario counts."""
    return "users" if scenario.open is None else "arrivals"


def check_scenario(scenario: Scenario, source: str) -> None:
    """Raise UsageError for a scenario under which no capacity can be measured."""
    why = ""
    if scenario.contention is not None:
        why = "contention: a contention test has no load that could grow"
    elif scenario.cases or scenario.faults:
        why = f"{'cases' if scenario.cases else 'faults'}: a capacity is that of a shop as it is"
    elif scenario.sweep:
        why = "sweep: a search chooses the levels itself"
    elif scenario.product.per_user_limit is not None:
        why = "product.per_user_limit: buyers who are refused would count as turned away"
    if why:
        raise UsageError(f"{source}: {why}", "give the search a scenario of stages, or open")


def check_limits(limits: Limits, scenario: Scenario, source: str) -> None:
    """Raise UsageError for limits that make no sense, or that the scenario cannot tell."""
    latency_ms, drain_s = limits.purchase_p95_ms, limits.drain_s
    timeout_s, waited_s = scenario.load.request_timeout_s, scenario.drain.limit_s
    if not (all(map(math.isfinite, asdict(limits).values())) and latency_ms > 0):
        raise UsageError(
            f"a limit of {latency_ms:g} ms, {limits.error_pct:g} % and {drain_s:g} s is none",
            "say finite numbers, and more than 0 ms",
        )
    if latency_ms > 1_000 * timeout_s:
        raise UsageError(
            f"--purchase-p95-ms {latency_ms:g}: the buyers of {source} wait {timeout_s:g} s",
            "say less, or take a scenario with a longer load.request_timeout_s",
        )
    if drain_s > waited_s:
        raise UsageError(
            f"--drain-s {drain_s:g}: {source} waits {waited_s:g} s for the backlog",
            "say less, or take a scenario with a longer drain.limit_s",
        )


def check_search(plan: CapacityPlan, scenario: Scenario, source: str) -> None:
    """Raise UsageError for levels that make no sense, or that the scenario cannot have."""
    search = plan.search
    if not search.lowest <= search.start <= search.highest:
        raise UsageError(
            f"levels from {search.lowest} to {search.highest}, beginning at {search.start}: "
            "the first must lie between the others",
            "say --lowest, --start and --highest so that none is below the one before",
        )
    if search.most_runs < 2 * search.repeats:
        raise UsageError(
            f"--most-runs {search.most_runs}: {search.repeats} runs at each of two ends are more",
            "say more runs, or fewer --repeats",
        )
    for level in (search.lowest, search.highest):
        for variant in plan.variants:
            plan.at_level(variant, level, scenario).scenario_of(scenario)
    lowest = with_values(scenario, {plan.key: search.lowest})
    if lowest.open is not None and lowest.open.buyers < FEWEST_PURCHASES:
        raise UsageError(
            f"{source}: at {level_words(plan.of, search.lowest)} only {lowest.open.buyers} "
            f"buyers come: a p95 takes {FEWEST_PURCHASES}",
            "say a higher --lowest, or make the load longer",
        )


def trial(level: int, run: LevelRun) -> Trial:
    """Return what the search must know of a run."""
    return Trial(level, run.outcome is Outcome.PASSED)


def _units(load: Scenario) -> int:
    """Return how many units are enough for every purchase of a load."""
    stock = load.product.stock or 1
    if load.open is not None:
        return max(stock, load.open.buyers)
    each = load.load_s / max(load.load.think_min_s, SHORTEST_THINKING_S) + 1
    return max(stock, min(round(load.peak_users * each), MOST_UNITS))


def _stored(content: Mapping[str, Any]) -> Variant:
    source = content["source"]
    return Variant.of_json(content, Path(source) if source else None)
