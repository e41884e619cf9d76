"""The tables of a search: the answer of each variant, every level, every run, what was used up."""

from collections.abc import Iterator

from harness.capacity.capacity_document import (
    Answer,
    Level,
    LevelRun,
    Outcome,
    Resource,
    VariantCapacity,
    unit,
)
from report import numbers
from report.capacity.searched import Searched
from report.tables.cells import Cell, Row, Table, numeric, percent, texts

TONES = {Outcome.PASSED: "pass", Outcome.FAILED: "fail", Outcome.UNMEASURED: "unknown"}
SHOWN = 0.05
"""What was full for less than this share of the time is left out."""


def capacities(found: Searched) -> Table:
    """Return the answer of each variant."""
    rows = [
        Row(
            (
                Cell(one.title),
                _served(one),
                _level(one.not_served),
                Cell(one.gave_out.name if one.gave_out else numbers.NOTHING),
                Cell(str(sum(len(level.runs) for level in one.levels))),
                Cell("yes" if one.settled else "no: the runs were used up"),
            )
        )
        for one in found.document.capacities
    ]
    what = unit(found.document.of)
    return Table(
        "capacities",
        f"What each variant serves; {found.evidence.workload}.",
        (
            *texts("Variant"),
            *numeric(f"Serves, {what}", f"Does not serve, {what}"),
            *texts("Gave out"),
            *numeric("Runs"),
            *texts("Ends close and repeated"),
        ),
        tuple(rows),
    )


def levels(found: Searched) -> Table:
    """Return every level with the medians of its runs."""
    rows = [
        Row(
            (
                Cell(f"{one.level:,}", one.level),
                Cell(
                    f"{one.passed} of {len(one.runs)}",
                    one.passed,
                    tone="pass" if one.served else "fail",
                ),
                *_middle(one),
                Cell("; ".join(dict.fromkeys(run.reasons[0] for run in one.runs if run.reasons))),
            ),
            capacity.title,
        )
        for capacity in found.document.capacities
        for one in capacity.levels
    ]
    return Table(
        "levels",
        f"Every level; latency, errors and drain are those of its median run; "
        f"{found.evidence.workload}.",
        (
            *numeric(
                f"Level, {unit(found.document.of)}",
                "Runs passed",
                "Purchase p95, ms",
                "Errors, %",
                "Drain, s",
            ),
            *texts("Why not"),
        ),
        tuple(rows),
    )


def runs(found: Searched) -> Table:
    """Return every run in the order in which they were made, by variant."""
    rows = [
        Row(
            (
                Cell(str(run.index), run.index),
                Cell(f"{level.level:,}", level.level),
                Cell(str(run.outcome), tone=TONES[run.outcome]),
                Cell(f"{run.purchases:,}", run.purchases),
                *_values(run),
                Cell("; ".join(run.reasons)),
            ),
            capacity.title,
        )
        for capacity in found.document.capacities
        for level, run in _in_order(capacity)
    ]
    return Table(
        "level-runs",
        f"Every run; purchases are those of the busiest stage; {found.evidence.workload}.",
        (
            *numeric("Run", f"Level, {unit(found.document.of)}"),
            *texts("Outcome"),
            *numeric("Purchases", "Purchase p95, ms", "Errors, %", "Drain, s"),
            *texts("Reasons"),
        ),
        tuple(rows),
    )


def used(found: Searched) -> Table:
    """Return what was used up in each run of the two ends."""
    rows = [
        Row(
            (
                Cell(f"{level.level:,}", level.level),
                Cell(str(run.index), run.index),
                Cell(one.name),
                percent(100 * one.full, 0),
                percent(100 * one.used, 0),
                Cell(one.words),
            ),
            capacity.title,
        )
        for capacity in found.document.capacities
        for level in capacity.levels
        if level.level in (capacity.served, capacity.not_served)
        for run in level.runs
        for one in _notable(run)
    ]
    return Table(
        "used",
        "What had nothing to spare for some of the busiest stage, or was used most, in the runs of "
        f"both ends; {found.evidence.workload}.",
        (
            *numeric(f"Level, {unit(found.document.of)}", "Run"),
            *texts("Resource"),
            *numeric("Full for, % of the time", "Used on average, %"),
            *texts("In words"),
        ),
        tuple(rows),
    )


def _notable(run: LevelRun) -> list[Resource]:
    """Return what was full at some time; if nothing was, what was used most."""
    full = [one for one in run.resources if one.full >= SHOWN]
    return full or sorted(run.resources, key=lambda one: -one.used)[:1]


def _in_order(capacity: VariantCapacity) -> Iterator[tuple[Level, LevelRun]]:
    found = [(level, run) for level in capacity.levels for run in level.runs]
    yield from sorted(found, key=lambda pair: pair[1].index)


def _middle(level: Level) -> tuple[Cell, ...]:
    """Return latency, errors and drain of the median run of a level, by its latency."""
    endless = float("inf")
    ordered = sorted(
        level.runs, key=lambda run: endless if run.purchase_p95_ms is None else run.purchase_p95_ms
    )
    return _values(ordered[(len(ordered) - 1) // 2])


def _values(run: LevelRun) -> tuple[Cell, ...]:
    latency_ms, drain_s = run.purchase_p95_ms, run.drain_s
    return (
        Cell(numbers.NOTHING, note="too few purchases were acknowledged")
        if latency_ms is None
        else Cell(numbers.number(latency_ms, numbers.fitting(latency_ms, 1, "ms")), latency_ms),
        Cell(numbers.short(run.error_pct), run.error_pct),
        Cell(numbers.NOTHING, note="not every order was settled")
        if drain_s is None
        else Cell(numbers.number(drain_s, 1), drain_s),
    )


def _served(one: VariantCapacity) -> Cell:
    if one.served is None:
        return Cell(numbers.NOTHING)
    least = "≥ " if one.answer is Answer.AT_LEAST else ""
    return Cell(f"{least}{one.served:,}", one.served)


def _level(level: int | None) -> Cell:
    return Cell(numbers.NOTHING) if level is None else Cell(f"{level:,}", level)
