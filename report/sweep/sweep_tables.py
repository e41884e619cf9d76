"""The tables of a sweep: verdicts, values, scalability, and what each point took."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.analysis.knee import Shape
from report import numbers
from report.sweep.sweep_words import change_words, knee_words, value_words
from report.sweep.swept import Base, Curve, Swept, Value
from report.tables.cells import Cell, Row, Table, estimate_cell, numeric, texts
from report.tables.judgements import verdict_cell

CONTAINERS, SLOTS = "containers", "payment_slots"
COSTS = ("selling_cpu_s_per_order", "memory_peak_mb")
"""Metrics of what a point takes."""


def verdicts(swept: Swept) -> Table:
    """Return what each metric does along each curve."""
    rows = []
    for curve in swept.curves:
        for metric, about in swept.metrics.items():
            knee = curve.knees[metric]
            shape, note = Shape(knee["shape"]), "; ".join(knee["warnings"])
            change = Cell(
                change_words(metric, knee), knee["change"], knee["low"], knee["high"], note
            )
            rows.append(
                Row(
                    (
                        Cell(str(about["title"])),
                        _knee(shape, knee["knee"]),
                        *(_number(knee[key]) for key in ("settled_from", "worse_from")),
                        change if knee["change"] is not None else Cell(numbers.NOTHING, note=note),
                        Cell(str(knee["n"]), knee["n"]),
                        Cell(shape.value if shape is Shape.UNJUDGED else knee_words(metric, knee)),
                    ),
                    f"{curve.named}, along {curve.key}",
                )
            )
    return Table(
        "knees",
        "What each metric does along the swept values. Intervals are simultaneous over "
        f"{numbers.counted(swept.found['comparisons'], 'comparison')}: of a knob that does nothing "
        f"an effect is seen in at most 5 % of sweeps; {swept.evidence.workload}.",
        (
            *texts("Metric"),
            *numeric("Knee", "Gain excluded from", "Worse from"),
            *numeric("Change from the first value", interval=True),
            *numeric("n"),
            *texts("In words"),
        ),
        tuple(rows),
    )


def values(swept: Swept) -> Table:
    """Return every judged metric at every point."""
    rows = [
        Row(
            (
                *_place(swept, base, curve, value),
                *(
                    estimate_cell(variant.estimate(metric), about["digits"])
                    for metric, about in swept.metrics.items()
                ),
            ),
            base.title,
        )
        for base in swept.bases
        for curve, value, variant in base.points
    ]
    titles = (
        f"{about['title']}{', ' + about['unit'] if about['unit'] else ''}"
        for about in swept.metrics.values()
    )
    return Table(
        "sweep",
        "Each metric at each value, with 95 % intervals over its runs; a variant that the sweep "
        f"does not vary has one row; {swept.evidence.workload}.",
        (*_place_columns(swept), *numeric(*titles, interval=True)),
        tuple(rows),
    )


def costs(swept: Swept) -> Table:
    """Return what each point is, and what it took: containers, time, CPU, memory."""
    metrics: Mapping[str, Any] = swept.evidence.summary["metrics"]
    rows = []
    for base in swept.bases:
        for curve, value, variant in base.points:
            run_s = swept.found["points"][variant.name]["run_s"]
            mean_s = sum(run_s) / len(run_s)
            rows.append(
                Row(
                    (
                        *_place(swept, base, curve, value),
                        *(
                            Cell(numbers.number(variant.facts[key]), variant.facts[key])
                            for key in (CONTAINERS, SLOTS)
                        ),
                        Cell(numbers.number(len(run_s)), len(run_s)),
                        Cell(numbers.number(mean_s), mean_s),
                        *(
                            estimate_cell(variant.estimate(name), metrics[name]["digits"])
                            for name in COSTS
                        ),
                        verdict_cell(variant.facts["audit_verdict"]),
                    ),
                    base.title,
                )
            )
    named = (f"{metrics[name]['title']}, {metrics[name]['unit']}" for name in COSTS)
    return Table(
        "points",
        "What each point takes; a run counts from bringing up until it is saved; "
        f"{swept.evidence.workload}.",
        (
            *_place_columns(swept),
            *numeric("Containers", "Payment slots", "Runs", "Time per run, s"),
            *numeric(*named, interval=True),
            *texts("Audit"),
        ),
        tuple(rows),
    )


def scaling(swept: Swept) -> Table | None:
    """Return the Universal Scalability Law of each curve that grows; None if there is none."""
    rows = tuple(_scaling_rows(swept))
    if not rows:
        return None
    return Table(
        "scaling",
        "The Universal Scalability Law, X(N) = λN ÷ (1 + σ(N − 1) + κN(N − 1)): σ is the share "
        "that must be done one at a time, κ what each pair costs to agree. 95 % intervals of the "
        f"fit; residuals of the means, by value; {swept.evidence.workload}.",
        (
            *texts("Metric"),
            *numeric("λ", "σ", "κ", interval=True),
            *numeric("Peak at", "Largest residual, %"),
            *texts("Residuals", "Fit"),
        ),
        rows,
    )


def _scaling_rows(swept: Swept) -> Iterator[Row]:
    for curve in swept.curves:
        for metric, law in curve.scaling.items():
            about = swept.metrics[metric]
            shares = [100 * one for one in law["residuals"]]
            most = max(map(abs, shares), default=None)
            said = ", ".join(
                f"{value_words(size)}: {numbers.signed(share, 1)}\N{NO-BREAK SPACE}%"
                for size, share in zip(law["sizes"], shares, strict=True)
            )
            yield Row(
                (
                    Cell(str(about["title"])),
                    _parameter(law["rate"], about["digits"]),
                    _parameter(law["contention"], 4),
                    _parameter(law["coherency"], 6),
                    Cell(numbers.number(law["peak"], 1), law["peak"]),
                    Cell(numbers.number(most, 1), most),
                    Cell(said),
                    Cell("as shown" if law["fits"] else f"not shown: {law['reason']}"),
                ),
                f"{curve.named}, along {curve.key}",
                about["unit"],
            )


def _parameter(found: Mapping[str, float] | None, digits: int) -> Cell:
    if found is None:
        return Cell(numbers.NOTHING)
    value, low, high = found["value"], found["low"], found["high"]
    shown = f"{numbers.number(value, digits)} {numbers.interval(low, high, digits)}"
    return Cell(shown, value, low, high)


def _place(swept: Swept, base: Base, curve: Curve | None, value: Value | None) -> tuple[Cell, ...]:
    """Return where a point lies: its value of every key, a dash for a variant that has none."""
    point = {} if curve is None else {curve.key: value, **curve.fixed}
    return tuple(_number(point.get(key)) for key in swept.found["keys"])


def _place_columns(swept: Swept) -> tuple[Any, ...]:
    return numeric(*swept.found["keys"])


def _knee(shape: Shape, value: float | None) -> Cell:
    if shape is not Shape.OPEN:
        return _number(value)
    return Cell(f"≥ {value_words(value)}", note="not decided: it may lie at any later value")


def _number(value: Value | None) -> Cell:
    return Cell(value_words(value), None if isinstance(value, str) else value)
