"""The table of faults: what each did to orders and buyers, and what the audit found of its run."""

from collections.abc import Mapping
from typing import Any

from harness.results.outages import action, target
from report import numbers
from report.document import Part
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, numeric, texts
from report.tables.judgements import verdict_cell

FOUND = (
    ("Lost", "lost"),
    ("Cancelled", "cancelled"),
    ("Unfinished", "unfinished"),
    ("Duplicated", "duplicated"),
    ("Double-charged", "double_charged"),
    ("Charged in vain", "charged_in_vain"),
    ("Oversold", "oversold"),
    ("Endless streams", "endless_streams"),
)
"""What the audit may have found, as it stands at the heads of columns and in the summary."""

LEAD = (
    "Recovery is the longest that an order in flight at the fault, or accepted before its end, was "
    "held up beyond its own payment. What the audit found in the whole run: orders that were "
    "acknowledged and are nowhere (lost), were refused later (cancelled), or had no end when the "
    "drain's limit had passed (unfinished); keys with several orders (duplicated), orders charged "
    "more than once (double-charged), money without a confirmed order (charged in vain), units "
    "sold beyond the stock (oversold), and event streams without an end."
)


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Return the part of a report about its faults; nothing if there were none."""
    if not evidence.summary["faults"]:
        return ()
    return (Part("faults", "Faults", (LEAD, _table(evidence))),)


def _table(evidence: Evidence) -> Table:
    """Return every fault of every run with its effects."""
    faults = evidence.summary["faults"]
    titles = evidence.titles
    has_cases = any(fault["case"] for fault in faults)
    order = {name: position for position, name in enumerate(titles)}
    rows = [
        Row(_cells(fault, has_cases=has_cases), titles[fault["variant"]])
        for fault in sorted(faults, key=lambda fault: (order[fault["variant"]], fault["run"]))
    ]
    effects = ("Begun, s", "In flight", "Back after, s", "Recovery, s", "Failing, s")
    return Table(
        "faults",
        f"Every fault and what it did; {evidence.workload}.",
        (
            *texts("Run", *["Case"] * has_cases, "Fault", "Target"),
            *numeric(*effects, "Failed requests", *(title for title, _ in FOUND)),
            *texts("Audit", "What buyers saw"),
        ),
        tuple(rows),
    )


def _cells(fault: Mapping[str, Any], *, has_cases: bool) -> tuple[Cell, ...]:
    back_s = None
    if fault["healthy_s"] is not None and fault["begun_s"] is not None:
        back_s = fault["healthy_s"] - fault["begun_s"]
    error = f"not as planned: {fault['error']}" if fault["error"] else ""
    return (
        Cell(f"{fault['run']} (seed {fault['seed']})", note=error),
        *([Cell(fault["case"])] if has_cases else []),
        Cell(action(fault)),
        Cell(target(fault)),
        measured(fault["begun_s"], 1),
        measured(fault["in_flight"]),
        measured(back_s, 1, note="" if back_s is not None else "not healthy again"),
        recovery(fault["recovery_s"], fault["unsettled"]),
        _window(fault),
        measured(fault["failed_requests"]),
        *(found(fault.get(name)) for _, name in FOUND),
        verdict_cell(fault["verdict"]),
        Cell(_seen(fault), tone="long"),
    )


def measured(value: float | None, digits: int = 0, note: str = "") -> Cell:
    """Return a number that may not be there as a cell."""
    return Cell(numbers.number(value, digits), value, note=note)


def recovery(value: float | None, unsettled: int | None) -> Cell:
    """Return a recovery time; a dash says why if there is none."""
    note = f"{unsettled} orders were never settled" if unsettled else ""
    return measured(value, 1, note)


def found(count: int | None) -> Cell:
    """Return how often the audit found something: 0 is good, a dash means that nobody knows."""
    if count is None:
        return Cell("not known", tone="unknown")
    return Cell(numbers.number(count), count, tone="fail" if count else "")


def _window(fault: Mapping[str, Any]) -> Cell:
    """Return for how long requests failed, and from when to when."""
    begun_s, ended_s = fault["failing_from_s"], fault["failing_to_s"]
    if begun_s is None:
        return Cell("0" if fault["begun_s"] is not None else numbers.NOTHING)
    shown = f"{numbers.number(ended_s - begun_s, 1)} ({begun_s:.1f}–{ended_s:.1f})"
    return Cell(shown, ended_s - begun_s)


def _seen(fault: Mapping[str, Any]) -> str:
    seen = [f"{count:,} × {what}" for what, count in fault["seen"].items()]
    if fault["slowest_purchase_ms"] is not None:
        seen.append(f"slowest purchase {numbers.duration(fault['slowest_purchase_ms'])}")
    return ", ".join(seen)
