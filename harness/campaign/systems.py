"""The systems that a campaign measures: each approach, as scenario, case and command line vary it.

What comes later wins: the compose file, the scenario's `[approach.NAME]`, the case, the command
line. Whatever a fault would hit must be there, or nothing is deployed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.campaign import world
from harness.errors import UsageError
from harness.faults.targets import check_target
from harness.scenario.cases import Case
from harness.scenario.faults import Fault, Variation
from harness.scenario.model import Scenario
from harness.topology import Topology, discover

Systems = dict[tuple[str, str], Topology]
"""The topologies of a campaign, by approach and case; without cases, the case is ``""``."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for: a scenario, which part of it, and how to vary the approaches.

    `source` is where the scenario was read; no `approaches` or `cases` means all. `until_decided`
    makes `runs` the most that may be needed, `same_seed` repeats one seed in every block.
    """

    scenario: Scenario
    approaches: tuple[str, ...]
    runs: int
    seed: int
    source: str = "the scenario"
    cases: tuple[str, ...] = ()
    scale: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    until_decided: bool = False
    same_seed: bool = False


def systems(request: Request, root: Path) -> Systems:
    """Return every system to be measured; raise UsageError, by key, for what cannot be done."""
    approaches = _approaches(request, root)
    asked = request.approaches or tuple(approaches)
    _check_services(request, [approaches[name] for name in asked])
    made: Systems = {}
    for place, case in _cases(request, asked):
        _check_known(place, case, approaches)
        able = [name for name, topology in approaches.items() if _takes_part(case, topology)]
        if not able:
            raise UsageError(
                f"{place}: no approach has all services of its faults", "split the case"
            )
        for name in able:
            if name in asked:
                topology = _by_command_line(_vary(approaches[name], case, place), request)
                _check_faults(place, case, topology)
                made[name, case.name if request.scenario.cases else ""] = topology
    if not made:
        raise UsageError(
            f"{request.source}: no case of {', '.join(asked)} is left",
            "ask for other cases with --case, or for other approaches with --approach",
        )
    return made


def without_case(request: Request, root: Path) -> dict[str, Topology]:
    """Return each approach asked for as it is when no case varies it."""
    found = _approaches(request, root)
    asked = request.approaches or tuple(found)
    return {name: _by_command_line(found[name], request) for name in asked}


def _approaches(request: Request, root: Path) -> dict[str, Topology]:
    """Return every approach there is, varied by the scenario's `[approach.NAME]` alone."""
    found = discover(root)
    if not found:
        raise UsageError(f"{root} holds no docker-compose.<approach>.yml", "run it in the project")
    known = (
        f"known approaches: {', '.join(sorted(found))} (docker-compose.<approach>.yml in {root})"
    )
    stated = {f"approach.{name}": name for name in request.scenario.approach}
    for number, case in enumerate(request.scenario.cases, start=1):
        stated |= {f'cases[{number}].approaches = "{name}"': name for name in case.approaches}
    for place, name in stated.items():
        if name not in found:
            raise UsageError(f"{request.source}: {place}: there is no such approach", known)
    unknown = [name for name in request.approaches if name not in found]
    if unknown:
        raise UsageError(f"there is no approach named {unknown[0]!r}", known)
    variables = world.variables(request.scenario, request.seed)
    varied = {}
    for name in sorted(found):
        stated_variation = request.scenario.approach.get(name, Variation())
        place = f"{request.source}: approach.{name}"
        varied[name] = _vary(found[name].with_variables(variables), stated_variation, place)
    return varied


def _cases(request: Request, asked: tuple[str, ...]) -> list[tuple[str, Case]]:
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
        return [(request.source, Case(name="-", approaches=asked, faults=scenario.faults))]
    return [
        (f"{request.source}: cases[{number}]", case)
        for number, case in enumerate(scenario.cases, start=1)
        if not request.cases or case.name in request.cases
    ]


def _takes_part(case: Case, topology: Topology) -> bool:
    """Say whether a case is to be run of an approach: named, or able to have all its faults."""
    if case.approaches:
        return topology.approach in case.approaches
    return case.can_be_of(topology.services)


def _check_known(place: str, case: Case, approaches: Mapping[str, Topology]) -> None:
    """Refuse a fault of a service that no approach has."""
    services = sorted({name for one in approaches.values() for name in one.services})
    for where, fault in _listed_faults(place, case):
        if fault.service not in (None, *services):
            raise UsageError(
                f'{where}.service = "{fault.service}": no approach has such a service',
                f"services: {', '.join(services)}",
            )


def _vary(topology: Topology, variation: Variation, place: str) -> Topology:
    try:
        return topology.with_scale(variation.scale).with_settings(variation.changes)
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", error.hint) from error


def _check_services(request: Request, topologies: Iterable[Topology]) -> None:
    """Refuse a --scale or --set of a service that no approach has."""
    services = {name for topology in topologies for name in topology.services}
    for service in [*request.scale, *(service for service, _ in request.settings)]:
        if service not in services:
            raise UsageError(
                f"no approach has a service named {service!r}",
                f"services: {', '.join(sorted(services))}",
            )


def _by_command_line(topology: Topology, request: Request) -> Topology:
    """Apply --scale and --set as far as the approach has the services."""
    scale = {name: n for name, n in request.scale.items() if name in topology.services}
    settings = {key: v for key, v in request.settings.items() if key[0] in topology.services}
    return topology.with_scale(scale).with_settings(settings)


def _check_faults(place: str, case: Case, topology: Topology) -> None:
    for where, fault in _listed_faults(place, case):
        is_left_out = case.random_faults is not None and fault.service not in topology.services
        if not is_left_out:
            check_target(where, fault, topology)


def _listed_faults(place: str, case: Case) -> Iterator[tuple[str, Fault]]:
    """Yield each fault that a case lists, with its place in the file."""
    separator = "." if place.endswith("]") else ": "
    key = "faults" if case.random_faults is None else "random_faults.draw_from"
    for number, fault in enumerate(case.listed_faults, start=1):
        yield f"{place}{separator}{key}[{number}]", fault
