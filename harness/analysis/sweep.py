"""What a sweep comes to: the curves of each variant along the swept values, their knees and laws.

A curve is one variant along one key; in a grid along the first key, at each value of the second.
Its points are variants of the campaign, so all that is said of variants is said of them as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress
from typing import Any

from harness.analysis.estimates import Estimate
from harness.analysis.judged_run import RunGroup
from harness.analysis.knee import Knee, Level, Shape, find_knee, pairs
from harness.analysis.metric import Listing, Metric
from harness.analysis.metrics import METRICS, listed
from harness.analysis.scalability import Scaling, fit_scaling
from harness.scenario.sweeps import Value, is_scenario_key

THROUGHPUT = ("orders/s", "req/s")
"""Units of the metrics that the Universal Scalability Law is about."""
SIZES = ("load.peak_users",)
"""Keys of the scenario that are a size of what works; those of services may be."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of a variant, what they say, and whether it may be compared."""

    group: RunGroup
    estimates: Mapping[str, Estimate]
    ranked: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A variant along a key: `points` are the swept values with the names of their variants."""

    base: str
    title: str
    key: str
    fixed: Mapping[str, Value]
    points: list[tuple[Value, str]] = field(default_factory=list)

    @property
    def is_ordered(self) -> bool:
        """Return True if its values are numbers."""
        return not any(isinstance(value, str) for value, _ in self.points)


def sweep(campaign: Mapping[str, Any], measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Return the sweep of a campaign, by the names of its variants."""
    metrics = [METRICS[name] for name in listed(Listing.SWEEP)]
    curves = curves_of(campaign, measured)
    family = len(metrics) * sum(pairs(len(one.points)) for one in curves if one.is_ordered)
    return {
        "keys": [one["key"] for one in campaign["scenario"]["sweep"]],
        "metrics": [one.id for one in metrics],
        "comparisons": family,
        "curves": [_describe(one, metrics, measured, family) for one in curves],
        "points": {name: _cost(one) for name, one in measured.items()},
    }


def curves_of(campaign: Mapping[str, Any], known: Mapping[str, object]) -> list[Curve]:
    """Return the curves of the variants that were measured; values that are numbers rise."""
    keys = [one["key"] for one in campaign["scenario"]["sweep"]]
    stated = {one["name"]: one for one in campaign["variants"]}
    found: dict[tuple[str, str], Curve] = {}
    for name, one in stated.items():
        point: Mapping[str, Value] = one.get("point") or {}
        if not point or name not in known:
            continue
        key = next(key for key in keys if key in point)
        fixed = {other: value for other, value in point.items() if other != key}
        title = one["title"].removesuffix(f", {words(point)}")
        curve = Curve(one["base"], title, key, fixed)
        place = (curve.base, words(fixed))
        found.setdefault(place, curve).points.append((point[key], name))
    for curve in found.values():
        if curve.is_ordered:
            curve.points.sort(key=lambda pair: pair[0])
    return list(found.values())


def words(point: Mapping[str, Value]) -> str:
    """Return swept values as titles have them."""
    return ", ".join(f"{key} = {value}" for key, value in point.items())


def _describe(
    curve: Curve, metrics: Sequence[Metric], measured: Mapping[str, Measured], family: int
) -> dict[str, Any]:
    knees = {one.id: _knee(curve, one, measured, family) for one in metrics}
    return {
        "base": curve.base,
        "title": curve.title,
        "key": curve.key,
        "fixed": dict(curve.fixed),
        "points": [{"value": value, "variant": name} for value, name in curve.points],
        "left_out": [name for _, name in curve.points if not measured[name].ranked],
        "knees": knees,
        "scaling": {
            one.id: asdict(_scaling(curve, one, measured))
            for one in metrics
            if one.unit in THROUGHPUT
            and _is_size(curve)
            and knees[one.id]["shape"] in (Shape.KNEE, Shape.OPEN, Shape.RISES)
        },
    }


def _knee(
    curve: Curve, metric: Metric, measured: Mapping[str, Measured], family: int
) -> dict[str, Any]:
    if not curve.is_ordered:
        return asdict(Knee(Shape.UNJUDGED, warnings=("the values are words: they have no order",)))
    levels = _levels(curve, metric, measured)
    return asdict(find_knee(metric.better, metric.margin, levels, family))


def _levels(curve: Curve, metric: Metric, measured: Mapping[str, Measured]) -> list[Level]:
    """Return the metric at every value that can be compared: ranked, and known in all its blocks.

    Of a latency that is known only to be longer than what was waited, that bound counts.
    """
    found = []
    for value, name in curve.points:
        one = measured[name]
        estimate = one.estimates[metric.id]
        known = _by_block(one.group, estimate.per_run)
        bounds = _by_block(one.group, estimate.at_least or (None,) * len(estimate.per_run))
        is_bound = None in known.values() and metric.better == "lower"
        if is_bound:
            known = {b: bounds[b] if known[b] is None else known[b] for b in known}
        whole = {block: one for block, one in known.items() if one is not None}
        if one.ranked and whole and len(whole) == len(known):
            found.append(Level(float(value), whole, is_bound))
    return found


def _by_block(group: RunGroup, values: Sequence[float | None]) -> dict[int, float | None]:
    blocks = [run.record.block for run in group.runs]
    return dict(compress(zip(blocks, values, strict=True), group.counts))


def _is_size(curve: Curve) -> bool:
    """Return True if the swept values count something that works, such as replicas or users."""
    is_whole = all(isinstance(value, int) and value >= 1 for value, _ in curve.points)
    return is_whole and (curve.key in SIZES or not is_scenario_key(curve.key))


def _scaling(curve: Curve, metric: Metric, measured: Mapping[str, Measured]) -> Scaling:
    levels = _levels(curve, metric, measured)
    blocks = sorted(set.intersection(*(set(one.by_block) for one in levels)))
    rows = [[one.by_block[block] for block in blocks] for one in levels]
    if min(min(row) for row in rows) <= 0:
        return Scaling(False, "a throughput is zero")
    return fit_scaling([one.value for one in levels], rows)


def _cost(one: Measured) -> dict[str, Any]:
    """Return what a point took: the time of each of its runs, from start to saved, in s."""
    durations = [run.record.durations_s for run in one.group.runs]
    return {"run_s": [sum(each.values()) for each in durations]}
