"""The figures: each kind once with all approaches together, and once for every approach alone.

All runs are shown: thin lines are runs, the thick line is the median of the runs that count. A run
that is invalid or failed its audit is dotted, and the panel of an approach that is not ranked is
hatched. There are no bars with a standard deviation: three runs are three points.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from report import legends, live, marks, theme
from report.curves import bin_s, of_approach, of_run
from report.evidence import Approach, Evidence, Run
from report.kinds import Curve, TimeKind
from report.numbers import short
from report.plates import Chart

LEFT_PX, TOP_PX, PLOT_PX, BELOW_PX = 52, 60, 196, 38
THIN, THICK = 0.9, 2.2
DASHED = (0, (4, 2.2))
DOTTED = (0, (1, 1.6))


def time_charts(kind: TimeKind, evidence: Evidence) -> Iterator[Chart]:
    """Draw a kind of figure over time: all approaches together, then each alone, on equal axes."""
    drawn: list[tuple[str, str, Figure, Axes, tuple[Approach, ...]]] = []
    if len(evidence.approaches) > 1:
        drawn.append(_time_panel(kind, evidence, evidence.approaches, kind.together))
    for approach in evidence.approaches:
        drawn.append(_time_panel(kind, evidence, (approach,), kind.alone))
    panels = [ax for _, _, _, ax, _ in drawn]
    align(panels, log=kind.log)
    for name, alt, drawing, ax, shown in drawn:
        stage_bands(ax, evidence)
        marks.draw(ax, marks.marks(run for approach in shown for run in approach.runs))
        hatch_unranked(ax, shown)
        yield finish(drawing, name, alt)


def _time_panel(
    kind: TimeKind, evidence: Evidence, shown: tuple[Approach, ...], curves: tuple[Curve, ...]
) -> tuple[str, str, Figure, Axes, tuple[Approach, ...]]:
    name, title, colour = panel_words(kind.id, kind.compared, shown)
    curves = tuple(curve for curve in curves if live.measured(shown, curve))
    legend = time_legend(shown, curves)
    drawing, ax = panel(title, kind.unit, colour, legend)
    width_s = bin_s(evidence)
    draw_over_time(ax, kind, shown, curves, width_s)
    seconds_axis(ax, horizon_s(evidence, within_load=kind.within_load))
    return name, _alt_over_time(kind, shown, curves, width_s), drawing, ax, shown


def draw_over_time(
    ax: Axes,
    kind: TimeKind,
    shown: Sequence[Approach],
    curves: Sequence[Curve],
    width_s: int,
) -> None:
    """Draw every run thin and the median of the runs that count thick, in bins of a width."""
    for approach in shown:
        colour = theme.approach_colour(approach.position)
        for curve in curves:
            for run in approach.runs:
                line = of_run(run, curve.column, width_s)
                ax.plot(line.index, line, color=colour, **thin(run, dashed=curve.dashed))
            middle = of_approach(approach, curve.column, width_s)
            if middle is not None:
                ax.plot(
                    middle.index, middle, color=colour, linewidth=THICK,
                    linestyle=dash(approach, dashed=curve.dashed),
                )  # fmt: skip
    if kind.log:
        log_scale(ax)
    else:
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def thin(run: Run, *, dashed: bool = False) -> dict[str, Any]:
    """Return how the line of one run looks: dotted if it is invalid or dirty."""
    clean = "-" if not dashed else DASHED
    return {
        "linewidth": THIN,
        "alpha": 0.7 if run.trouble else 0.4,
        "linestyle": DOTTED if run.trouble else clean,
    }


def dash(approach: Approach, *, dashed: bool = False) -> Any:
    """Return the dash of an approach's thick line: dotted if it is not ranked."""
    if not approach.ranked:
        return DOTTED
    return DASHED if dashed else "-"


def panel_words(kind_id: str, title: str, shown: Sequence[Approach]) -> tuple[str, str, str]:
    """Return the file name, the title and the title's colour of a panel."""
    if len(shown) == 1:
        approach = shown[0]
        colour = theme.approach_colour(approach.position)
        return f"{kind_id}-{approach.name}", approach.title, colour
    return f"{kind_id}-compared", title, theme.INK


def panel(
    title: str,
    subtitle: str,
    colour: str,
    legend: Sequence[legends.Entry],
    left_px: float = LEFT_PX,
) -> tuple[Figure, Axes]:
    """Return a figure of one plot with title, unit and legend at their places."""
    rows = legends.flow(legend, theme.WIDTH_PX)
    height = TOP_PX + PLOT_PX + BELOW_PX + legends.ROW_PX * len(rows) + 6
    drawing = theme.figure(theme.WIDTH_PX, height)
    fitting = theme.fitted(title, theme.WIDTH_PX - 16, 13, "bold")
    theme.put_text(drawing, 8, 20, fitting, colour, fontsize=13, fontweight="bold")
    theme.put_text(drawing, 8, 38, subtitle, theme.MUTED, fontsize=11)
    ax = theme.axes(drawing, left_px, TOP_PX, theme.WIDTH_PX - left_px - 14, PLOT_PX)
    legends.draw(drawing, rows)
    return drawing, ax


