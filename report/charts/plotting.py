"""Pictures of charts, by matplotlib: each kind once with all variants, and once for each alone.

All runs are shown: thin lines are runs, the thick line is the median of the runs that count. A run
that is invalid or failed its audit is dotted, and the panel of a variant that is not ranked is
hatched. There are no bars with a standard deviation: three runs are three points.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.analysis.run_facts import Stage
from report.charts import heat_cells, legends, theme
from report.charts.figures import Figure, Picture
from report.charts.legends import THIN, Entry
from report.charts.line_chart import (
    BELOW_ZERO,
    LineChart,
    RunLine,
    Span,
    Trace,
    Values,
    have_colours,
    staggered,
)
from report.evidence import Floats, Run, Variant
from report.numbers import short

LEFT_PX, TOP_PX, PLOT_PX, BELOW_PX = 52, 60, 196, 38
MARKED = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
"""The percentiles that stand below an axis of percentiles, and in its table of values."""
MOST_LABELS = 12
"""More marks than this are drawn without labels, which would cover each other."""
EDGE = (0, (2, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture of a chart of lines: which of its traces it shows, and the words around them.

    The faults of its runs are its `marks`; it is `hatched` if this variant is not ranked.
    """

    name: str
    title: str
    alt: str
    traces: tuple[Trace, ...]
    legend: tuple[Entry, ...]
    marks: tuple[Span, ...] = ()
    colour: str = theme.INK
    hatched: Variant | None = None


def pictures(chart: LineChart, panels: Sequence[Panel]) -> tuple[Picture, ...]:
    """Draw the panels of a chart, on equal axes."""
    drawn = []
    for panel in panels:
        drawing, ax = frame(panel.title, chart.unit, panel.colour, panel.legend)
        draw_lines(ax, chart, panel.traces)
        drawn.append((drawing, ax))
    align([ax for _, ax in drawn], chart)
    for panel, (_, ax) in zip(panels, drawn, strict=True):
        if chart.cells:
            heat_cells.draw(ax, chart.cells)
            heat_cells.name_rows(ax, chart.cells)
        draw_spans(ax, chart, panel.marks)
        if panel.hatched:
            hatch_unranked(ax, panel.hatched)
    return tuple(
        picture(drawing, panel.name, panel.alt)
        for panel, (drawing, _) in zip(panels, drawn, strict=True)
    )


def one_picture(
    chart: LineChart, *, name: str, title: str, alt: str, caption: str, colour: str = theme.INK
) -> Figure:
    """Return a chart as a figure whose one picture shows all its lines."""
    panel = Panel(
        name=name,
        title=title,
        alt=alt,
        traces=chart.traces,
        legend=tuple(
            Entry(one.label, theme.LIGHT[one.colour], one.dash, chart.line_px)
            for one in chart.traces
        ),
        marks=chart.marks,
        colour=colour,
    )
    return Figure(name, title, caption, pictures(chart, [panel]), chart)


def trace(
    variant: Variant,
    label: str,
    curve: str,
    middle: Values | None,
    of: Callable[[Run], Values],
    *,
    among: int = 1,
    second: bool = False,
    bridged: bool = False,
) -> Trace:
    """Return a curve of a variant: its thick line, and the thin line `of` each run.

    It is marked if it stands `among` those of several variants.
    """
    dash = theme.variant_dash(variant.position, second=second)
    return Trace(
        label=label,
        variant=variant.title,
        curve=curve,
        colour=variant.tone,
        dash=dash if variant.ranked else "dotted",
        middle=middle,
        runs=tuple(
            RunLine(run.index, "dotted" if run.trouble else dash, of(run)) for run in variant.runs
        ),
        hatched=not variant.ranked,
        bridged=bridged,
        marker=theme.variant_marker(variant.position) if among > 1 else (),
        marked=staggered(middle, variant.position, among),
    )


def picture(drawing: Drawing, name: str, alt: str) -> Picture:
    """Turn a drawing into a picture."""
    return Picture(name, alt, theme.svg(drawing, name, alt))


def panel_words(chart_id: str, title: str, shown: Sequence[Variant]) -> tuple[str, str, str]:
    """Return the file name, the title and the title's colour of a panel of some variants."""
    if len(shown) == 1:
        return f"{chart_id}-{shown[0].name}", shown[0].title, theme.LIGHT[shown[0].tone]
    return f"{chart_id}-compared", title, theme.INK


