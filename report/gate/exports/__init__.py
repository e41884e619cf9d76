"""What a gate measured, in the formats of tools that keep a history.

They get the values of head. If the verdict does not rest on the metrics (INVALID, CORRECTNESS), or
there are none, they get nothing: a point that says nothing must not enter a history. Metrics that
could not be measured are left out.
"""

from collections.abc import Iterator

from harness.gate.result import Result, Row
from report.gate import gate_words


def measured(result: Result) -> Iterator[tuple[Row, float]]:
    """Yield the metrics that may be kept, with the value of head in the metric's unit."""
    if gate_words.counts(result):
        for row in result.rows:
            if row.head is not None:
                yield row, row.head


def bounds(row: Row) -> tuple[float, float] | None:
    """Return between what head lies, in the metric's unit, if base is what it was measured as.

    They are the one-sided bounds of the change, applied to base: what is known of head beside base,
    not how head would scatter from night to night.
    """
    if row.base is None or row.low is None or row.high is None:
        return None
    if row.kind == "difference":
        return row.base + row.low, row.base + row.high
    return row.base * row.low, row.base * row.high
