"""A CSV of one row for Apache Otava, which finds change points in a history of them.

docs/CSV.md of apache/otava: a `time_column`, `attributes` that are copied as they are, and a column
per metric. Otava (otava/importer.py) reads every metric of every row as a number, so one that could
not be measured has no column. A history is the header of one gate and the row of each; its test
configuration stands in docs/gate-results.md. No column is named `branch`: Otava would then refuse
rows of more than one.
"""

import csv
import io
import re

from harness.gate.result import Result, Row
from report.gate.exports import measured

FILE = "otava.csv"
TIME, ATTRIBUTES = "time", ("commit", "base", "verdict")


def render(result: Result) -> str:
    """Return the file; without a row if there is nothing to keep."""
    values = list(measured(result))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([TIME, *ATTRIBUTES, *(column(row) for row, _ in values)])
    if values:
        about = (result.head.revision, result.base.revision, result.verdict)
        numbers = (f"{head:.9g}" for _, head in values)
        writer.writerow([result.created_at, *(one or "" for one in about), *numbers])
    return buffer.getvalue()


def column(row: Row) -> str:
    """Return the name of a metric's column: ``queue.order_time_p95_s``."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', row.subject)}.{row.metric}"
