"""The order funnel as a figure: a step is as wide as the share of the attempts that reached it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from report.charts import plotting, theme
from report.charts.chart import Chart, each
from report.charts.figures import Figure, Picture
from report.evidence import Evidence, Variant
from report.numbers import number, short
from report.tables.metric_tables import exits

NAMES_PX: Final = 126
"""Room for the names of the steps, left of the plot."""
NUMBERS: Final = 78.0
"""Room for the numbers right of the funnel, in % of the attempts."""
HALF: Final = 0.29
"""Half the height of a step, of its row: the rest shows how many did not reach the next."""

Steps = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelChart(Chart):
    """How many of all attempts came how far, a picture for each variant."""

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figure of a campaign."""
        steps: Mapping[str, Steps] = evidence.summary["funnel"]
        figure = Figure(
            id=self.id,
            title=self.title,
            caption=each(evidence, lambda variant: caption(steps.get(variant.name, ()))),
            pictures=tuple(self._picture(steps[one.name], one) for one in evidence.variants),
        )
        return (figure,)

    def _picture(self, steps: Steps, variant: Variant) -> Picture:
        name, title, colour = plotting.panel_words(self.id, "", (variant,))
        drawing, ax = plotting.frame(title, self.unit, colour, (), left_px=NAMES_PX)
        _draw(ax, steps, theme.LIGHT[variant.tone])
        plotting.hatch_unranked(ax, variant)
        rows = ", ".join(f"{row['title']} {short(row['mean'])}" for row in steps)
        return plotting.picture(drawing, name, f"{self.title}. {variant.title}: {rows}.")


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


def _draw(ax: Axes, steps: Steps, colour: str) -> None:
    """Draw the steps from the top, between two of them what narrows, and who left there."""
    shares = [float(step["share_of_attempts"] or 0.0) for step in steps]
    widest = max(shares, default=0.0) or 100.0
    for row, (step, share) in enumerate(zip(steps, shares, strict=True)):
        ax.add_patch(
            Rectangle((-share / 2, row - HALF), share, 2 * HALF, facecolor=colour, linewidth=0)
        )
        ax.text(widest / 2 + 4, row, _label(step), fontsize=10.5, color=theme.INK, va="center")
    for row, (above, below) in enumerate(pairwise(shares)):
        corners = [
            (-above / 2, row + HALF), (above / 2, row + HALF),
            (below / 2, row + 1 - HALF), (-below / 2, row + 1 - HALF),
        ]  # fmt: skip
        ax.add_patch(Polygon(corners, facecolor=theme.GRID, linewidth=0, zorder=0))
        if left := exits(steps[row]["left"]):
            ax.text(
                0, row + 0.5, f"− {left}", fontsize=9, color=theme.MUTED, ha="center", va="center"
            )
    ax.set_xlim(-widest / 2 - 4, widest / 2 + NUMBERS * widest / 100)
    ax.set_ylim(len(steps) - 0.5, -0.5)
    ax.set_yticks(range(len(steps)), [step["title"] for step in steps])
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)


def _label(step: Mapping[str, Any]) -> str:
    """Return how many reached a step, and what share of the attempts that is."""
    share = step["share_of_attempts"]
    return short(step["mean"]) + ("" if share is None else f" · {number(share, 1)} %")


FUNNEL: Final = FunnelChart(
    id="funnel",
    title="Order funnel",
    lead="How many of all attempts to buy reached each step, as the width of a step, means of the "
    "runs; each is read from another store. In grey: how those ended who came no further.",
    unit="attempts and orders",
)
