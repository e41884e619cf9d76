"""One small figure per case: what was confirmed and what failed, second by second.

Faults come at other moments in every run, so of a case with faults one run is drawn: the one that
took longest to recover. A case without faults shows all its runs and their median.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from report import charts, marks, theme
from report.cases.rows import Case, cases_of
from report.evidence import Approach, Evidence, Run
from report.live import Dash, Live, RunLine, Trace, compact, longest_s, spans
from report.numbers import short
from report.plates import Chart, Plate, Section

STEPS = "steps-mid"
"""A second is drawn as wide as it is, so that nothing seems to begin before it did."""

LEAD = (
    "Confirmed orders and failed requests per second. Of a case with faults the run that took "
    "longest to recover is shown, with its faults as bands; of a case without, every run (thin) "
    "and their median."
)


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return the figures of the cases of each approach."""
    return tuple(
        Section(f"cases-{a.name}", a.title, LEAD, tuple(_plates(evidence, a)))
        for a in evidence.approaches
    )


def _plates(evidence: Evidence, approach: Approach) -> Iterator[Plate]:
    for number, case in enumerate(cases_of(evidence, approach), start=1):
        runs = [run for run in approach.runs if run.index in case["runs"]]
        shown = _shown(evidence, case, runs)
        chart = _chart(evidence, approach, case, shown, number)
        yield Plate(
            id=chart.name,
            title=str(case["case"]),
            caption=_caption(case, shown),
            charts=(chart,),
            live=_live(evidence, approach, case, shown),
        )


def _shown(evidence: Evidence, case: Case, runs: Sequence[Run]) -> list[Run]:
    """Return the run that took longest to recover, or all if there was no fault."""
    if not case["faults"]:
        return list(runs)

    def slowness(run: Run) -> float:
        own = [fault for fault in evidence.summary["faults"] if fault["run"] == run.index]
        return max(
            float("inf") if fault["unsettled"] else fault["recovery_s"] or 0.0 for fault in own
        )

    return [max(runs, key=slowness)]


def _confirmed(run: Run) -> "pd.Series[float]":
    """Return how many orders were confirmed in each second."""
    return run.seconds.set_index("t_s")["confirmed"].diff().fillna(0)


def _failed(run: Run) -> "pd.Series[float]":
    """Return how many requests failed in each second."""
    return run.seconds.set_index("t_s")["errors"]


def _which(case: Case, runs: Sequence[Run]) -> str:
    return f"run {runs[0].index}, seed {runs[0].record.seed}" if case["faults"] else "all runs"


def _horizon_s(evidence: Evidence, runs: Sequence[Run]) -> float:
    return float(evidence.stages[-1].end_s + max(run.record.drain_s for run in runs))


def _caption(case: Case, runs: Sequence[Run]) -> str:
    """Say what is to be seen: how much was confirmed, and from when to when requests failed."""
    said = [f"{short(float(run.seconds['confirmed'].max()))} confirmed" for run in runs]
    failing = [(_failed(run), run) for run in runs]
    for errors, run in failing:
        when = errors[errors > 0]
        if len(when):
            said.append(
                f"{short(float(errors.sum()))} requests failed in run {run.index}, between "
                f"{when.index[0]} and {when.index[-1] + 1} s"
            )
    if not any((errors > 0).any() for errors, _ in failing):
        said.append("no request failed")
    return f"{case['case']}, {_which(case, runs)}: {', '.join(said)}."


def _live(evidence: Evidence, approach: Approach, case: Case, runs: Sequence[Run]) -> Live:
    x = list(range(longest_s([approach])))
    end_s = _horizon_s(evidence, runs)

    def trace(
        label: str, colour: str, dash: Dash, of: Callable[[Run], "pd.Series[float]"]
    ) -> Trace:
        lines = [of(run) for run in runs]
        middle = pd.concat(lines, axis=1).median(axis=1)
        return Trace(
            label=label,
            approach=approach.title,
            colour=colour,
            dash=dash,
            shown=True,
            hatched=False,
            middle=compact(middle.reindex(x)),
            runs=tuple(
                RunLine(run.index, bool(run.trouble), compact(line.reindex(x)))
                for run, line in zip(runs, lines, strict=True)
            ),
        )

    return Live(
        unit=f"per second · {_which(case, runs)}",
        axis="seconds",
        x=compact(x),
        end=end_s,
        traces=(
            trace("confirmed", approach.tone, "solid", _confirmed),
            trace("5xx or no answer", "ink", "dashed", _failed),
        ),
        steps=True,
        marks=spans(runs, end_s) if case["faults"] else (),
    )


def _chart(
    evidence: Evidence, approach: Approach, case: Case, runs: Sequence[Run], number: int
) -> Chart:
    colour = theme.approach_colour(approach.position)
    which = _which(case, runs)
    legend = [
        ("confirmed", Line2D([], [], color=colour, linewidth=charts.THICK)),
        (
            "5xx or no answer",
            Line2D([], [], color=theme.INK, linewidth=1.3, linestyle=charts.DASHED),
        ),
    ]
    drawing, ax = charts.panel(str(case["case"]), f"per second · {which}", colour, legend)
    confirmed = [_confirmed(run) for run in runs]
    failed = [_failed(run) for run in runs]
    styles: tuple[tuple[list[pd.Series[float]], dict[str, Any]], ...] = (
        (confirmed, {"color": colour, "linewidth": charts.THICK, "drawstyle": STEPS}),
        (
            failed,
            {"color": theme.INK, "linewidth": 1.3, "linestyle": charts.DASHED, "drawstyle": STEPS},
        ),
    )
    for series, style in styles:
        middle = pd.concat(series, axis=1).median(axis=1)
        if len(series) > 1:
            for one in series:
                ax.plot(one.index + 0.5, one, **{**style, "linewidth": charts.THIN, "alpha": 0.4})
        ax.plot(middle.index + 0.5, middle, **style)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    charts.seconds_axis(ax, _horizon_s(evidence, runs))
    found = marks.marks(runs) if case["faults"] else ()
    marks.draw(ax, found)
    alt = (
        f"{approach.title}, case {case['case']}, {which}: at most {short(_most(confirmed))} orders "
        f"confirmed and {short(_most(failed))} requests failed per second.{marks.in_words(found)}"
    )
    return charts.finish(drawing, f"case-{approach.name}-{number:02d}", alt)


def _most(series: Sequence["pd.Series[float]"]) -> float:
    return max(float(one.max()) for one in series)
