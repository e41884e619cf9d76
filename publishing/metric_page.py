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
        if (rows := [_row(*same) for _, same in groupby(metrics, key=lambda one: one.measure)])
    ]
    return "\n\n".join([HEAD, *sections]) + "\n"


def _row(one: Metric, *others: Metric) -> tuple[str, str, str, str, str]:
    """Return the row of all metrics that are statistics of one measured quantity."""
    return (
        "<br>".join(f"{each.title}<br>`{each.id}`" for each in (one, *others)),
        one.unit or "–",
        one.better or "–",
        _margin(one),
        one.description,
    )


def _margin(one: Metric) -> str:
    margin = one.margin
    if not margin.share:
        return "none"
    return f"{margin.share * 100:g} % or {margin.absolute:g} {one.unit}".rstrip()
