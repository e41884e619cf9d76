"""The tables of a campaign of cases: the worst of each, and those without faults side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from report.evidence import Evidence, Variant
from report.tables.cells import Cell, Column, Row, Table, estimate_cell, numeric, texts
from report.tables.fault_table import FOUND, found, measured, recovery
from report.tables.judgements import verdict_cell
from report.tables.metric_tables import change_cell, count_cell, metrics_in_order

Case = Mapping[str, Any]


def cases_of(evidence: Evidence, variant: Variant) -> list[Case]:
    """Return the cases of a variant in the order in which they first ran."""
    return [case for case in evidence.summary["cases"] if case["variant"] == variant.name]


def cases(evidence: Evidence) -> Table:
    """Return every case with the worst that its faults did in any of its runs."""
    rows = [
        Row(_cells(case), variant.title)
        for variant in evidence.variants
        for case in cases_of(evidence, variant)
    ]
    return Table(
        "cases",
        f"The worst of each case over its runs, and what the audit found in all; "
        f"{evidence.workload}.",
        (
            *texts("Case", "Audit"),
            *numeric("Runs", "Faults", "In flight, least", "Recovery, worst, s"),
            *numeric("Failing, longest, s", "Failed requests, most", "Slowest purchase, ms"),
            *numeric(*(title for title, _ in FOUND)),
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
    """Return, for each variant with cases without faults, their headline metrics compared."""
    tables = []
    for variant in evidence.variants:
        quiet = [case for case in cases_of(evidence, variant) if not case["faults"]]
        if len(quiet) > 1:
            tables.append(_compared(evidence, variant, quiet))
    return tables


def _compared(evidence: Evidence, variant: Variant, shown: Sequence[Case]) -> Table:
    columns = [*texts("Metric")]
    columns += [Column(str(case["case"]), interval=True, below=_below(case)) for case in shown]
    rows = []
    for metric, facts in metrics_in_order(evidence):
        if metric in shown[0]["metrics"]:
            cells = [Cell(str(facts["title"]))]
            for case in shown:
                cell = estimate_cell(case["metrics"][metric], facts["digits"])
                found = case["ratios"].get(metric)
                below = (change_cell(found, facts), count_cell(found["n"])) if found else ()
                cells.append(replace(cell, below=below))
            rows.append(Row(tuple(cells), facts["group"], facts["unit"]))
    return Table(
        f"cases-{variant.name}",
        f"{variant.title}: cases without faults, under the same draws; 95 % intervals, ratios "
        f"paired by block; {evidence.workload}.",
        tuple(columns),
        tuple(rows),
    )


def _below(case: Case) -> tuple[Column, ...]:
    if not case["ratios"]:
        return ()
    title = f"{case['case']}, compared with {case['compared_with']}"
    return *numeric(title, interval=True), *numeric(f"n of {case['case']}")
