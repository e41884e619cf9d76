"""What requests met by how many users were active: the share that failed, and their latency.

A point is an estimate over the runs, and the line through it its interval. Of a latency that is
known only to be longer than what buyers waited, an open triangle stands at that bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from report import numbers
from report.charts import legends, plotting, theme
from report.charts.chart import Chart, each
from report.charts.figures import Figure, Picture, Section
from report.charts.line_chart import BELOW_ZERO
from report.evidence import Evidence, Variant

SPREAD = 0.36
"""So much of a level the variants share, so that none hides another."""


LEAD = (
    "What requests met, by how many users were active when they were sent. Thin lines are 95 % "
    "intervals; an open triangle is a bound: the true value is higher."
)

Levels = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChart(Chart):
    """A chart by users: which number of a level it shows."""

    key: str
    digits: int
    log: bool = False

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figure of a campaign."""
        levels: Levels = evidence.summary["levels"]
        figure = Figure(
            id=self.id,
            title=self.title,
            caption=each(evidence, lambda one: self._caption(levels[one.name])),
            pictures=(self._picture(levels, evidence.variants),),
        )
        return (figure,)

    def is_known(self, levels: Levels) -> bool:
        """Return True if there is anything to show."""
        found = (row[self.key] for rows in levels.values() for row in rows)
        return any(one["value"] is not None or one["low"] is not None for one in found)

    def _caption(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return what it is like with few users and with most."""
        few, most = (numbers.bare(row[self.key], self.digits) for row in (rows[0], rows[-1]))
        return f"{few} with {_users(rows[0])} users, {most} with {_users(rows[-1])}"

    def _picture(self, levels: Levels, shown: Sequence[Variant]) -> Picture:
        legend = legends.of_variants(shown) if len(shown) > 1 else ()
        drawing, ax = plotting.frame(self.title, self.unit, theme.INK, legend)
        for place, variant in enumerate(shown):
            aside = SPREAD * ((place + 0.5) / len(shown) - 0.5)
            _draw(ax, [row[self.key] for row in levels[variant.name]], variant, aside)
        rows = levels[shown[0].name]
        ax.set_xticks(range(len(rows)), [_users(row) for row in rows])
        ax.set_xlim(-0.5, len(rows) - 0.5)
        ax.set_xlabel("active users", fontsize=11)
        if self.log:
            plotting.log_scale(ax)
            plotting.align_log([ax])
        else:
            high = max(ax.get_ylim()[1], 1.0)
            ax.set_ylim(-BELOW_ZERO * high, high)
        if len(shown) == 1:
            plotting.hatch_unranked(ax, shown[0])
        return plotting.picture(
            drawing, self.id, f"{self.title} ({self.unit}). {self._alt(levels, shown)}"
        )

    def _alt(self, levels: Levels, shown: Sequence[Variant]) -> str:
        """Return every value in words."""
        parts = []
        for variant in shown:
            values = (
                f"{numbers.estimate(row[self.key], self.digits)} at {_users(row)} users"
                for row in levels[variant.name]
            )
            parts.append(f"{variant.title}: {', '.join(values)}")
        return f"{'; '.join(parts)}."


def _users(level: Mapping[str, Any]) -> str:
    return numbers.between(level["above"], level["up_to"])


def _draw(ax: Axes, estimates: Sequence[Mapping[str, Any]], variant: Variant, aside: float) -> None:
    colour = theme.LIGHT[variant.tone]
    known: list[tuple[float, float]] = []
    for level, found in enumerate(estimates):
        at = level + aside
        if found["value"] is None:
            if found["low"] is not None:
                ax.plot(
                    [at], [found["low"]], color=colour, marker="^", markersize=7,
                    markerfacecolor=theme.PAPER,
                )  # fmt: skip
            continue
        known.append((at, found["value"]))
        if found["low"] is not None and found["high"] is not None:
            ax.plot([at, at], [found["low"], found["high"]], color=colour, linewidth=legends.THIN)
    if known:
        ax.plot(
            *zip(*known, strict=True), color=colour, linewidth=legends.THICK,
            linestyle=theme.linestyle(legends.dash_of(variant)),
            **legends.look(theme.variant_marker(variant.position)),
        )  # fmt: skip


ERRORS = LevelChart(
    id="errors-by-users",
    title="Failed requests by users",
    lead=LEAD,
    unit="% of requests with 5xx or no answer",
    key="error_rate_pct",
    digits=1,
)
LATENCY = LevelChart(
    id="latency-by-users",
    title="Latency by users",
    lead=LEAD,
    unit="API latency, p95, unanswered included, ms (log)",
    key="latency_p95_ms",
    digits=0,
    log=True,
)


def section(evidence: Evidence) -> Section | None:
    """Return the figures by users that have something to show; None if there are none."""
    levels: Levels = evidence.summary["levels"]
    known = [one for one in (ERRORS, LATENCY) if one.is_known(levels)]
    found = tuple(figure for one in known for figure in one.figures(evidence))
    return Section("by-users", "By active users", LEAD, found) if found else None
