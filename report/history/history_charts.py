"""The figures of a history: a row of small panels for each metric, one per variant and ratio.

All panels have the same nights at the same places. Each has a scale of its own, from zero: what is
looked for is a change in one of them, not a difference between them.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from harness.analysis import METRICS, History
from harness.analysis.trends import FIRST, Series
from report.charts import legends, theme
from report.charts.figures import Figure, Picture, Section
from report.history import history_tables, history_words
from report.numbers import short

LEFT_PX, TOP_PX, PLOT_PX, BELOW_PX, RIGHT_PX = 50, 46, 100, 30, 16
DAYS_SHOWN = 4
HEADROOM = 1.25
PRIMARY = "What a gate decides by"


def sections(history: History) -> tuple[Section, ...]:
    """Return the figures: those of the first metrics, then the others by their group."""
    found: dict[str, list[Figure]] = {}
    for metric, shown in groupby(history.series, key=lambda series: series.metric):
        group = PRIMARY if metric in FIRST else METRICS[metric].group
        found.setdefault(group, []).append(_figure(history, metric, list(shown)))
    return tuple(
        Section(f"group-{number}", group, "", tuple(figures))
        for number, (group, figures) in enumerate(found.items(), start=1)
    )


def _figure(history: History, metric: str, shown: Sequence[Series]) -> Figure:
    return Figure(
        id=metric,
        title=METRICS[metric].title,
        caption=" ".join(history_words.state(history, series) for series in shown),
        pictures=tuple(
            _panel(history, series, f"{metric}-{number}")
            for number, series in enumerate(shown, start=1)
        ),
        values=history_tables.values(history, f"values-{metric}", shown),
    )


def _panel(history: History, series: Series, name: str) -> Picture:
    colour = _colour(history, series)
    drawing = theme.figure(theme.WIDTH_PX, TOP_PX + PLOT_PX + BELOW_PX)
    unit = METRICS[series.metric].unit if series.basis == "values" else "ratio"
    theme.put_text(drawing, 8, 18, series.subject, colour, fontsize=12, fontweight="bold")
    theme.put_text(
        drawing, theme.WIDTH_PX - RIGHT_PX, 18, unit or "number", theme.MUTED, fontsize=10.5,
        ha="right",
    )  # fmt: skip
    width = theme.WIDTH_PX - LEFT_PX - RIGHT_PX
    ax = theme.axes(drawing, LEFT_PX, TOP_PX, width, PLOT_PX)
    _draw_values(ax, history, series, colour)
    _draw_levels(ax, history, series, colour)
    _scale(ax, history, series)
    _draw_changes(ax, series)
    alt = f"{METRICS[series.metric].title}, {history_words.state(history, series)}"
    return Picture(name, alt, theme.svg(drawing, name, alt))


def _colour(history: History, series: Series) -> str:
    """Return the colour of the variant; a ratio of two has neither's."""
    if series.basis == "ratios":
        return theme.INK
    variant = series.subject.partition(":")[0]
    return theme.LIGHT[theme.variant_role(list(history.variants).index(variant))]


def _draw_values(ax: Axes, history: History, series: Series, colour: str) -> None:
    """Draw sound nights as dots on a thin line, the others as crosses beside it."""
    every = list(zip(range(len(series.values)), series.values, history.nights, strict=True))
    sound = [(x, y) for x, y, night in every if y is not None and not night.troubles]
    unsound = [(x, y or 0.0) for x, y, night in every if night.troubles]
    line: dict[str, Any] = {"color": colour, "linewidth": 0.8, "marker": "o", "markersize": 2.6}
    cross: dict[str, Any] = {"color": theme.INK, "linewidth": 0, "marker": "x", "markersize": 6}
    for points, look in ((sound, line), (unsound, cross)):
        if points:
            ax.plot(*zip(*points, strict=True), alpha=0.75, clip_on=False, **look)


def _draw_levels(ax: Axes, history: History, series: Series, colour: str) -> None:
    """Draw the level between two changes as a thick line."""
    if not series.changes:
        return
    borders = [-0.5, *(change.first_after - 0.5 for change in series.changes)]
    borders.append(len(history.nights) - 0.5)
    levels = [series.changes[0].before, *(change.after for change in series.changes)]
    for (begin, end), level in zip(pairwise(borders), levels, strict=True):
        ax.plot((begin, end), (level, level), color=colour, linewidth=legends.THICK)


def _draw_changes(ax: Axes, series: Series) -> None:
    """Mark where a level begins: a dashed line, and by how much above it."""
    for change in series.changes:
        at = change.first_after - 0.5
        ax.axvline(
            at, color=theme.INK, linewidth=1.0, linestyle=theme.linestyle("dashed"), zorder=-0.5
        )
        right = at > sum(ax.get_xlim()) / 2
        ax.annotate(
            f"{history_words.size(series, change)} {change.verdict}", (at, 1.0),
            xycoords=("data", "axes fraction"), xytext=(0, 4), textcoords="offset points",
            ha="right" if right else "left", va="bottom", fontsize=10, fontweight="bold",
            color=theme.INK, annotation_clip=False,
        )  # fmt: skip


def _scale(ax: Axes, history: History, series: Series) -> None:
    last = len(history.nights) - 1
    most = max((value for value in series.values if value is not None), default=0.0)
    ax.set_ylim(0, most * HEADROOM or 1.0)
    ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.set_xlim(-0.5, last + 0.5)
    ax.tick_params(axis="x", pad=6)
    ax.xaxis.set_major_locator(FixedLocator(list(_places(last))))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda at, _: history_words.date(history.nights[round(at)])[5:])
    )


def _places(last: int) -> Iterator[int]:
    """Yield the nights whose days stand below the axis: the first, the last, and some between."""
    steps = min(DAYS_SHOWN - 1, last)
    yield from (round(last * step / max(steps, 1)) for step in range(steps + 1))
