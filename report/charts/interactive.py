"""The data of the interactive charts, as JSON in the page; `page.js` draws them with uPlot.

Nothing is computed in the browser: what can be hovered, zoomed and switched off there are the lines
of the drawings, in narrower bins.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from report.charts import fault_bands, lines
from report.charts.over_time import PERCENTILES, Curve, TimeKind
from report.evidence import Approach, Evidence, Run

Dash = Literal["solid", "dashed", "dotted"]
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class RunLine:
    """The line of one run; dotted if the run is invalid or failed its audit."""

    run: int
    dotted: bool
    values: Values


@dataclass(frozen=True, slots=True)
class Trace:
    """What can be switched on and off as one: a thick line and the thin lines of its runs.

    `colour` is a role of the theme. `shown` says whether it is on at first, `hatched` that its
    approach is not ranked; `middle` is None if no run counts.
    """

    label: str
    approach: str
    colour: str
    dash: Dash
    shown: bool
    hatched: bool
    middle: Values | None
    runs: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """An interactive chart; `x` is in seconds since the load began, or 1 / (1 - q) of quantiles.

    `stages` and `marks` are spans of x with their labels, `levels` are values of y with theirs.
    """

    unit: str
    axis: Literal["seconds", "percentile"]
    x: Values
    end: float
    traces: tuple[Trace, ...]
    log: bool = False
    steps: bool = False
    stages: tuple[tuple[float, float, str], ...] = ()
    marks: tuple[tuple[float, float, str], ...] = ()
    levels: tuple[tuple[float, str], ...] = ()

    def to_json(self) -> str:
        """Return the chart as JSON that may stand inside a script element."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).replace(
            "<", "\\u003c"
        )


def compact(values: Iterable[float]) -> Values:
    """Return numbers with the four digits that a chart can show; what is not a number is None."""
    return tuple(_rounded(float(value)) if math.isfinite(value) else None for value in values)


def _rounded(value: float) -> float:
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def over_time(
    kind: TimeKind, evidence: Evidence, end_s: float, levels: tuple[tuple[float, str], ...] = ()
) -> Live:
    """Return a kind of figure over time with all approaches and all their runs."""
    width_s = lines.bin_s(evidence, lines.LIVE_POINTS)
    bins = math.ceil(longest_s(evidence.approaches) / width_s)
    x = [(position + 0.5) * width_s for position in range(bins)]
    several = len(evidence.approaches) > 1
    shown = kind.together if several else kind.alone
    return Live(
        unit=kind.unit,
        axis="seconds",
        x=compact(x),
        end=end_s,
        traces=tuple(
            _trace(approach, curve, x, width_s, shown=curve in shown, several=several)
            for approach in evidence.approaches
            for curve in kind.alone
            if measured((approach,), curve)
        ),
        log=kind.log,
        stages=stages(evidence),
        marks=spans((run for a in evidence.approaches for run in a.runs), end_s),
        levels=levels,
    )


def _trace(
    approach: Approach, curve: Curve, x: list[float], width_s: int, *,
    shown: bool, several: bool,
) -> Trace:  # fmt: skip
    middle = lines.of_approach(approach, curve.column, width_s)
    return Trace(
        label=f"{approach.named}, {curve.label}" if several else curve.label,
        approach=approach.title,
        colour=approach.tone,
        dash="dotted" if not approach.ranked else "dashed" if curve.dashed else "solid",
        shown=shown,
        hatched=not approach.ranked,
        middle=None if middle is None else compact(middle.reindex(x)),
        runs=tuple(
            RunLine(
                run.index,
                bool(run.trouble),
                compact(lines.of_run(run, curve.column, width_s).reindex(x)),
            )
            for run in approach.runs
        ),
    )


def longest_s(approaches: Sequence[Approach]) -> int:
    """Return how many seconds the longest run has."""
    return max((len(run.seconds) for a in approaches for run in a.runs), default=0)


def measured(shown: Sequence[Approach], curve: Curve) -> bool:
    """Say whether any run has a value of this curve: a shop without queue has no queue depth."""
    if curve.column in PERCENTILES:
        return any(run.latencies for a in shown for run in a.runs)
    return any(run.seconds[curve.column].notna().any() for a in shown for run in a.runs)


def stages(evidence: Evidence) -> tuple[tuple[float, float, str], ...]:
    """Return the stages as spans of time."""
    return tuple(
        (stage.start_s, stage.end_s, f"{stage.number} {stage.name}") for stage in evidence.stages
    )


def spans(runs: Iterable[Run], end_s: float) -> tuple[tuple[float, float, str], ...]:
    """Return the faults of some runs as spans of time, as far as the chart goes."""
    return tuple(
        (mark.from_s, min(mark.to_s, end_s), mark.label)
        for mark in fault_bands.marks(runs)
        if mark.from_s < end_s
    )
