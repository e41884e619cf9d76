"""The topologies that a campaign measures: each variant in each case that it takes part in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.campaign import compose_variables
from harness.campaign.expectation_checks import check_expectations
from harness.campaign.fault_checks import check_known, check_possible
from harness.campaign.variants import Variant
from harness.errors import UsageError
from harness.load import LoadWorkers
from harness.runtimes import with_delay, with_proxies
from harness.scenario.cases import Case
from harness.scenario.faults import Variation
from harness.scenario.model import Scenario
from harness.topology import Topology, discover

Topologies = Mapping[tuple[str, str], Topology]
"""Topologies by the names of variant and case; without cases, the case is ``""``."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a campaign is to measure: a scenario, its variants, and which of its cases.

    `source` is where the scenario was read; no `cases` means all, no `baseline` the first variant.
    `until_decided` makes `runs` the most that may be needed, `same_seed` repeats one seed in every
    block. `capacity` is what a search for one declares of itself: it adds runs as it goes.
    `load_workers` are the processes of the load that run on other machines.
    """

    scenario: Scenario
    variants: Sequence[Variant]
    runs: int
    seed: int
    source: str = "the scenario"
    cases: tuple[str, ...] = ()
    baseline: str | None = None
    until_decided: bool = False
    same_seed: bool = False
    capacity: Mapping[str, Any] = field(default_factory=dict)
    load_workers: LoadWorkers | None = None

    def variant(self, name: str) -> Variant:
        """Return a variant by its name."""
        return next(one for one in self.variants if one.name == name)


def topologies(request: Request, root: Path) -> Topologies:
    """Return every topology to be measured; raise UsageError, by key, for what cannot be done."""
    _check_approaches(request, root)
    _check_baseline(request)
    variants = [one.name for one in request.variants]
    check_expectations(request.scenario.expectations, variants, request.source)
    plain = _without_variants(request, root)
    made: dict[tuple[str, str], Topology] = {}
    for place, case in _cases(request):
        every = [*discover(root).values(), *plain.values()]
        check_known(place, case, every)
        if not any(_takes_part(case, topology) for topology in every):
            raise UsageError(
                f"{place}: no approach has all services of its faults", "split the case"
            )
        for one in request.variants:
            if _takes_part(case, plain[one.name]):
                topology = one.vary(_vary(plain[one.name], case, place))
                check_possible(place, case, topology)
                _check_ablated(request, one, topology)
                made[one.name, case.name if request.scenario.cases else ""] = topology
    if not made:
        raise UsageError(
            f"{request.source}: no case of {', '.join(variants)} is left",
            "ask for other cases with --case, or for other variants with --variant or --approach",
        )
    return made


def without_case(request: Request, root: Path) -> dict[str, Topology]:
    """Return the topology of each variant, by name, as it is when no case varies it.

    Raises UsageError for what only an experiment may vary.
    """
    plain = _without_variants(request, root)
    found = {one.name: one.vary(plain[one.name]) for one in request.variants}
    for one in request.variants:
        _check_ablated(request, one, found[one.name])
    return found


def described(request: Request, root: Path) -> dict[str, dict[str, Any]]:
    """Return, as JSON, what each variant is when no case varies it."""
    plain = without_case(request, root)
    return {one.name: finished(plain[one.name], one).describe() for one in request.variants}


def finished(topology: Topology, variant: Variant, frozen: Iterable[str] = ()) -> Topology:
    """Return a topology as it is deployed: with its title, and the proxies that it needs.

    `frozen` are the stores whose connections a fault will freeze. It cannot be varied any more.
    """
    titled = replace(with_proxies(topology, frozen), title=variant.title or topology.title)
    return titled if variant.delay_ms is None else with_delay(titled, variant.delay_ms)


def _without_variants(request: Request, root: Path) -> dict[str, Topology]:
    """Return the approach of each variant, varied by the scenario's `[approach.NAME]` alone."""
    varied = {}
    for one in request.variants:
        variables = compose_variables.variables(one.scenario_of(request.scenario), request.seed)
        stated = request.scenario.approach.get(one.approach, Variation())
        place = f"{request.source}: approach.{one.approach}"
        topology = one.topology(root).with_variables(variables)
        varied[one.name] = _vary(topology, stated, place)
    return varied


def _check_approaches(request: Request, root: Path) -> None:
    """Refuse approaches that the scenario names and that are not there."""
    found = {*discover(root), *(one.approach for one in request.variants)}
    stated = {f"approach.{name}": name for name in request.scenario.approach}
    for number, case in enumerate(request.scenario.cases, start=1):
        stated |= {f'cases[{number}].approaches = "{name}"': name for name in case.approaches}
    for place, name in stated.items():
        if name not in found:
            raise UsageError(
                f"{request.source}: {place}: there is no such approach",
                f"known approaches: {', '.join(sorted(found))} "
                f"(docker-compose.<approach>.yml in {root})",
            )


def _check_ablated(request: Request, variant: Variant, topology: Topology) -> None:
    """Refuse a shop that is made another one, unless the scenario says what that is to show."""
    if topology.ablated and request.scenario.hypothesis is None:
        raise UsageError(
            f"{request.source}: {variant.name}: {', '.join(topology.ablated)}: that is for "
            f"experiments only ({topology.path.name}: x-harness.ablations)",
            'an experiment is a scenario that says what it is to show: hypothesis = "…"',
        )


def _check_baseline(request: Request) -> None:
    names = [one.name for one in request.variants]
    if request.baseline is not None and request.baseline not in names:
        raise UsageError(
            f"--baseline {request.baseline}: no variant has this name",
            f"variants: {', '.join(names)}",
        )


def _cases(request: Request) -> list[tuple[str, Case]]:
    """Return the cases asked for, each with its place; a scenario without cases is one."""
    scenario = request.scenario
    names = [case.name for case in scenario.cases]
    for name in request.cases:
        if name not in names:
            raise UsageError(
                f"{request.source}: there is no case named {name!r}",
                f"known cases: {', '.join(names) or 'none'}",
            )
    if not scenario.cases:
        approaches = tuple(one.approach for one in request.variants)
        return [(request.source, Case(name="-", approaches=approaches, faults=scenario.faults))]
    return [
        (f"{request.source}: cases[{number}]", case)
        for number, case in enumerate(scenario.cases, start=1)
        if not request.cases or case.name in request.cases
    ]


def _takes_part(case: Case, topology: Topology) -> bool:
    """Return True if a case is to be run of an approach: named, or able to have all its faults."""
    if case.approaches:
        return topology.approach in case.approaches
    return case.can_be_of(topology.services)


def _vary(topology: Topology, variation: Variation, place: str) -> Topology:
    try:
        return topology.with_scale(variation.scale).with_settings(variation.changes)
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", error.hint) from error