def frame(
    title: str, subtitle: str, colour: str, legend: Sequence[Entry], left_px: float = LEFT_PX
) -> tuple[Drawing, Axes]:
    """Return a drawing of one plot with title, unit and legend at their places."""
    rows = legends.flow(legend, theme.WIDTH_PX)
    height = TOP_PX + PLOT_PX + BELOW_PX + legends.ROW_PX * len(rows) + 6
    drawing = theme.figure(theme.WIDTH_PX, height)
    fitting = theme.fitted(title, theme.WIDTH_PX - 16, 13, "bold")
    theme.put_text(drawing, 8, 20, fitting, colour, fontsize=13, fontweight="bold")
    theme.put_text(drawing, 8, 38, subtitle, theme.MUTED, fontsize=11)
    ax = theme.axes(drawing, left_px, TOP_PX, theme.WIDTH_PX - left_px - 14, PLOT_PX)
    legends.draw(drawing, rows)
    return drawing, ax


# ---- the lines of a chart, and its axes ----


def draw_lines(ax: Axes, chart: LineChart, traces: Iterable[Trace]) -> None:
    """Draw every run thin and the thick line over them, and set up both axes."""
    traces = tuple(traces)
    for trace in traces:
        drawn = [
            (run.values, run.dash, THIN, 0.7 if run.dash == "dotted" else 0.4) for run in trace.runs
        ]
        if trace.middle is not None:
            drawn.append((trace.middle, trace.dash, chart.line_px, 1.0))
        for values, dash, width, alpha in drawn:
            ax.plot(
                *_points(values, chart, trace.bridged), color=theme.LIGHT[trace.colour],
                linewidth=width, alpha=alpha, linestyle=theme.linestyle(dash),
                drawstyle="steps-mid" if chart.steps else "default",
            )  # fmt: skip
    marked = have_colours(traces)
    for trace in traces:
        _mark_line(ax, chart, trace, marked=marked)
    if chart.log:
        log_scale(ax)
    else:
        ax.set_ylim(*(chart.y or (0, None)))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=chart.whole))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    if chart.axis == "seconds":
        seconds_axis(ax, chart.end)
    else:
        _percentile_axis(ax, chart.end)


def _mark_line(ax: Axes, chart: LineChart, trace: Trace, *, marked: bool) -> None:
    """Mark the thick line of a trace if there are others, and say why it ends where it does."""
    if trace.middle is None or trace.last is None:
        return
    colour = theme.LIGHT[trace.colour]
    x, y = np.array(chart.x, dtype=np.float64), np.array(trace.middle, dtype=np.float64)
    if marked and trace.marked:
        places = list(trace.marked)
        ax.plot(x[places], y[places], color=colour, linewidth=0, **legends.look(trace.marker))
    if trace.ending:
        at = float(x[trace.last]), float(y[trace.last])
        ax.plot([at[0]], [at[1]], color=colour, marker="x", markersize=7, markeredgewidth=2)
        ax.annotate(
            trace.ending, at, xytext=(7, 0), textcoords="offset points", color=colour, fontsize=10,
            va="center", annotation_clip=False,
        )  # fmt: skip


def _points(values: Values, chart: LineChart, bridged: bool) -> tuple[Floats, Floats]:
    """Return a line as points; a gap is left out if it is bridged."""
    x = np.array(chart.x, dtype=np.float64) + (0.5 if chart.steps else 0.0)
    y = np.array(values, dtype=np.float64)
    if not bridged:
        return x, y
    known = np.isfinite(y)
    return x[known], y[known]


def log_scale(ax: Axes) -> None:
    """Make the y axis logarithmic with plain numbers at 1 (2, 5) × 10ⁿ."""
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def align_log(panels: Sequence[Axes], bounds: tuple[float, float] | None = None) -> None:
    """Give logarithmic panels the same y axis."""
    low, high = bounds or (
        min(ax.get_ylim()[0] for ax in panels), max(ax.get_ylim()[1] for ax in panels)
    )  # fmt: skip
    places = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
    for ax in panels:
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(LogLocator(10, subs=places))


