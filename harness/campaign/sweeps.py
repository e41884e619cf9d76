"""The points of a sweep: each is a variant of its own, varied by one value of every swept key.

So the order of runs, resuming, the audit and the store know nothing of sweeps. What a variant does
not have is not varied: under a sweep of `payment-worker.replicas` a shop without such workers stays
one variant, and is what the points are compared with.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from harness.campaign.variants import Variant, check_names
from harness.errors import UsageError
from harness.scenario.model import Scenario
from harness.scenario.scenario_keys import known_keys
from harness.scenario.sweeps import TABLES, Sweep, Value, is_scenario_key
from harness.topology import Topology
from harness.topology.limits import LIMIT_KEYS

REPLICAS = "replicas"


def points(
    variants: Sequence[Variant], scenario: Scenario, root: Path, source: str = "the scenario"
) -> tuple[Variant, ...]:
    """Return the variants of a campaign, and in place of those that a sweep varies their points.

    Raises UsageError, by key and value, for what no variant has, or cannot be.
    """
    topologies = {one.name: one.vary(one.topology(root)) for one in variants}
    for sweep in scenario.sweep:
        _check_known(sweep.key, list(topologies.values()), source)
    found = [
        point
        for one in variants
        for point in _points_of(one, topologies[one.name], scenario, source)
    ]
    check_names(found)
    return tuple(found)


def _points_of(
    variant: Variant, topology: Topology, scenario: Scenario, source: str
) -> Iterator[Variant]:
    own = [sweep for sweep in scenario.sweep if _has(topology, sweep.key)]
    if not own:
        yield variant
        return
    for values in product(*(sweep.points for sweep in own)):
        made = _point(variant, topology.title, own, values)
        where = f"{source}: sweep of {made.name}"
        try:
            made.vary(topology)
            made.scenario_of(scenario)
        except UsageError as error:
            raise UsageError(f"{where}: {error.message}", error.hint) from error
        yield made


def _point(
    variant: Variant, title: str, sweeps: Sequence[Sweep], values: Sequence[Value]
) -> Variant:
    point = {sweep.key: value for sweep, value in zip(sweeps, values, strict=True)}
    scale, settings, stated = dict(variant.scale), dict(variant.settings), dict(variant.scenario)
    for key, value in point.items():
        service, _, name = key.partition(".")
        if is_scenario_key(key):
            stated[key] = value
        elif name == REPLICAS:
            scale[service] = _whole(key, value)
        else:
            settings[service, name] = str(value)
    name = ".".join([variant.name, *(_in_a_name(key, value) for key, value in point.items())])
    said = ", ".join(f"{key} = {value}" for key, value in point.items())
    return replace(
        variant,
        name=name,
        title=f"{variant.title or title}, {said}",
        base=variant.name,
        point=point,
        scale=scale,
        settings=settings,
        scenario=stated,
    )


def _whole(key: str, value: Value) -> int:
    if not isinstance(value, int):
        raise UsageError(f"sweep of {key}: {value} is no number of replicas", "1 or more")
    return value


def _in_a_name(key: str, value: Value) -> str:
    """Return a value as part of a name that a folder can bear."""
    return re.sub(r"[^\w.+-]", "_", f"{key.partition('.')[2]}-{value}")


def _has(topology: Topology, key: str) -> bool:
    """Return True if a key varies a topology, or the scenario of every topology."""
    service, _, name = key.partition(".")
    return is_scenario_key(key) or (
        service in topology.services and name in _keys_of(topology, service)
    )


def _keys_of(topology: Topology, service: str) -> list[str]:
    return [REPLICAS, *topology.services[service].environment, *LIMIT_KEYS]


def _check_known(key: str, topologies: Sequence[Topology], source: str) -> None:
    """Refuse a key that varies nothing; the hint has the known key that is nearest to it."""
    if is_scenario_key(key):
        known = set(known_keys())
    else:
        known = {
            f"{service}.{name}"
            for topology in topologies
            for service in topology.services
            for name in _keys_of(topology, service)
        }
    if key in known:
        return
    place = key.partition(".")[0]
    same = sorted(one for one in known if one.partition(".")[0] == place)
    services = sorted({one.partition(".")[0] for one in known})
    beside = (
        f"known keys there: {', '.join(same)}"
        if same
        else f"services: {', '.join(services)}; tables of the scenario: {', '.join(TABLES)}"
    )
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(key.lower(), by_lower, n=1)
    guess = f"did you mean {by_lower[near[0]]}? " if near else ""
    raise UsageError(f"{source}: sweep of {key}: nothing has this key", f"{guess}{beside}")
