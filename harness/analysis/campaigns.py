"""Two campaigns of one scenario, metric by metric: how many times as much, and what that decides.

Their runs are not interleaved, so nothing can be paired: the interval is Welch's on the logarithms
of the runs' values. On one machine the values themselves are compared. Milliseconds of two machines
say nothing about each other, so there it is the ratios between the variants, of which each
campaign has one per block.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.analysis.comparability import Stored, differences, machines, obstacles
from harness.analysis.estimates import (
    Scale,
    geometric_mean,
    log_welch_interval,
    welch_interval,
)
from harness.analysis.metric import Metric
from harness.analysis.metrics import METRICS
from harness.analysis.outcomes import Kind, Outcome, decide

Basis = Literal["values", "ratios"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of one campaign with its interval, and what each of its runs, or blocks, says.

    `why` says what is wrong with it: it is null, or one of the runs has none of its own.
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    replicates: tuple[float | None, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one subject in both campaigns.

    `change` is B / A (kind ``ratio``), or B - A where a value is zero or negative; `low` and `high`
    bound it with 95 % confidence. `delta` is what does not matter: a share of a ratio, or in the
    metric's unit.
    """

    subject: str
    metric: str
    a: Measured
    b: Measured
    kind: Kind
    change: float | None
    low: float | None
    high: float | None
    outcome: Outcome
    delta: float
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two campaigns side by side, or the `reasons` why they cannot be compared.

    `machines` says in what the machines differ, `differences` what else does.
    """

    reasons: tuple[str, ...]
    basis: Basis = "values"
    machines: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


def compare(a: Stored, b: Stored) -> Compared:
    """Compare two stored campaigns, if they can be."""
    reasons, other_machine = obstacles(a, b), machines(a, b)
    basis: Basis = "ratios" if other_machine else "values"
    found = [] if reasons else _rows(a.summary, b.summary, basis)
    if not reasons and not found:
        reasons = [*other_machine, "there are no ratios between variants, which would be alike"]
    return Compared(
        reasons=tuple(reasons),
        basis=basis,
        machines=tuple(other_machine),
        differences=tuple(differences(a, b)),
        rows=tuple(found),
    )


def _rows(a: Mapping[str, Any], b: Mapping[str, Any], basis: Basis) -> list[Row]:
    """Compare two summaries; only what somebody could win, and both have, is in it."""
    measure = values_by_subject if basis == "values" else ratios_by_subject
    one, other = dict(measure(a)), dict(measure(b))
    return [
        _row(subject, metric, one[subject][metric.id], other[subject][metric.id])
        for subject in one
        if subject in other
        for metric in METRICS.values()
        if metric.id in one[subject] and metric.id in other[subject] and is_contested(metric)
    ]


def is_contested(metric: Metric) -> bool:
    """Return True if somebody can win the metric, and it is not merely configured."""
    return metric.better is not None and metric.scale is not Scale.EXACT


def values_by_subject(summary: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Yield each variant, or each case of each, with its estimates."""
    cases = [(f"{case['variant']}: {case['case']}", case) for case in summary["cases"]]
    for name, entry in cases or [(entry["name"], entry) for entry in summary["variants"]]:
        yield name, {metric: _measured(found) for metric, found in entry["metrics"].items()}


def _measured(estimate: Mapping[str, Any]) -> Measured:
    return Measured(
        value=estimate["value"],
        low=estimate["low"],
        high=estimate["high"],
        unit=estimate["unit"],
        replicates=tuple(estimate["per_run"]),
        why="; ".join(estimate["warnings"]),
    )


def ratios_by_subject(summary: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Yield each variant against the baseline with its ratios, one per block."""
    entries = {entry["name"]: entry for entry in summary["variants"]}
    for pair in summary["comparisons"]:
        first, second = pair["baseline"], pair["contender"]
        ratios = {
            metric: _ratio(metric, found, entries[first], entries[second])
            for metric, found in pair["metrics"].items()
        }
        yield f"{second} ÷ {first}", ratios


def _ratio(
    metric: str, found: Mapping[str, Any], first: Mapping[str, Any], second: Mapping[str, Any]
) -> Measured:
    before, after = by_block(first, metric), by_block(second, metric)
    replicates = tuple(
        y / x if x and y and min(x, y) > 0 else None
        for x, y in ((before[block], after[block]) for block in sorted(before) if block in after)
    )
    why = "; ".join(found["warnings"])
    return Measured(found["factor"], found["low"], found["high"], "", replicates, why)


def by_block(variant: Mapping[str, Any], metric: str) -> dict[int, float | None]:
    """Return what the runs of a variant in a summary say; null: not measurable."""
    return _by_block(variant, variant["metrics"][metric]["per_run"])


def at_least_by_block(variant: Mapping[str, Any], metric: str) -> dict[int, float | None]:
    """Return lower bounds of the runs that have no value; none of a summary that kept none."""
    said = variant["metrics"][metric].get("at_least")
    return _by_block(variant, said) if said else {}


def _by_block(variant: Mapping[str, Any], said: Sequence[float | None]) -> dict[int, float | None]:
    return {run["block"]: value for run, value in zip(variant["runs"], said, strict=True)}


def _row(subject: str, metric: Metric, a: Measured, b: Measured) -> Row:
    missing = [
        f"{letter}: {one.why or 'a run has no value of its own'}"
        for letter, one in (("A", a), ("B", b))
        if one.value is None or None in one.replicates
    ]
    if missing:
        return Row(
            subject, metric.id, a, b, "none", None, None, None, Outcome.INCOMPARABLE,
            metric.margin.share, "; ".join(missing),
        )  # fmt: skip
    before, after = _known(a), _known(b)
    kind: Kind = "ratio" if min(*before, *after) > 0 else "difference"
    if kind == "ratio":
        change = geometric_mean(after) / geometric_mean(before)
    else:
        change = math.fsum(after) / len(after) - math.fsum(before) / len(before)
    interval = _interval(kind, before, after)
    return Row(
        subject=subject,
        metric=metric.id,
        a=a,
        b=b,
        kind=kind,
        change=change,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        outcome=decide(metric.better, metric.margin, kind, change, interval),
        delta=metric.margin.share if kind == "ratio" else metric.margin.absolute,
        why="" if interval else "one run: no interval",
    )


def _known(measured: Measured) -> list[float]:
    return [value for value in measured.replicates if value is not None]


def _interval(
    kind: Kind, before: Sequence[float], after: Sequence[float]
) -> tuple[float, float] | None:
    if min(len(before), len(after)) < 2:
        return None
    make = log_welch_interval if kind == "ratio" else welch_interval
    return make(before, after)