def time_legend(shown: Sequence[Approach], curves: Sequence[Curve]) -> list[legends.Entry]:
    """Return what the lines mean: approaches by colour, curves by dash."""
    legend = []
    if len(shown) > 1:
        legend = [(a.named, _sample(theme.approach_colour(a.position), dash(a))) for a in shown]
        colour = theme.MUTED
    else:
        colour = theme.approach_colour(shown[0].position)
    if len(curves) > 1 or len(shown) == 1:
        legend += [(c.label, _sample(colour, DASHED if c.dashed else "-")) for c in curves]
    return legend


def _sample(colour: str, linestyle: Any) -> Line2D:
    return Line2D([], [], color=colour, linewidth=THICK, linestyle=linestyle)


def log_scale(ax: Axes) -> None:
    """Make the y axis logarithmic with plain numbers at 1 (2, 5) × 10ⁿ."""
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def align(panels: Sequence[Axes], *, log: bool) -> None:
    """Give all panels of a row the same y axis, so that they can be compared by eye."""
    low = min(ax.get_ylim()[0] for ax in panels)
    high = max(ax.get_ylim()[1] for ax in panels)
    for ax in panels:
        ax.set_ylim(low if log else 0, high if log else max(high, 1.0))
        if log:
            few = high / low < 200
            ax.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if few else (1.0,)))


def horizon_s(evidence: Evidence, *, within_load: bool = False) -> float:
    """Return where time axes end: with the longest run, or with the load."""
    load_s = evidence.stages[-1].end_s
    if within_load:
        return load_s
    ends = [run.record.drain_s for a in evidence.approaches for run in a.runs]
    return float(load_s + max([0.0, *ends]))


def seconds_axis(ax: Axes, end_s: float) -> None:
    """Make the x axis one of seconds since the load began."""
    ax.set_xlim(0, end_s)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 3, 6, 10], integer=True))
    ax.set_xlabel("seconds since the load began", fontsize=11)


def stage_bands(ax: Axes, evidence: Evidence) -> None:
    """Shade every other stage and number them along the top."""
    for stage in evidence.stages:
        if stage.number % 2:
            ax.axvspan(stage.start_s, stage.end_s, color=theme.BAND, linewidth=0, zorder=-2)
        middle = (stage.start_s + stage.end_s) / 2
        ax.text(
            middle, 1.005, str(stage.number), transform=ax.get_xaxis_transform(),
            ha="center", va="bottom", fontsize=9.5, color=theme.MUTED,
        )  # fmt: skip


def hatch_unranked(ax: Axes, shown: Sequence[Approach]) -> None:
    """Hatch the panel of an approach that is not ranked, and say why."""
    if len(shown) > 1 or shown[0].ranked:
        return
    hatching = Rectangle(
        (0, 0), 1, 1, transform=ax.transAxes, facecolor="none", edgecolor=theme.GRID, hatch="//",
        linewidth=0, zorder=-1,
    )  # fmt: skip
    ax.add_patch(hatching)
    troubles = sorted({run.trouble for run in shown[0].runs if run.trouble})
    drawing = ax.get_figure(root=True)
    assert drawing is not None  # noqa: S101 - the axes were made for a figure
    theme.put_text(
        drawing, theme.WIDTH_PX - 14, 38, f"not ranked: {'; '.join(troubles) or 'no run counts'}",
        ha="right", fontsize=11, fontweight="bold",
    )  # fmt: skip


def finish(drawing: Figure, name: str, alt: str) -> Chart:
    """Turn a drawing into its two forms."""
    return Chart(name, alt, theme.svg(drawing, name, alt), theme.png(drawing))


def _alt_over_time(
    kind: TimeKind, shown: Sequence[Approach], curves: Sequence[Curve], width_s: int
) -> str:
    parts = []
    for approach in shown:
        for curve in curves:
            found = _range(approach.runs, curve.column, width_s)
            if found is not None:
                parts.append(f"{approach.title}, {curve.label}: {found}")
    faults = marks.in_words(marks.marks(run for approach in shown for run in approach.runs))
    return f"{kind.title} ({kind.unit}). {'; '.join(parts) or 'nothing was measured'}.{faults}"


def _range(runs: Sequence[Run], column: str, width_s: int) -> str | None:
    values = [of_run(run, column, width_s).to_numpy() for run in runs]
    together = np.concatenate(values) if values else np.empty(0)
    together = together[np.isfinite(together)]
    if len(together) == 0:
        return None
    return f"between {short(float(together.min()))} and {short(float(together.max()))}"
