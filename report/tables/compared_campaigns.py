"""Two campaigns side by side as one table: what is shown first, and whatever was decided."""

from collections import Counter
from typing import Final

from harness.analysis import METRICS, Compared
from harness.analysis.campaigns import Basis, Measured, Row
from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from harness.analysis.outcomes import Outcome
from report import numbers
from report.tables import outcome_words
from report.tables.cells import (
    Cell,
    Table,
    difference_cell,
    estimate_cell,
    numeric,
    ratio_cell,
    texts,
)
from report.tables.cells import Row as TableRow

ALWAYS_TOLD: Final = (Outcome.BETTER, Outcome.WORSE)
CAPTIONS: Final = {
    "values": "A, B, and B compared with A",
    "ratios": "The machines differ, so only the ratios between variants are compared: "
    "that in A, that in B, and B compared with A",
}
CAVEATS: Final = (
    "B compared with A: geometric means of the runs, with Welch's 95 % interval on logarithms. The "
    "runs of two campaigns are not interleaved, so whatever changed in between is part of it.",
    "Each row stands for itself; of twenty, one may be decided by chance.",
)


def table(compared: Compared) -> Table:
    """Return the headline metrics and whatever else was decided, one group per subject."""
    return Table(
        name="compared",
        caption=f"{CAPTIONS[compared.basis]}. 95 % intervals. {outcome_words.MEANING}",
        columns=(
            *texts("Metric"),
            *numeric("A", "B", "B compared with A", interval=True),
            *numeric("n"),
            *texts("B is"),
        ),
        rows=tuple(_row(row, compared.basis) for row in compared.rows if _is_shown(row)),
    )


def left_out(compared: Compared) -> str:
    """Return what became of the metrics that the table leaves out; nothing if it has them all."""
    rest = Counter(row.outcome for row in compared.rows if not _is_shown(row))
    if not rest:
        return ""
    counted = ", ".join(f"{n} {outcome}" for outcome, n in sorted(rest.items()))
    return f"Not shown here, but in --format json: {counted}."


def _is_shown(row: Row) -> bool:
    return row.metric in listed(Listing.MAIN) or row.outcome in ALWAYS_TOLD


def _row(row: Row, basis: Basis) -> TableRow:
    metric = METRICS[row.metric]
    found = (
        Cell(metric.title),
        _measured(row.a, metric.digits, basis),
        _measured(row.b, metric.digits, basis),
        _change(row),
        Cell(f"{len(row.a.replicates)} + {len(row.b.replicates)}"),
        Cell(row.outcome),
    )
    return TableRow(found, group=row.subject, unit=row.a.unit)


def _measured(found: Measured, digits: int, basis: Basis) -> Cell:
    if basis == "ratios" and found.value is not None:
        return ratio_cell(found.value, found.low, found.high, found.why)
    estimate = {"value": found.value, "low": found.low, "high": found.high, "unit": found.unit}
    return estimate_cell({**estimate, "warnings": [found.why] if found.why else []}, digits)


def _change(row: Row) -> Cell:
    if row.change is None:  # the reason is a note of the value that is missing
        return Cell(numbers.NOTHING)
    if row.kind == "ratio":
        return ratio_cell(row.change, row.low, row.high, row.why)
    digits, unit = METRICS[row.metric].digits, row.a.unit
    return difference_cell(row.change, row.low, row.high, digits, unit, row.why)
