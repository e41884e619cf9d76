"""Figures of whole runs: percentile curves, and the picture for a README."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from report import charts, curves, kinds, legends, marks, theme
from report.evidence import Approach, Evidence, Floats, Run, Waits
from report.live import Live, RunLine, Trace, compact
from report.numbers import short
from report.plates import Chart

MIN_BEYOND = 10
"""A curve ends where fewer than this many values lie beyond it (as in `harness.analysis`)."""
CURVE_POINTS = 80
LIVE_POINTS = 160
MARKED = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
TOLD = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True)
class WaitKind:
    """A kind of percentile curve: which durations of a run it is made of."""

    id: str
    title: str
    lead: str
    unit: str
    of: Callable[[Run], Waits]


PURCHASE = WaitKind(
    "purchase-distribution",
    "Purchase latency, distribution",
    "What share of purchases was acknowledged within how long.",
    "purchase latency, ms (log)",
    lambda run: run.purchase_ms,
)
ORDER_TIME = WaitKind(
    "order-time-distribution",
    "Total order time, distribution",
    "From the first send of an attempt until its order is settled in the ledger. This, not the "
    "acknowledgement, compares the approaches.",
    "total order time, s (log)",
    lambda run: run.order_time_s,
)


def curve(waits: Waits) -> tuple[Floats, Floats]:
    """Return a percentile curve as far as the sample supports it: 1/(1-q), and the q-percentile.

    Unfinished durations are longer than all others, so the curve ends before them.
    """
    last = _reach(waits)
    if last is None:
        return np.empty(0), np.empty(0)
    odds = np.geomspace(1.0, last, CURVE_POINTS)
    return odds, _quantiles(waits, odds)


def _reach(waits: Waits) -> float | None:
    """Return the last 1/(1-q) whose q-percentile the sample supports, or None."""
    if waits.size <= MIN_BEYOND or len(waits.values) == 0:
        return None
    last = min(1 - MIN_BEYOND / waits.size, len(waits.values) / waits.size)
    return 1 / (1 - last + 1e-12)


def _quantiles(waits: Waits, odds: Floats) -> Floats:
    """Return the percentiles at 1/(1-q), by nearest rank; what is not supported is missing."""
    last = _reach(waits)
    if last is None:
        return np.full(len(odds), np.nan)
    ranks = np.ceil((1 - 1 / odds) * waits.size - 1e-9).astype(np.int64)
    found = waits.values[np.clip(ranks - 1, 0, len(waits.values) - 1)]
    return np.where(odds <= last * (1 + 1e-9), found, np.nan)


def merged(waits: Sequence[Waits]) -> Waits:
    """Return the durations of several runs as one."""
    if not waits:
        return Waits(np.empty(0))
    values = np.sort(np.concatenate([one.values for one in waits]))
    return Waits(values, sum(one.unfinished for one in waits))


def distribution_charts(kind: WaitKind, evidence: Evidence) -> Iterator[Chart]:
    """Draw percentile curves: all approaches together, then each alone, on equal axes."""
    groups: list[tuple[Approach, ...]] = [(approach,) for approach in evidence.approaches]
    if len(groups) > 1:
        groups.insert(0, evidence.approaches)
    drawn: list[tuple[str, Figure, Axes, tuple[Approach, ...]]] = []
    for shown in groups:
        name, title, colour = charts.panel_words(kind.id, "Compared", shown)
        drawing, ax = charts.panel(title, kind.unit, colour, approach_legend(shown))
        for approach in shown:
            _draw_curves(ax, kind, approach)
        charts.log_scale(ax)
        drawn.append((name, drawing, ax, shown))
    reached = [ax.dataLim.xmax for _, _, ax, _ in drawn if np.isfinite(ax.dataLim.xmax)]
    charts.align([ax for _, _, ax, _ in drawn], log=True)
    for name, drawing, ax, shown in drawn:
        _percentile_axis(ax, max([10.0, *reached]))
        charts.hatch_unranked(ax, shown)
        yield charts.finish(drawing, name, _alt_curves(kind, shown))


def _draw_curves(ax: Axes, kind: WaitKind, approach: Approach) -> None:
    colour = theme.approach_colour(approach.position)
    for run in approach.runs:
        ax.plot(*curve(kind.of(run)), color=colour, **charts.thin(run))
    if approach.counted:
        together = merged([kind.of(run) for run in approach.counted])
        ax.plot(
            *curve(together), color=colour, linewidth=charts.THICK, linestyle=charts.dash(approach)
        )


def approach_legend(shown: Sequence[Approach]) -> list[legends.Entry]:
    """Return what the lines mean: approaches by colour, runs and their merger by width."""

    def line(approach: Approach, width: float) -> Line2D:
        colour = theme.approach_colour(approach.position)
        return Line2D([], [], color=colour, linewidth=width, linestyle=charts.dash(approach))

    if len(shown) > 1:
        return [(approach.named, line(approach, charts.THICK)) for approach in shown]
    return [("merged", line(shown[0], charts.THICK)), ("each run", line(shown[0], charts.THIN))]


def _percentile_axis(ax: Axes, right: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(1, right)
    places = [1 / (1 - q / 100) for q in MARKED]
    ax.xaxis.set_major_locator(FixedLocator([1.0, *(p for p in places if p <= right * 1.01)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - 1 / x):.4g}"))
    ax.grid(axis="x", color=theme.GRID, linewidth=1)
    ax.set_xlabel("percentile", fontsize=10.5)


def _alt_curves(kind: WaitKind, shown: Sequence[Approach]) -> str:
    parts = []
    for approach in shown:
        marks = percentiles(kind, approach)
        unit = kind.unit.removesuffix(" (log)").rpartition(" ")[2]
        said = ", ".join(f"p{q:g} {short(value)}" for q, value in marks.items() if q in TOLD)
        parts.append(f"{approach.title}: {said or 'no counted run'} {unit}")
    return f"{kind.title}, percentile curves. {'; '.join(parts)}."


def percentiles(kind: WaitKind, approach: Approach) -> dict[float, float]:
    """Return the marked percentiles of the merged curve, as far as the sample supports them."""
    odds, values = curve(merged([kind.of(run) for run in approach.counted]))
    return {
        q: float(np.interp(1 / (1 - q / 100), odds, values))
        for q in MARKED
        if len(odds) and 1 / (1 - q / 100) <= odds[-1] * (1 + 1e-9)
    }


def live(kind: WaitKind, evidence: Evidence) -> Live:
    """Return percentile curves of all approaches and all their runs, on one grid of percentiles."""
    every = [kind.of(run) for approach in evidence.approaches for run in approach.runs]
    reached = [_reach(waits) for waits in (*every, merged(every))]
    end = max([10.0, *(last for last in reached if last is not None)])
    odds = np.geomspace(1.0, end, LIVE_POINTS)
    return Live(
        unit=kind.unit,
        axis="percentile",
        x=compact(odds),
        end=end,
        traces=tuple(
            Trace(
                label=approach.named,
                approach=approach.title,
                colour=approach.tone,
                dash="solid" if approach.ranked else "dotted",
                shown=True,
                hatched=not approach.ranked,
                middle=compact(_quantiles(merged([kind.of(r) for r in approach.counted]), odds))
                if approach.counted
                else None,
                runs=tuple(
                    RunLine(run.index, bool(run.trouble), compact(_quantiles(kind.of(run), odds)))
                    for run in approach.runs
                ),
            )
            for approach in evidence.approaches
        ),
        log=True,
    )


def headline(evidence: Evidence) -> Chart:
    """Draw the picture for a README: what was sold, and how long a purchase took, side by side."""
    width, plot_height, gap = 880, 230, 62
    samples = charts.time_legend(evidence.approaches, kinds.CONFIRMED.together)
    of_approaches = zip(evidence.approaches, samples, strict=False)
    rows = legends.flow([(one.named, sample) for one, (_, sample) in of_approaches], width)
    drawing = theme.figure(width, 352 + legends.ROW_PX * len(rows))
    panel_width = (width - charts.LEFT_PX - gap - 16) / 2
    question = theme.fitted(_question(evidence), width - 24, 15, "bold")
    theme.put_text(drawing, 12, 28, question, fontsize=15, fontweight="bold")
    for column, (kind, title) in enumerate(
        (
            (kinds.CONFIRMED, "Confirmed orders"),
            (kinds.PURCHASE, "Purchase latency, median, ms (log)"),
        )
    ):
        left = charts.LEFT_PX + column * (panel_width + gap)
        theme.put_text(drawing, left - 40, 54, title, theme.MUTED, fontsize=11.5)
        ax = theme.axes(drawing, left, 76, panel_width, plot_height)
        charts.draw_over_time(ax, kind, evidence.approaches, kind.together, curves.bin_s(evidence))
        charts.seconds_axis(ax, charts.horizon_s(evidence))
        charts.align([ax], log=kind.log)
        if kind is kinds.CONFIRMED:
            _stock_line(ax, evidence)
        charts.stage_bands(ax, evidence)
        marks.draw(ax, marks.marks(run for one in evidence.approaches for run in one.runs))
    legends.draw(drawing, rows)
    return charts.finish(drawing, "headline", _alt_headline(evidence))


def _question(evidence: Evidence) -> str:
    product = evidence.scenario["product"]
    return f"{product['stock']:,} × {product['name']}, up to {evidence.peak_users:,} buyers at once"


def _stock_line(ax: Axes, evidence: Evidence) -> None:
    stock = int(evidence.scenario["product"]["stock"])
    ax.set_ylim(0, max(ax.get_ylim()[1], stock * 1.14))
    ax.axhline(stock, color=theme.MUTED, linewidth=1, linestyle=charts.DASHED)
    ax.text(
        charts.horizon_s(evidence) * 0.99, stock * 1.015, f"stock: {stock:,}",
        ha="right", va="bottom", fontsize=10, color=theme.MUTED,
    )  # fmt: skip


def _alt_headline(evidence: Evidence) -> str:
    parts = []
    for approach in evidence.approaches:
        finals = [short(float(run.seconds["confirmed"].max())) for run in approach.runs]
        parts.append(f"{approach.title} confirmed {', '.join(finals)} orders in its runs")
    return (
        "Confirmed orders over time, and median purchase latency over time. "
        + "; ".join(parts)
        + "."
    )
