"""A stored campaign with a sweep, of simulated runs: the stock of the queue, and sync beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.results.store import Campaign, RunData
from harness.scenario.expectations import Expectation
from tests.golden.campaigns import store
from tests.support.histories import make_run

Point = Mapping[str, Any]
"""Swept values by key."""


def expectation(says: str = "it is so", **stated: Any) -> dict[str, Any]:
    """Return an expectation as a scenario that was resolved has it."""
    return Expectation(says=says, **stated).model_dump(mode="json")


def name_of(base: str, point: Point) -> str:
    return ".".join([base, *(f"{key.partition('.')[2]}-{value}" for key, value in point.items())])


def swept(
    path: Path,
    keys: Mapping[str, Sequence[Any]],
    runs: Mapping[tuple[str, tuple[Any, ...]], Mapping[str, Any]],
    blocks: int = 3,
    hypothesis: str | None = None,
    expectations: Sequence[Mapping[str, Any]] = (),
) -> Campaign:
    """Save a campaign with a sweep of `keys`; `runs` has the load of each base and its values.

    A base without values is not varied.
    """
    made: list[RunData] = []
    variants: dict[str, dict[str, Any]] = {}
    for block in range(1, blocks + 1):
        for (base, values), load in runs.items():
            point = dict(zip(keys, values, strict=False))
            name = name_of(base, point) if point else base
            run = make_run(base, index=len(made) + 1, block=block, seed=block, **load)
            made.append(replace(run, record=run.record.model_copy(update={"variant": name})))
            title = run.record.topology["title"]
            said = ", ".join(f"{key} = {value}" for key, value in point.items())
            variants[name] = {
                "name": name, "title": f"{title}, {said}" if said else title, "approach": base,
                "source": None, "scale": {}, "settings": {}, "delay_ms": None,
                **({"scenario": point, "base": base, "point": point} if point else {}),
            }  # fmt: skip
    sweep = [{"key": key, "values": list(values)} for key, values in keys.items()]
    scenario = {**made[0].record.scenario, "sweep": sweep, "hypothesis": hypothesis}
    scenario["expectations"] = [expectation(**one) for one in expectations]
    first = next(iter(variants))
    return store(path, made, scenario=scenario, variants=list(variants.values()), baseline=first)
