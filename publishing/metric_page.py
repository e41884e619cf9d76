"""The reference of the metrics, from their declarations."""

from itertools import groupby

from harness.analysis.metric import Metric
from harness.analysis.metrics import METRICS
from publishing.markdown_table import markdown_table

HEAD = """# Metrics

Generated from the declarations beside the functions that measure them. The id of a metric is its
name in `summary.json`, in `gate.toml` and in the CSV files. δ is the difference that does not
matter: a share of a ratio or, where a value is zero, the difference itself.
[The methodology](methodology.md#the-numbers) says how percentiles and intervals are made, and what
could be wrong with them.
"""


def metric_page() -> str:
    """Return the page, with a table for each group."""
    sections = [
        f"## {group}\n\n{markdown_table(['metric', 'unit', 'better', 'δ', 'meaning'], rows)}"
        for group, metrics in groupby(METRICS.values(), key=lambda one: one.group)
        if (rows := [_row(one) for one in metrics])
    ]
    return "\n\n".join([HEAD, *sections]) + "\n"


def _row(one: Metric) -> tuple[str, str, str, str, str]:
    return (
        f"{one.title}<br>`{one.id}`",
        one.unit or "–",
        one.better or "–",
        _margin(one),
        one.description,
    )


def _margin(one: Metric) -> str:
    margin = one.margin
    if not margin.share:
        return "none"
    return f"{margin.share:.0%} or {margin.absolute:g} {one.unit}".rstrip()
