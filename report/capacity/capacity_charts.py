"""The picture of a search: what each level measured of two limits, and whether it was served."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.capacity.capacity_document import Level, LevelRun, Outcome, VariantCapacity, unit
from report import numbers
from report.capacity.searched import Searched
from report.charts import legends, plotting, theme
from report.charts.figures import Figure, Picture, Section
from report.charts.legends import THICK, THIN, Entry

MOST_TICKS: Final = 7
LEAST_ERROR_PCT: Final = 0.01
"""Where no errors stand on a logarithmic axis."""

Value = Callable[[LevelRun], float | None]


def sections(found: Searched) -> tuple[Section, ...]:
    """Return the one section, with the one figure."""
    limits = found.document.limits
    pictures = (
        _picture(
            found, "level-p95", "Purchase p95 by level", "ms (log)", limits.purchase_p95_ms,
            lambda run: run.purchase_p95_ms,
        ),
        _picture(
            found, "level-errors", "Errors by level", "% of requests (log)", limits.error_pct,
            lambda run: max(run.error_pct, LEAST_ERROR_PCT),
        ),
    )  # fmt: skip
    caption = (
        "Each mark is a run; the line joins the medians. Dashed: the limit. A p95 that is not "
        "known, because more than 5 % of the purchases were not acknowledged, stands at the top. "
        f"No errors stand at {LEAST_ERROR_PCT:g} %."
    )
    figure = Figure("level-p95-and-errors", "Latency and errors by level", caption, pictures)
    lead = f"Levels are {unit(found.document.of)}, on a logarithmic axis."
    return (Section("levels", "Every level", lead, (figure,)),)


def _picture(
    found: Searched, name: str, title: str, subtitle: str, limit: float, value: Value
) -> Picture:
    legend = [
        Entry(one.title, found.colour(one.name), found.dash(one.name),
              marker=found.marker(one.name))
        for one in found.document.capacities
    ]  # fmt: skip
    drawing, ax = plotting.frame(title, subtitle, theme.INK, legend)
    known = [
        shown
        for capacity in found.document.capacities
        for level in capacity.levels
        for run in level.runs
        if (shown := value(run)) is not None
    ]
    top = 2 * max([*known, limit])
    for one in found.document.capacities:
        _draw(ax, found, one, value, top)
    if limit > 0:
        ax.axhline(limit, color=theme.INK, linewidth=1.0, linestyle=theme.linestyle("dashed"))
    plotting.log_scale(ax)
    ax.set_ylim(min([*known, limit or top]) / 1.6, top * 1.3)
    plotting.align_log([ax])
    _level_axis(ax, found)
    return plotting.picture(drawing, name, _alt(found, title, value))


def _draw(ax: Axes, found: Searched, capacity: VariantCapacity, value: Value, top: float) -> None:
    """Draw a mark for each run, and a line through the medians of the levels."""
    colour, marker = found.colour(capacity.name), found.marker(capacity.name)
    middles = [_median([_shown(value(run), top) for run in one.runs]) for one in capacity.levels]
    places = [float(one.level) for one in capacity.levels]
    ax.plot(
        places, middles, color=colour, linewidth=THICK, alpha=0.5, zorder=1.5,
        linestyle=theme.linestyle(found.dash(capacity.name)),
    )  # fmt: skip
    for level in capacity.levels:
        for run in level.runs:
            at = float(level.level), _shown(value(run), top)
            ax.plot(
                [at[0]], [at[1]], color=colour, linewidth=0, **_look(run, level, marker, colour)
            )


def _look(run: LevelRun, level: Level, marker: theme.Marker, colour: str) -> dict[str, Any]:
    if run.outcome is Outcome.UNMEASURED:
        return {"marker": "x", "markersize": legends.MARKER_PX, "markeredgewidth": 1.6}
    fill = colour if level.served else theme.PAPER
    edge = {"markeredgecolor": colour, "markeredgewidth": THIN, "markerfacecolor": fill}
    return {**legends.look(marker), **edge}


def _shown(value: float | None, top: float) -> float:
    return top if value is None else value


def _median(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def _level_axis(ax: Axes, found: Searched) -> None:
    """Make the x axis one of levels, a few of which have a tick."""
    tried = sorted({one.level for each in found.document.capacities for one in each.levels})
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    ends = [
        level
        for each in found.document.capacities
        for level in (each.served, each.not_served)
        if level is not None
    ]
    ax.xaxis.set_major_locator(FixedLocator(_ticks(tried, ends)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:,.0f}"))
    ax.set_xlim(tried[0] / 1.15, tried[-1] * 1.15)
    ax.set_xlabel(unit(found.document.of), fontsize=11)


def _ticks(tried: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Return levels that are far enough apart for their labels, the first and the last first.

    What is served comes before what is between.
    """
    apart = (tried[-1] / tried[0]) ** (1 / MOST_TICKS)
    kept: list[int] = []
    for level in (tried[0], tried[-1], *ends, *tried):
        if all(max(level, one) >= apart * min(level, one) for one in kept if one != level):
            kept.append(level)
    return sorted(set(kept))


def _alt(found: Searched, title: str, value: Value) -> str:
    """Return every value in words."""
    parts = []
    for capacity in found.document.capacities:
        said = [
            f"{numbers.short(shown) if shown is not None else 'not known'} at {level.level:,}"
            f" ({run.outcome})"
            for level in capacity.levels
            for run in level.runs
            for shown in (value(run),)
        ]
        parts.append(f"{capacity.title}: {', '.join(said)}")
    return f"{title}, {unit(found.document.of)}. {'; '.join(parts)}."
