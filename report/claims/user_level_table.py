"""The table of levels: what requests met, by how many users were active when they were sent."""

from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, estimate_cell, numeric, texts

COLUMNS = (
    ("Requests", "requests", 0),
    ("Errors", "error_rate_pct", 1),
    ("p50", "latency_p50_ms", 0),
    ("p95", "latency_p95_ms", 0),
)


def table(evidence: Evidence) -> Table | None:
    """Return what each variant did on each level of users; None if the load plans no users."""
    levels = evidence.summary["levels"]
    if not any(levels.values()):
        return None
    rows = []
    for variant in evidence.variants:
        for row in levels[variant.name]:
            cells = [Cell(f"≤ {row['up_to']}", row["up_to"])]
            cells += [estimate_cell(row[key], digits) for _, key, digits in COLUMNS]
            rows.append(Row(tuple(cells), variant.title))
    return Table(
        "levels",
        "Requests grouped by active users when they were sent; a level begins "
        "where the one before it ends, and rising and falling load count together. Requests are "
        "means of the runs; latency is that of API requests, an unanswered one longer than all "
        f"others; {evidence.workload}.",
        (*texts("Users"), *numeric(*(title for title, _, _ in COLUMNS), interval=True)),
        tuple(rows),
    )
