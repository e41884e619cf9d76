"""The order funnel as a figure: points on a logarithmic axis, because attempts dwarf sales."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from report.charts import plotting, theme
from report.charts.figures import Chart
from report.charts.percentile_curves import approach_legend
from report.evidence import Approach, Evidence
from report.numbers import short

NAMES_PX = 130
"""Room for the names of the steps, left of the plot."""
SPREAD = 0.72
"""So much of a step's row the approaches share, so that none hides another."""


def funnel_charts(evidence: Evidence) -> Iterator[Chart]:
    """Draw how many of all attempts came how far: all approaches together, then each alone."""
    groups: list[tuple[Approach, ...]] = [(approach,) for approach in evidence.approaches]
    if len(groups) > 1:
        groups.insert(0, evidence.approaches)
    steps = {a.name: evidence.summary["funnel"].get(a.name, []) for a in evidence.approaches}
    values = [n for rows in steps.values() for row in rows for n in row["per_run"] if n > 0]
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    for shown in groups:
        name, title, colour = plotting.panel_words("funnel", "Compared", shown)
        legend = approach_legend(shown)
        if len(shown) == 1:
            legend[0] = ("mean of the runs", legend[0][1])
        drawing, ax = plotting.panel(
            title, "attempts and orders (log)", colour, legend, left_px=NAMES_PX
        )
        for place, approach in enumerate(shown):
            aside = SPREAD * ((place + 0.5) / len(shown) - 0.5)
            _draw(ax, steps[approach.name], approach, aside, alone=len(shown) == 1)
        _axes(ax, steps[shown[0].name], max(low / 2, 0.5), high)
        plotting.hatch_unranked(ax, shown)
        yield plotting.finish(drawing, name, _alt(steps, shown))


def _draw(
    ax: Axes, steps: Sequence[dict[str, Any]], approach: Approach, aside: float, *, alone: bool
) -> None:
    colour = theme.approach_colour(approach.position)
    rows = np.arange(len(steps)) + aside
    means = np.array([step["mean"] for step in steps], dtype=np.float64)
    seen = means > 0
    ax.plot(
        means[seen], rows[seen], color=colour, linewidth=0, marker="o", markersize=7,
        markerfacecolor=colour if approach.ranked else theme.PAPER,
    )  # fmt: skip
    for row, step in zip(rows, steps, strict=True):
        runs = [n for n in step["per_run"] if n > 0]
        ax.plot(runs, [row] * len(runs), color=colour, linewidth=0, marker="|", markersize=11,
                markeredgewidth=plotting.THIN)  # fmt: skip
    if alone:
        for row, step in zip(rows, steps, strict=True):
            ax.annotate(
                short(step["mean"]), (max(step["mean"], 1), row), xytext=(9, 0),
                textcoords="offset points", color=colour, fontsize=11, fontweight="bold",
                va="center", annotation_clip=False,
            )  # fmt: skip


def _axes(ax: Axes, steps: Sequence[dict[str, Any]], low: float, high: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high * 6)
    ax.xaxis.set_major_locator(LogLocator(10))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(axis="both", color=theme.GRID, linewidth=1)
    ax.set_ylim(len(steps) - 0.5, -0.5)
    ax.set_yticks(range(len(steps)), [step["title"] for step in steps])


def _alt(steps: dict[str, list[dict[str, Any]]], shown: Sequence[Approach]) -> str:
    parts = []
    for approach in shown:
        rows = ", ".join(f"{row['title']} {short(row['mean'])}" for row in steps[approach.name])
        parts.append(f"{approach.title}: {rows}")
    return f"Order funnel. {'; '.join(parts)}."
