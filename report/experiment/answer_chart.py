"""The picture that answers an experiment: one number of every variant, and what is expected of it.

It is the number of the expectation that decides. A point is an estimate over the runs, and the line
through it its interval; a triangle is a bound: the true value is higher.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.analysis import METRICS
from harness.results.findings import Verdict
from report import numbers
from report.charts import plotting, theme
from report.charts.figures import Figure
from report.charts.legends import THICK
from report.evidence import Evidence, Variant
from report.experiment import experiment_words
from report.tables.cells import Cell, Row, Table, numeric, texts

WIDTH_PX: Final = 640
TOP_PX, ROW_PX, BELOW_PX, GAP_PX = 56, 26, 30, 14
MOST_NAME_PX: Final = 220
FAR: Final = 50
"""Values that reach so many times as far are shown on a logarithmic axis."""
ROOM: Final = 2.5
"""An interval is drawn no farther than so many times the largest value."""


@dataclass(frozen=True, slots=True)
class _Bar:
    """A variant's row: its value with its interval, as numbers and as a cell."""

    variant: Variant
    colour: str
    cell: Cell

    @property
    def ends(self) -> list[float]:
        """Return every number that is known of it."""
        return [one for one in (self.cell.value, self.cell.low, self.cell.high) if one is not None]


def figure(evidence: Evidence, experiment: Mapping[str, Any]) -> Figure:
    """Return the picture of the expectation that decides, with its values as a table."""
    one = experiment_words.deciding(experiment)
    bars = _bars(evidence, one)
    title, unit = _words(one)
    alt = "; ".join(f"{bar.variant.name}: {bar.cell.text}" for bar in bars)
    drawing = _draw(bars, one, title, unit)
    picture = plotting.picture(drawing, "answer", f"{title} ({unit}). {alt}.")
    values = Table(
        "answer",
        f"{title} of every variant; {evidence.workload}.",
        (*texts("Variant"), *numeric(f"{title}, {unit}", interval=True)),
        tuple(Row((Cell(bar.variant.title), bar.cell)) for bar in bars),
    )
    return Figure("answer", title, experiment_words.sentence(one), (picture,), values=values)


def _words(one: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is drawn, and in which unit."""
    if one["audit"] is not None:
        return f"Offences against {one['audit']}", "in all runs"
    metric = METRICS[one["metric"]]
    return metric.title, metric.unit or "count"


def _bars(evidence: Evidence, one: Mapping[str, Any]) -> list[_Bar]:
    approaches = list(dict.fromkeys(str(each.facts["approach"]) for each in evidence.variants))
    return [
        _Bar(
            variant,
            theme.LIGHT[theme.variant_role(approaches.index(str(variant.facts["approach"])))],
            _offences(variant, one["audit"]) if one["audit"] else _level(variant, one["metric"]),
        )
        for variant in evidence.variants
    ]


def _level(variant: Variant, metric: str) -> Cell:
    found = variant.estimate(metric)
    text = numbers.estimate(found, METRICS[metric].digits)
    return Cell(text, found["value"], found["low"], found["high"])


def _offences(variant: Variant, invariant: str) -> Cell:
    failed = [
        finding
        for run in variant.runs
        for finding in run.findings
        if finding.id == invariant and finding.verdict is Verdict.FAIL
    ]
    count = float(sum(sum(one.offences.values()) or one.count for one in failed))
    return Cell(numbers.number(count), count)


def _draw(bars: Sequence[_Bar], one: Mapping[str, Any], title: str, unit: str) -> Drawing:
    """Draw a row of every variant; the range that is expected lies behind the one it is about."""
    names = [theme.fitted(bar.variant.name, MOST_NAME_PX, 11, "bold") for bar in bars]
    left_px = 8 + max(theme.text_px(name, 11, "bold") for name in names) + GAP_PX
    right_px = max(theme.text_px(bar.cell.text, 11) for bar in bars) + GAP_PX + 8
    height_px = ROW_PX * len(bars)
    drawing = theme.figure(WIDTH_PX, TOP_PX + height_px + BELOW_PX)
    theme.put_text(drawing, 8, 20, title, fontsize=13, fontweight="bold")
    said = f"{unit} · lines: 95 % intervals · grey: expected of {one['of']}"
    theme.put_text(drawing, 8, 38, theme.fitted(said, WIDTH_PX - 16, 11), theme.MUTED, fontsize=11)
    ax = theme.axes(drawing, left_px, TOP_PX, WIDTH_PX - left_px - right_px, height_px)
    _set_axis(ax, bars, _limits(bars, one))
    for row, (bar, name) in enumerate(zip(bars, names, strict=True)):
        baseline_px = TOP_PX + ROW_PX * (row + 0.5) + 4
        weight = "bold" if bar.variant.name == one["of"] else "normal"
        theme.put_text(drawing, 8, baseline_px, name, fontsize=11, fontweight=weight)
        theme.put_text(drawing, WIDTH_PX - right_px + GAP_PX, baseline_px, bar.cell.text,
                       fontsize=11)  # fmt: skip
        if bar.variant.name == one["of"]:
            _draw_range(ax, row, _limits(bars, one))
        _draw_bar(ax, row, bar)
    return drawing


def _limits(bars: Sequence[_Bar], one: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the range that is expected on the axis; of a ratio, at what it is over."""
    values = {bar.variant.name: bar.cell.value for bar in bars}
    unit = 1.0 if one["over"] is None else values.get(one["over"])
    if unit is None:
        return None, None
    least, most = (None if end is None else end * unit for end in (one["at_least"], one["at_most"]))
    return least, most


def _set_axis(ax: Axes, bars: Sequence[_Bar], limits: tuple[float | None, float | None]) -> None:
    """Give the axis a scale on which every value can be seen."""
    values = [end for bar in bars for end in (bar.cell.value or bar.cell.low,) if end is not None]
    most = max(values, default=0.0) or 1.0
    ends = [end for bar in bars for end in bar.ends] + [end for end in limits if end is not None]
    right = max(min(max(ends, default=1.0), ROOM * most), 1.08 * most)
    positive = [value for value in values if value > 0]
    ax.set_ylim(len(bars) - 0.5, -0.5)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color=theme.GRID, linewidth=1)
    if positive and len(positive) == len(values) and most / min(positive) >= FAR:
        ax.set_xscale("log")
        ax.set_xlim(min(positive) / 2, right * 1.2)
        ax.xaxis.set_major_locator(LogLocator(10))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.set_xlim(0, right * 1.04)
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.short(value)))


def _draw_range(ax: Axes, row: int, limits: tuple[float | None, float | None]) -> None:
    if limits == (None, None):
        return
    left, right = ax.get_xlim()
    low, high = (
        end if limit is None else limit for limit, end in zip(limits, (left, right), strict=True)
    )
    ax.fill_betweenx([row - 0.42, row + 0.42], low, high, color=theme.GRID, linewidth=0)
    for limit in limits:
        if limit is not None:
            ax.plot([limit, limit], [row - 0.42, row + 0.42], color=theme.MUTED, linewidth=1.2)


def _draw_bar(ax: Axes, row: int, bar: _Bar) -> None:
    cell, colour = bar.cell, bar.colour
    if cell.value is None:
        if cell.low is not None:
            ax.plot([cell.low], [row], color=colour, marker=">", markersize=7)
        return
    if cell.low is not None and cell.high is not None:
        ax.plot([cell.low, cell.high], [row, row], color=colour, linewidth=THICK)
    fill = colour if bar.variant.ranked else theme.PAPER
    ax.plot([cell.value], [row], color=colour, marker="o", markersize=7, markerfacecolor=fill)
