"""The table of service times beside response times, for every kind of request."""

from report import numbers
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, numeric, texts

QUANTILES = ("p50", "p95", "p99")
COUNTS = (("Requests", "requests"), ("Answered", "answered"))
TIMES = tuple(
    (f"{kind.capitalize()} {quantile}, ms", f"{kind}_{quantile}_ms")
    for kind in ("service", "response")
    for quantile in QUANTILES
)


def table(evidence: Evidence) -> Table:
    """Return both times of every kind of request of every variant."""
    rows = []
    for variant in evidence.variants:
        for kind in evidence.summary["responses"][variant.name]:
            counts = [Cell(numbers.number(kind[key]), kind[key]) for _, key in COUNTS]
            times = [Cell(numbers.number(kind[key], 1), kind[key]) for _, key in TIMES]
            name = Cell(f"{kind['request']}: {kind['route']}")
            rows.append(Row((name, *counts, *times), variant.title))
    return Table(
        "responses",
        "Service time: from sending to the answer. Response time: from the intended start. "
        f"Answered requests, merged; counts are means over the runs; {evidence.workload}.",
        (*texts("Request"), *numeric(*(title for title, _ in (*COUNTS, *TIMES)))),
        tuple(rows),
    )
