"""The order funnel as a figure: points on a logarithmic axis, because attempts dwarf sales."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from report.charts import plotting, theme
from report.charts.chart import Chart, each, groups
from report.charts.figures import Figure, Picture
from report.evidence import Evidence, Variant
from report.numbers import number, short

NAMES_PX = 130
"""Room for the names of the steps, left of the plot."""
SPREAD = 0.72
"""So much of a step's row the variants share, so that none hides another."""

Steps = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelChart(Chart):
    """How many of all attempts came how far."""

    def figure(self, evidence: Evidence) -> Figure:
        """Return the figure of a campaign."""
        steps: Mapping[str, Steps] = evidence.summary["funnel"]
        reached = [n for rows in steps.values() for row in rows for n in row["per_run"] if n > 0]
        limits = (min(reached), max(reached)) if reached else (1.0, 10.0)
        return Figure(
            id=self.id,
            title=self.title,
            caption=each(evidence, lambda variant: caption(steps.get(variant.name, ()))),
            pictures=tuple(self._picture(steps, shown, limits) for shown in groups(evidence)),
        )

    def _picture(
        self, steps: Mapping[str, Steps], shown: tuple[Variant, ...], limits: tuple[float, float]
    ) -> Picture:
        name, title, colour = plotting.panel_words(self.id, "Compared", shown)
        legend = (
            plotting.variant_legend(shown)
            if len(shown) > 1
            else plotting.run_legend(shown[0], "mean of the runs")
        )
        drawing, ax = plotting.frame(title, self.unit, colour, legend, left_px=NAMES_PX)
        for place, variant in enumerate(shown):
            aside = SPREAD * ((place + 0.5) / len(shown) - 0.5)
            _draw(ax, steps[variant.name], variant, aside, alone=len(shown) == 1)
        _axes(ax, steps[shown[0].name], max(limits[0] / 2, 0.5), limits[1])
        if len(shown) == 1:
            plotting.hatch_unranked(ax, shown[0])
        parts = []
        for variant in shown:
            rows = ", ".join(f"{row['title']} {short(row['mean'])}" for row in steps[variant.name])
            parts.append(f"{variant.title}: {rows}")
        return plotting.picture(drawing, name, f"{self.title}. {'; '.join(parts)}.")


def caption(rows: Steps) -> str:
    """Return how far the attempts of a variant came, and at which step most of them ended."""
    if not rows or not rows[0]["mean"]:
        return "no attempt"
    first, last = rows[0], rows[-1]
    share = 100 * last["mean"] / first["mean"]
    losses = [(before["mean"] - after["mean"], after["title"]) for before, after in pairwise(rows)]
    most, where = max(losses, key=lambda loss: loss[0])
    text = f"of {number(first['mean'])} attempts {number(share, 1)} % ended as a sale"
    if not last["mean"]:
        text = f"none of {number(first['mean'])} attempts ended as a sale"
    return f"{text}; most were lost before “{where}” ({number(most)})" if most > 0 else text


def _draw(ax: Axes, steps: Steps, variant: Variant, aside: float, *, alone: bool) -> None:
    colour = theme.LIGHT[variant.tone]
    rows = np.arange(len(steps)) + aside
    means = np.array([step["mean"] for step in steps], dtype=np.float64)
    seen = means > 0
    ax.plot(
        means[seen], rows[seen], color=colour, linewidth=0, marker="o", markersize=7,
        markerfacecolor=colour if variant.ranked else theme.PAPER,
    )  # fmt: skip
    for row, step in zip(rows, steps, strict=True):
        runs = [n for n in step["per_run"] if n > 0]
        ax.plot(runs, [row] * len(runs), color=colour, linewidth=0, marker="|", markersize=11,
                markeredgewidth=plotting.THIN)  # fmt: skip
        if alone:
            ax.annotate(
                short(step["mean"]), (max(step["mean"], 1), row), xytext=(9, 0),
                textcoords="offset points", color=colour, fontsize=11, fontweight="bold",
                va="center", annotation_clip=False,
            )  # fmt: skip


def _axes(ax: Axes, steps: Steps, low: float, high: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high * 6)
    ax.xaxis.set_major_locator(LogLocator(10))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(axis="both", color=theme.GRID, linewidth=1)
    ax.set_ylim(len(steps) - 0.5, -0.5)
    ax.set_yticks(range(len(steps)), [step["title"] for step in steps])


FUNNEL = FunnelChart(
    id="funnel",
    title="Order funnel",
    lead="How many of all attempts to buy reached each step; each is read from another store.",
    unit="attempts and orders (log)",
)
