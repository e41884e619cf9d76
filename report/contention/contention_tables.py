"""The tables of a contention test: one row per variant, per stock, and per sale."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.analysis.contention import bound_pct
from report import numbers
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, numeric, texts
from report.tables.judgements import verdict_cell

UNDECIDED = "the audit could not decide it"


def contention(evidence: Evidence) -> Table:
    """Return what the contention tests of each variant came to."""
    confidence = 100 * evidence.summary["contention"]["confidence"]
    probability = f"Probability of an oversell per sale, below ({confidence:g} %)"
    rows = []
    for variant in evidence.variants:
        of = variant.facts
        bound = of["oversold_upper_bound"]
        cells = [
            Cell(variant.title, tone=variant.tone),
            _count(of["sales"]),
            _count(of["oversold_sales"], tone="fail" if of["oversold_sales"] else "pass"),
            _bound(bound),
            *(_count(of[name]) for name in ("units", "sold", "declined", "refused")),
            _count(of["indeterminate"]),
            *(
                Cell(numbers.NOTHING, note=UNDECIDED)
                if count is None
                else _count(count, tone="fail" if count else "pass")
                for count in of["offences"].values()
            ),
            Cell(numbers.number(of["attempts_per_s"]), of["attempts_per_s"]),
            _count(of["in_flight_median"]),
            _count(of["in_flight_max"]),
        ]
        rows.append(Row(tuple(cells)))
    return Table(
        "contention",
        "Sales of valid runs that the audit could decide, and what became of the attempts; open: "
        "no answer after all retries. Attempts/s and requests in flight (sent, not yet answered) "
        f"are those while a sale was on; {evidence.workload}.",
        (
            *texts("Variant"),
            *numeric("Sales", "Oversold sales", probability, "Units on sale", "Sold", "Declined"),
            *numeric("Refused", "Open", "Lost (I3)", "Duplicated (I5)", "Wrongly charged (I6)"),
            *numeric("Attempts/s", "In flight, median sale", "In flight, most"),
        ),
        tuple(rows),
    )


def _bound(bound: float | None) -> Cell:
    if bound is None:
        return Cell(numbers.NOTHING, note=UNDECIDED)
    return Cell(numbers.with_unit(bound_pct(bound), "%"), 100 * bound)


def _count(value: float | None, tone: str = "") -> Cell:
    return Cell(numbers.number(value), value, tone=tone)


def by_stock(evidence: Evidence) -> Table:
    """Return the sales by the number of units that they began with."""
    rows = []
    for variant in evidence.variants:
        of = [row for row in _counted(evidence) if row["variant"] == variant.name]
        for stock in sorted({row["stock"] for row in of}):
            same = [row for row in of if row["stock"] == stock]
            names = ("stock", "sold", "declined", "refused")
            oversold = sum(row["oversold"] == "FAIL" for row in same)
            cells = [Cell(str(stock), float(stock)), _count(len(same))]
            cells += [_count(sum(row[name] for row in same)) for name in names]
            cells.append(_count(sum(row["sold"] == stock for row in same)))
            cells.append(_count(oversold, tone="fail" if oversold else ""))
            rows.append(Row(tuple(cells), variant.title))
    return Table(
        "by-stock",
        f"Sales by the units that they began with; {evidence.workload}.",
        numeric(
            *("Units at the start", "Sales", "Units on sale", "Sold", "Declined", "Refused"),
            *("Sold out to the last unit", "Oversold"),
        ),
        tuple(rows),
    )


def sales(evidence: Evidence) -> Table:
    """Return every sale of every run."""
    names = ("run", "sale", "product_id", "stock", "sold", "declined", "refused", "indeterminate")
    titles = ("Run", "Sale", "Product", "Stock", "Sold", "Declined", "Refused", "Open")
    rows = []
    for variant in evidence.variants:
        for row in evidence.summary["sales"][variant.name]:
            cells = [Cell(str(row[name]), float(row[name])) for name in names]
            cells.append(Cell(numbers.number(row["seconds"], 3), row["seconds"]))
            cells.append(_count(row["in_flight"]))
            cells += [verdict_cell(row["oversold"]), verdict_cell(row["verdict"])]
            rows.append(Row(tuple(cells), variant.title))
    columns = (
        *numeric(*titles, "Seconds", "In flight, most"),
        *texts("No oversell (I1)", "Audit"),
    )
    caption = f"Every sale; {evidence.workload}."
    return Table("sales", caption, columns, tuple(rows))


def _counted(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    """Yield the sales of the runs that count, with their variant."""
    for variant in evidence.variants:
        counted = {run.index for run in variant.counted}
        for row in evidence.summary["sales"][variant.name]:
            if row["run"] in counted:
                yield {**row, "variant": variant.name}
