"""The JSON of github-action-benchmark's tool ``customSmallerIsBetter``.

Its README (benchmark-action/github-action-benchmark, "Custom benchmarks"): an array of objects, of
which each "only needs to provide `name`, `unit`, and `value`"; `range` ("results' variance") and
`extra` are optional strings.

Metrics of which more is better are left out: the tool alerts when a value grows, and a value turned
over would no longer be in the unit that people read. None of the metrics that this project's gate
asks for is one.
"""

from harness.gate.result import Result, Row
from report.gate import gate_words
from report.gate.exports import bounds, measured
from report.gate.gate_json import as_json

FILE = "github-action-benchmark.json"


def render(result: Result) -> str:
    """Return the file."""
    entries = [_entry(row, head) for row, head in measured(result) if row.better == "lower"]
    return as_json(entries)


def _entry(row: Row, head: float) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": f"{row.subject}/{row.metric}",
        "unit": row.unit,
        "value": head,
        "extra": f"{row.title}; base {gate_words.value(row, row.base)}, "
        f"change {gate_words.change(row)}; {row.blocks} blocks; {row.ruling}",
    }
    if (span := bounds(row)) is not None:
        entry["range"] = f"{span[0]:.4g} to {span[1]:.4g}"
    return entry
