"""What the runs of a search come to: a capacity for each variant, in numbers and in a sentence.

Only a level at which the system itself gave out bounds its capacity from above. If the load
generator, the machine that it shares, or the simulated payment gateway gave out there, or most
runs there are no measure, the capacity is at least the highest level that is served.
"""

from collections.abc import Mapping, Sequence

from harness.analysis.summary import plain
from harness.campaign.variants import Variant
from harness.capacity.capacity_document import (
    FILE,
    Answer,
    CapacityDocument,
    Kind,
    Level,
    LevelRun,
    Outcome,
    Resource,
    VariantCapacity,
    level_words,
)
from harness.capacity.capacity_plan import CapacityPlan, trial
from harness.capacity.level_runs import stored_level_runs
from harness.capacity.resources import NOT_OF_THE_SYSTEM, merged, what_gave_out
from harness.capacity.search import bracket, is_settled
from harness.results.store import Campaign

USED_UP = "The runs were used up before both ends were close and repeated."

_THE = {
    Kind.GENERATOR: "the load generator gave out",
    Kind.MACHINE: "the machine, which the load generator shares, gave out",
    Kind.WORLD: "the simulated payment gateway, which is no part of the system, gave out",
}


def derive(campaign: Campaign) -> CapacityDocument:
    """Make capacity.json from the stored runs of a search, and return it.

    Raises UsageError for a campaign that is none.
    """
    plan = CapacityPlan.of_campaign(campaign)
    found: dict[str, list[tuple[str, LevelRun]]] = {one.name: [] for one in plan.variants}
    variants = {one["name"]: one for one in campaign.description()["variants"]}
    for name, run in stored_level_runs(campaign, plan.limits):
        found[variants[name]["base"]].append((name, run))
    points = {name: int(one["point"][plan.key]) for name, one in variants.items()}
    document = CapacityDocument(
        of=plan.of,
        limits=plan.limits,
        search=plan.search,
        capacities=[conclude(plan, one, found[one.name], points) for one in plan.variants],
    )
    campaign.write_json(FILE, plain(document.as_json()))
    return document


def conclude(
    plan: CapacityPlan,
    variant: Variant,
    runs: Sequence[tuple[str, LevelRun]],
    points: Mapping[str, int],
) -> VariantCapacity:
    """Return what the runs of one variant come to.

    Each run comes with the name of the campaign's variant; `points` has the levels of those.
    """
    trials = [trial(points[name], run) for name, run in runs]
    found = bracket(trials)
    levels = [
        _level(points[name], name, [run for of, run in runs if of == name])
        for name in sorted({name for name, _ in runs}, key=points.__getitem__)
    ]
    by_level = {one.level: one for one in levels}
    served, over = (by_level.get(level or 0) for level in (found.served, found.not_served))
    used_up = _used_up(over)
    gave_out = what_gave_out(used_up)
    answer = _answer(served, over, gave_out)
    settled = is_settled(plan.search, trials)
    statement = _statement(plan, variant, answer, (served, over), used_up)
    return VariantCapacity(
        name=variant.name,
        title=variant.title or variant.name,
        approach=variant.approach,
        answer=answer,
        served=found.served,
        not_served=found.not_served,
        settled=settled,
        gave_out=gave_out,
        statement=statement if settled else f"{statement} {USED_UP}",
        levels=levels,
    )


def _level(level: int, name: str, runs: list[LevelRun]) -> Level:
    passed = sum(run.outcome is Outcome.PASSED for run in runs)
    return Level(level=level, variant=name, served=2 * passed > len(runs), passed=passed, runs=runs)


def _failed(level: Level) -> list[LevelRun]:
    return [run for run in level.runs if run.outcome is not Outcome.PASSED]


def _used_up(over: Level | None) -> list[Resource]:
    """Return what the runs that did not pass used up, the fullest resource first."""
    return [] if over is None else merged([run.resources for run in _failed(over)])


def _is_of_the_system(over: Level, gave_out: Resource | None) -> bool:
    """Return True if most of the runs that did not pass measured the system, and it gave out."""
    failed = _failed(over)
    measured = sum(run.outcome is Outcome.FAILED for run in failed)
    is_foreign = gave_out is not None and gave_out.kind in NOT_OF_THE_SYSTEM
    return 2 * measured > len(failed) and not is_foreign


def _answer(served: Level | None, over: Level | None, gave_out: Resource | None) -> Answer:
    is_bound = over is not None and _is_of_the_system(over, gave_out)
    if served is not None:
        return Answer.BRACKET if is_bound else Answer.AT_LEAST
    return Answer.LESS_THAN if is_bound else Answer.UNKNOWN


def _statement(
    plan: CapacityPlan,
    variant: Variant,
    answer: Answer,
    ends: tuple[Level | None, Level | None],
    used_up: Sequence[Resource],
) -> str:
    served, over = ends
    who = variant.title or variant.name
    if over is None:
        if served is None:
            return f"{who}: no run was made."
        is_highest = served.level >= plan.search.highest
        why = "the highest level that may be tried" if is_highest else "the highest level tried"
        return f"{who} serves at least {_end(plan, served)}, {why}."
    why = _why(over, used_up)
    match answer:
        case Answer.BRACKET if served is not None:
            said = f"{who} serves {_end(plan, served)} and does not serve {_end(plan, over)}"
        case Answer.AT_LEAST if served is not None:
            said = f"{who} serves at least {_end(plan, served)}. At {_end(plan, over)}"
        case Answer.LESS_THAN:
            said = f"{who} serves less than {_end(plan, over)}"
        case _:
            said = f"{who} could not be measured. At {_end(plan, over)}"
    return f"{said}: {why}."


def _end(plan: CapacityPlan, level: Level) -> str:
    """Return a level, and how many of its runs passed."""
    words = level_words(plan.of, level.level)
    return f"{words} ({level.passed} of {len(level.runs)} runs passed)"


def _why(over: Level, used_up: Sequence[Resource]) -> str:
    """Return which limit was broken first, and what gave out."""
    first = _failed(over)[0]
    reason = first.reasons[0]
    gave_out = what_gave_out(used_up)
    if gave_out is not None:
        the = _THE.get(gave_out.kind) or f"{gave_out.name} gave out"
        return f"{reason}; {the} ({gave_out.words})"
    busiest = max(used_up, key=lambda one: one.used, default=None)
    if busiest is None:
        return f"{reason}; nothing was sampled that may have given out"
    return (
        f"{reason}; nothing that is sampled gave out, the busiest was {busiest.name} "
        f"({busiest.words})"
    )
