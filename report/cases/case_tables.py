"""The tables of a campaign of cases: the worst of each, and those without faults side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from report import numbers
from report.evidence import Approach, Evidence
from report.tables.cells import Cell, Column, Row, Table, estimate_cell
from report.tables.fault_table import FOUND, found, measured, recovery
from report.tables.judgements import verdict_cell
from report.tables.metric_tables import metrics_in_order

Case = Mapping[str, Any]


def cases_of(evidence: Evidence, approach: Approach) -> list[Case]:
    """Return the cases of an approach in the order in which they first ran."""
    return [case for case in evidence.summary["cases"] if case["approach"] == approach.name]


def cases(evidence: Evidence) -> Table:
    """Return every case with the worst that its faults did in any of its runs."""
    rows = [
        Row(_cells(case), approach.title)
        for approach in evidence.approaches
        for case in cases_of(evidence, approach)
    ]
    numeric = (
        "Runs", "Faults", "In flight, least", "Recovery, worst, s", "Failing, longest, s",
        "Failed requests, most", "Slowest purchase, ms", *(title for title, _ in FOUND),
    )  # fmt: skip
    return Table(
        "cases",
        "Cases",
        f"The worst of each case over its runs, and what the audit found in all; "
        f"{evidence.workload}.",
        (
            Column("Case", numeric=False),
            Column("Audit", numeric=False),
            *(Column(title) for title in numeric),
        ),
        tuple(rows),
    )


def _cells(case: Case) -> tuple[Cell, ...]:
    invalid = case["invalid_runs"]
    note = f"invalid: run {', '.join(map(str, invalid))}" if invalid else ""
    quiet = "" if case["faults"] else "no fault"
    failing_s = case["failing_s"] if case["faults"] else None
    if case["faults"] and failing_s is None:
        failing_s = 0.0
    return (
        Cell(str(case["case"])),
        verdict_cell(case["verdict"]),
        Cell(str(case["n"]), case["n"], note=note),
        Cell(str(case["faults"]), case["faults"]),
        measured(case["in_flight_min"], note=quiet),
        recovery(case["recovery_s"], case["unsettled"]),
        measured(failing_s, 1),
        measured(case["failed_requests"]),
        measured(case["slowest_purchase_ms"]),
        *(found(case.get(name)) for _, name in FOUND),
    )


def side_by_side(evidence: Evidence) -> list[Table]:
    """Return, for each approach with cases without faults, their headline metrics compared."""
    tables = []
    for approach in evidence.approaches:
        quiet = [case for case in cases_of(evidence, approach) if not case["faults"]]
        if len(quiet) > 1:
            tables.append(_compared(evidence, approach, quiet))
    return tables


def _compared(evidence: Evidence, approach: Approach, shown: Sequence[Case]) -> Table:
    columns = [Column("Metric", numeric=False)]
    columns += [Column(str(case["case"]), interval=True) for case in shown]
    for case in shown[1:]:
        columns.append(
            Column(f"{case['case']}, compared with {case['compared_with']}", interval=True)
        )
        columns.append(Column("n"))
    rows = []
    for metric, facts in metrics_in_order(evidence):
        if metric in shown[0]["metrics"]:
            cells = [Cell(str(facts["title"]))]
            cells += [estimate_cell(case["metrics"][metric], facts["digits"]) for case in shown]
            for case in shown[1:]:
                cells += _ratio_cells(case["ratios"][metric], facts)
            rows.append(Row(tuple(cells), facts["group"], facts["unit"]))
    return Table(
        f"cases-{approach.name}",
        f"{approach.title}: cases side by side",
        f"{approach.title}: cases without faults, under the same draws; 95 % intervals, ratios "
        f"paired by block; {evidence.workload}.",
        tuple(columns),
        tuple(rows),
    )


def _ratio_cells(ratio: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Cell]:
    note = "; ".join(ratio["warnings"])
    low, high, n = ratio["low"], ratio["high"], ratio["n"]
    count = Cell(str(n), n)
    if ratio["kind"] == "ratio":
        shown = numbers.factor(ratio["factor"], low, high)
        return [Cell(shown, ratio["factor"], low, high, note), count]
    if ratio["kind"] == "difference":
        digits, unit = facts["digits"], facts["unit"]
        shown = numbers.with_unit(numbers.signed(ratio["difference"], digits), unit)
        return [Cell(f"{shown} {numbers.interval(low, high, digits)}".rstrip(), note=note), count]
    return [Cell(numbers.NOTHING, note=note), count]
