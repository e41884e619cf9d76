"""What requests met by how many users were active: the share that failed, and their latency.

A point is an estimate over the runs, and the line through it its interval. Of a latency that is
known only to be longer than what buyers waited, the triangle stands at that bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from report import numbers
from report.charts import plotting, theme
from report.charts.figures import Chart, Plate, Section
from report.charts.percentile_curves import approach_legend
from report.evidence import Approach, Evidence

SHIFT = 0.09
"""Side by side, approaches must not hide each other; in levels."""


@dataclass(frozen=True, slots=True)
class LevelKind:
    """A kind of figure by users: which number of a level it shows."""

    id: str
    title: str
    unit: str
    key: str
    digits: int
    log: bool = False


ERRORS = LevelKind("errors-by-users", "Failed requests by users", "% of requests with 5xx or no "
                   "answer", "error_rate_pct", 1)  # fmt: skip
LATENCY = LevelKind("latency-by-users", "Latency by users", "API latency, p95, unanswered "
                    "included, ms (log)", "latency_p95_ms", 0, log=True)  # fmt: skip

LEAD = (
    "What requests met, by how many users were active when they were sent. Thin lines are 95 % "
    "intervals; a triangle is a bound: at least so long."
)

Levels = Mapping[str, Sequence[Mapping[str, Any]]]


def section(evidence: Evidence) -> Section | None:
    """Return the figures by users that have something to show; None if there are none."""
    levels: Levels = evidence.summary.get("levels") or {}
    plates = tuple(
        Plate(
            kind.id, kind.title, _caption(kind, levels, evidence), (_draw(kind, levels, evidence),)
        )
        for kind in (ERRORS, LATENCY)
        if any(_is_known(row[kind.key]) for rows in levels.values() for row in rows)
    )
    return Section("by-users", "By active users", LEAD, plates) if plates else None


def _is_known(estimate: Mapping[str, Any]) -> bool:
    return estimate["value"] is not None or estimate["low"] is not None


def _draw(kind: LevelKind, levels: Levels, evidence: Evidence) -> Chart:
    shown = evidence.approaches
    legend = approach_legend(shown) if len(shown) > 1 else []
    drawing, ax = plotting.panel(kind.title, kind.unit, theme.INK, legend)
    for place, approach in enumerate(shown):
        aside = SHIFT * (place - (len(shown) - 1) / 2)
        _draw_approach(ax, kind, levels[approach.name], approach, aside)
    rows = levels[shown[0].name]
    ax.set_xticks(range(len(rows)), [f"≤ {row['up_to']}" for row in rows])
    ax.set_xlim(-0.5, len(rows) - 0.5)
    ax.set_xlabel("active users", fontsize=11)
    if kind.log:
        plotting.log_scale(ax)
    plotting.align([ax], log=kind.log)
    plotting.hatch_unranked(ax, shown)
    return plotting.finish(
        drawing, kind.id, f"{kind.title} ({kind.unit}). {_alt(kind, levels, shown)}"
    )


def _draw_approach(
    ax: Axes,
    kind: LevelKind,
    rows: Sequence[Mapping[str, Any]],
    approach: Approach,
    aside: float,
) -> None:
    colour = theme.approach_colour(approach.position)
    known: list[tuple[float, float]] = []
    for level, row in enumerate(rows):
        at, found = level + aside, row[kind.key]
        if found["value"] is None:
            if found["low"] is not None:
                ax.plot([at], [found["low"]], color=colour, marker="^", markersize=7)
            continue
        known.append((at, found["value"]))
        if found["low"] is not None and found["high"] is not None:
            ax.plot([at, at], [found["low"], found["high"]], color=colour, linewidth=plotting.THIN)
    if known:
        ax.plot(
            *zip(*known, strict=True), color=colour, linewidth=plotting.THICK, marker="o",
            markersize=6, linestyle=plotting.dash(approach),
            markerfacecolor=colour if approach.ranked else theme.PAPER,
        )  # fmt: skip


def _alt(kind: LevelKind, levels: Levels, shown: Sequence[Approach]) -> str:
    """Return every value in words."""
    parts = []
    for approach in shown:
        told = [
            f"{numbers.estimate(row[kind.key], kind.digits)} at ≤ {row['up_to']} users"
            for row in levels[approach.name]
        ]
        parts.append(f"{approach.title}: {', '.join(told)}")
    return f"{'; '.join(parts)}."


def _caption(kind: LevelKind, levels: Levels, evidence: Evidence) -> str:
    """Say of each approach what it is like with few users and with most."""
    parts = []
    for approach in evidence.approaches:
        rows = levels[approach.name]
        few, most = (_bare(row[kind.key], kind.digits) for row in (rows[0], rows[-1]))
        parts.append(
            f"{approach.named}: {few} with up to {rows[0]['up_to']} users, {most} with up to "
            f"{rows[-1]['up_to']}."
        )
    return " ".join(parts)


def _bare(estimate: Mapping[str, Any], digits: int) -> str:
    """Return an estimate without its interval."""
    bare = {**estimate, "low": None} if estimate["value"] is not None else estimate
    return numbers.estimate(bare, digits)
