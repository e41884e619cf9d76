"""Bencher Metric Format, for ``bencher run --adapter json --file bencher.json``.

bencher.dev/docs/reference/bencher-metric-format: an object of benchmarks by name, each an object of
measures by slug, each with the number `value` and, optional, `lower_value` and `upper_value`. A
measure that Bencher does not know is created; slugs have at most 64 characters. Which way is better
is no part of the format: a threshold in Bencher has the boundary on the side that is worse.
"""

from harness.gate.result import Result
from report.gate.exports import bounds, measured
from report.gate.gate_json import as_json

FILE = "bencher.json"


def render(result: Result) -> str:
    """Return the file: a benchmark per subject, a measure per metric."""
    benchmarks: dict[str, dict[str, dict[str, float]]] = {}
    for row, head in measured(result):
        metric = {"value": head}
        if (span := bounds(row)) is not None:
            metric |= {"lower_value": span[0], "upper_value": span[1]}
        benchmarks.setdefault(row.subject, {})[row.metric.replace("_", "-")] = metric
    return as_json(benchmarks)
