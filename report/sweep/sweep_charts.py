"""The figures of a sweep: each metric along the values, all variants in one; a grid as a heat map.

A point is an estimate over the runs, and the line through it its interval. Of a latency that is
known only to be longer than what buyers waited, the triangle stands at that bound.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from harness.analysis.knee import Shape
from harness.analysis.scalability import law
from report import numbers
from report.charts import plotting, theme
from report.charts.figures import Figure, Section
from report.charts.legends import THICK, THIN, Entry
from report.evidence import Variant
from report.sweep.sweep_words import knee_words, value_words
from report.sweep.swept import Base, Curve, Point, Swept, Value

LEAD: Final = (
    "Points are estimates, upright lines their 95 % intervals; a triangle is a bound: the true "
    "value is higher. A ring marks a knee that is decided. A level line is a variant that the "
    "sweep does not vary. Thin and dotted: the Universal Scalability Law, where it fits."
)
GRID_LEAD: Final = "The darker a cell, the higher its value."
LOG_UNITS: Final = ("ms", "s")
FAR: Final = 20
"""Values that reach so many times as far are shown on a logarithmic axis."""
ASIDE: Final = 0.008
"""How far apart the points of two variants stand at one value, as a share of the axis."""
FAINTEST, DARKEST = 0.08, 0.6
"""How opaque the cells of the lowest and of the highest value are."""
LAW_POINTS: Final = 100


def sections(swept: Swept) -> tuple[Section, ...]:
    """Return every figure."""
    return (*_lines(swept), *_grids(swept))


def _lines(swept: Swept) -> Iterator[Section]:
    for key in swept.keys:
        figures = tuple(
            figure
            for metric in swept.metrics
            if (figure := _line_figure(swept, key, metric)) is not None
        )
        if figures:
            yield Section(f"along-{_id(key)}", f"Along {key}", LEAD, figures)


def _line_figure(swept: Swept, key: str, metric: str) -> Figure | None:
    """Return a metric along a key; None if it is known nowhere, or its curves belong to a grid."""
    shown = [
        (base, curve)
        for base in swept.bases
        for curve in base.curves
        if curve.key == key and not curve.fixed
    ]
    if not any(_is_known(one.variant, metric) for _, curve in shown for one in curve.points):
        return None
    about = swept.metrics[metric]
    is_log = about["unit"] in LOG_UNITS
    axis = _Axis([curve for _, curve in shown])
    still = [base for base in swept.bases if base.alone is not None]
    legend = [Entry(one.title, one.colour, one.dash) for one in (*(b for b, _ in shown), *still)]
    unit = f"{about['unit'] or 'count'}{' (log)' if is_log else ''}"
    drawing, ax = plotting.frame(str(about["title"]), unit, theme.INK, legend)
    for base in still:
        _draw_level(ax, base, metric)
    for place, (base, curve) in enumerate(shown):
        aside = ASIDE * (place - (len(shown) - 1) / 2)
        _draw_curve(ax, base, curve, metric, [axis.at(one.value, aside) for one in curve.points])
        _draw_law(ax, curve, metric)
    axis.finish(ax, key)
    if is_log:
        plotting.log_scale(ax)
        plotting.align_log([ax])
    else:
        ax.set_ylim(0, max(ax.get_ylim()[1], 1e-9) * 1.04)
    name = f"sweep-{metric}-{_id(key)}"
    caption = " ".join(f"{curve.named}: {knee_words(metric, curve.knees[metric])}."
                       for _, curve in shown)  # fmt: skip
    alt = f"{about['title']} ({unit}) along {key}. {_alt(swept, metric, (c for _, c in shown))}"
    return Figure(name, str(about["title"]), caption, (plotting.picture(drawing, name, alt),))


def _is_known(variant: Variant, metric: str) -> bool:
    found = variant.estimate(metric)
    return found["value"] is not None or found["low"] is not None


class _Axis:
    """Where swept values stand: numbers at their place (log if far apart), words evenly."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        every = dict.fromkeys(one.value for curve in curves for one in curve.points)
        has_words = any(isinstance(one, str) for one in every)
        self._words = [str(one) for one in every] if has_words else []
        self._values = [] if has_words else [float(one) for one in every]
        low, high = (min(self._values), max(self._values)) if self._values else (0, len(every))
        self._is_log = low > 0 and high / low >= FAR
        self._span = math.log(high / low) if self._is_log else high - low

    def at(self, value: Value, aside: float) -> float:
        """Return the place of a value, a share of the axis aside."""
        if self._words:
            return self._words.index(str(value)) + aside * self._span
        number = float(value)
        if self._is_log:
            return number * math.exp(aside * self._span)
        return number + aside * self._span

    def finish(self, ax: Axes, key: str) -> None:
        """Give the axis its scale, its label, and a tick for every value that has room."""
        ax.set_xlabel(key, fontsize=11)
        if self._words:
            ax.set_xticks(range(len(self._words)), self._words)
            ax.set_xlim(-0.5, len(self._words) - 0.5)
            return
        if self._is_log:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
        ticks = sorted(self._values)
        kept = ticks[:: -(-len(ticks) // 8)]
        ax.set_xticks(kept, [value_words(one) for one in kept])


def _draw_curve(ax: Axes, base: Base, curve: Curve, metric: str, places: Sequence[float]) -> None:
    line: list[tuple[float, float]] = []
    found = curve.knees[metric]
    knee = found["knee"] if found["shape"] == Shape.KNEE else None
    for at, point in zip(places, curve.points, strict=True):
        found = point.variant.estimate(metric)
        value, low, high = found["value"], found["low"], found["high"]
        if value is None:
            if low is not None:
                ax.plot([at], [low], color=base.colour, marker="^", markersize=7)
            continue
        line.append((at, value))
        if low is not None and high is not None:
            ax.plot([at, at], [low, high], color=base.colour, linewidth=THIN)
        fill = base.colour if point.variant.ranked else theme.PAPER
        ax.plot([at], [value], color=base.colour, marker="o", markersize=6, markerfacecolor=fill)
        if knee is not None and knee == point.value:
            ax.plot(
                [at], [value], color=base.colour, marker="o", markersize=13, linewidth=0,
                markerfacecolor="none", markeredgewidth=1.4,
            )  # fmt: skip
    if line:
        ax.plot(
            *zip(*line, strict=True), color=base.colour, linewidth=THICK, zorder=1.5,
            linestyle=theme.linestyle(base.dash),
        )  # fmt: skip


def _draw_level(ax: Axes, base: Base, metric: str) -> None:
    """Draw a variant that is not varied as a level line, with its interval behind it."""
    assert base.alone is not None  # noqa: S101 - only such a variant is drawn so
    found = base.alone.estimate(metric)
    value = found["value"] if found["value"] is not None else found["low"]
    if value is None:
        return
    dash: theme.Dash = base.dash if found["value"] is not None else "dotted"
    ax.axhline(value, color=base.colour, linewidth=1.4, linestyle=theme.linestyle(dash))
    if found["value"] is not None and found["low"] is not None and found["high"] is not None:
        ax.axhspan(found["low"], found["high"], color=base.colour, alpha=0.12, linewidth=0)


def _draw_law(ax: Axes, curve: Curve, metric: str) -> None:
    found = curve.scaling.get(metric)
    if not found or not found["fits"]:
        return
    sizes = np.linspace(min(found["sizes"]), max(found["sizes"]), LAW_POINTS)
    rate, contention, coherency = (
        found[name]["value"] for name in ("rate", "contention", "coherency")
    )
    ax.plot(
        sizes, law(rate, contention, coherency, sizes), color=theme.INK, linewidth=THIN,
        linestyle=theme.linestyle("dotted"),
    )  # fmt: skip


def _alt(swept: Swept, metric: str, curves: Iterable[Curve]) -> str:
    """Return every value in words."""
    digits = swept.metrics[metric]["digits"]
    parts = []
    for curve in curves:
        said = (f"{_estimate(one, metric, digits)} at {value_words(one.value)}"
                for one in curve.points)  # fmt: skip
        parts.append(f"{curve.named}: {', '.join(said)}")
    for base in swept.bases:
        if base.alone is not None:
            parts.append(f"{base.title}: {numbers.estimate(base.alone.estimate(metric), digits)}")
    return f"{'; '.join(parts)}."


def _estimate(point: Point, metric: str, digits: int) -> str:
    return numbers.estimate(point.variant.estimate(metric), digits)


def _grids(swept: Swept) -> Iterator[Section]:
    """Yield the heat maps of each variant with two swept keys."""
    for base in swept.bases:
        curves = [curve for curve in base.curves if curve.fixed]
        if curves:
            figures = tuple(_grid_figure(swept, base, curves, metric) for metric in swept.metrics)
            yield Section(f"grid-{base.name}", f"{base.title}: the grid", GRID_LEAD, figures)


def _grid_figure(swept: Swept, base: Base, curves: Sequence[Curve], metric: str) -> Figure:
    about = swept.metrics[metric]
    name = f"grid-{base.name}-{metric}"
    (other,) = curves[0].fixed
    title = f"{about['title']}{', ' + about['unit'] if about['unit'] else ''}"
    drawing, ax = plotting.frame(title, f"rows: {other}", base.colour, ())
    _draw_cells(ax, [[point.variant.estimate(metric) for point in curve.points]
                     for curve in curves], about, base.colour)  # fmt: skip
    values = [one.value for one in curves[0].points]
    ax.set_xticks(range(len(values)), [value_words(one) for one in values])
    ax.set_yticks(range(len(curves)), [value_words(one.fixed[other]) for one in curves])
    ax.set_xlabel(curves[0].key, fontsize=11)
    caption = " ".join(f"{other} = {value_words(one.fixed[other])}: "
                       f"{knee_words(metric, one.knees[metric])}." for one in curves)  # fmt: skip
    alt = f"{base.title}, {title} by {curves[0].key} and {other}. {_alt(swept, metric, curves)}"
    return Figure(name, str(about["title"]), caption, (plotting.picture(drawing, name, alt),))


def _draw_cells(
    ax: Axes, rows: Sequence[Sequence[Mapping[str, Any]]], about: Mapping[str, Any], colour: str
) -> None:
    known = [one["value"] for row in rows for one in row if one["value"] is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    for y, row in enumerate(rows):
        for x, found in enumerate(row):
            value = found["value"]
            if value is not None:
                share = (value - low) / (high - low) if high > low else 0.5
                ax.add_patch(
                    Rectangle(
                        (x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, linewidth=0,
                        alpha=FAINTEST + share * (DARKEST - FAINTEST),
                    )
                )  # fmt: skip
            shown = found if found["unit"] in numbers.DURATIONS else {**found, "unit": ""}
            text = numbers.bare(shown, about["digits"])
            ax.text(x, y, text, ha="center", va="center", fontsize=10, color=theme.INK)
    ax.set_xlim(-0.5, len(rows[0]) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(visible=False)


def _id(key: str) -> str:
    """Return a key as part of a file's name."""
    return key.replace(".", "-")