def align(panels: Sequence[Axes], chart: LineChart) -> None:
    """Give all panels of a chart the same y axis, so that they can be compared by eye."""
    if chart.log:
        align_log(panels, chart.y)
        return
    levels = [1.14 * value for value, _ in chart.levels]
    least = 1.0 if chart.whole else 0.0
    high = max([least, *levels, *(ax.get_ylim()[1] for ax in panels)])
    for ax in panels:
        ax.set_ylim(*(chart.y or (-BELOW_ZERO * high, high)))


def seconds_axis(ax: Axes, end_s: float) -> None:
    """Make the x axis one of seconds since the load began."""
    ax.set_xlim(0, end_s)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 3, 6, 10], integer=True))
    ax.set_xlabel("seconds since the load began", fontsize=11)


def _percentile_axis(ax: Axes, right: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(1, right)
    places = [1 / (1 - q / 100) for q in MARKED]
    ax.xaxis.set_major_locator(FixedLocator([1.0, *(p for p in places if p <= right * 1.01)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - 1 / x):.4g}"))
    ax.grid(axis="x", color=theme.GRID, linewidth=1)
    ax.set_xlabel("percentile", fontsize=10.5)


# ---- what stands behind the lines ----


def stage_bands(stages: Iterable[Stage]) -> tuple[Span, ...]:
    """Return the stages of a load as spans of time."""
    return tuple((one.start_s, one.end_s, f"{one.number} {one.name}") for one in stages)


def draw_spans(ax: Axes, chart: LineChart, marks: Sequence[Span]) -> None:
    """Draw bands, levels and marks, on axes whose limits are set."""
    for position, (from_x, to_x, label) in enumerate(chart.bands):
        if position % 2 == 0:
            ax.axvspan(from_x, to_x, color=theme.BAND, linewidth=0, zorder=-2)
        ax.text(
            (from_x + to_x) / 2, 1.005, label.split(" ")[0],
            transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=9.5,
            color=theme.MUTED,
        )  # fmt: skip
    for value, label in chart.levels:
        ax.axhline(value, color=theme.MUTED, linewidth=1, linestyle=theme.linestyle("dashed"))
        ax.text(
            chart.end * 0.99, value * 1.015, label, ha="right", va="bottom", fontsize=10,
            color=theme.MUTED,
        )  # fmt: skip
    for from_x, to_x, label in marks:
        ax.axvspan(from_x, to_x, color=theme.FAULT, linewidth=0, zorder=-1.5)
        if len(marks) <= MOST_LABELS:
            _label_mark(ax, from_x, to_x, label)


def _label_mark(ax: Axes, from_x: float, to_x: float, label: str) -> None:
    for x in {from_x, to_x}:
        ax.axvline(x, color=theme.MUTED, linewidth=0.8, linestyle=EDGE, zorder=-0.5)
    ax.annotate(
        label, (from_x, 0.98), xycoords=("data", "axes fraction"), xytext=(2, 0),
        textcoords="offset points", rotation=90, ha="left", va="top", fontsize=9,
        color=theme.INK, annotation_clip=False, zorder=4,
    )  # fmt: skip


def hatch_unranked(ax: Axes, variant: Variant) -> None:
    """Hatch the panel of a variant that is not ranked, and say why."""
    if variant.ranked:
        return
    hatching = Rectangle(
        (0, 0), 1, 1, transform=ax.transAxes, facecolor="none", edgecolor=theme.GRID, hatch="//",
        linewidth=0, zorder=-1,
    )  # fmt: skip
    ax.add_patch(hatching)
    troubles = sorted({run.trouble for run in variant.runs if run.trouble})
    drawing = ax.get_figure(root=True)
    assert drawing is not None  # noqa: S101 - the axes were made for a figure
    unit = drawing.texts[1].get_text()  # it stands on the same line, at the left
    room_px = theme.WIDTH_PX - 14 - 8 - theme.text_px(unit, 11) - 12
    why = f"not ranked: {'; '.join(troubles) or 'no run counts'}"
    theme.put_text(
        drawing, theme.WIDTH_PX - 14, 38, theme.fitted(why, room_px, 11, "bold"), ha="right",
        fontsize=11, fontweight="bold",
    )  # fmt: skip
