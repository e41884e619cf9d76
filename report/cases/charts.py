"""One small figure per case: what was confirmed and what failed, second by second.

Faults come at other moments in every run, so of a case with faults one run is drawn: the one that
took longest to recover. A case without faults shows all its runs and their median.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from report import charts, marks, theme
from report.cases.rows import Case, cases_of
from report.charts import Chart, Section
from report.evidence import Approach, Evidence, Run
from report.numbers import short

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
        Section(f"cases-{a.name}", a.title, LEAD, tuple(_charts(evidence, a)))
        for a in evidence.approaches
    )


def _charts(evidence: Evidence, approach: Approach) -> Iterator[Chart]:
    for number, case in enumerate(cases_of(evidence, approach), start=1):
        runs = [run for run in approach.runs if run.index in case["runs"]]
        yield _chart(evidence, approach, case, _shown(evidence, case, runs), number)


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


def _chart(
    evidence: Evidence, approach: Approach, case: Case, runs: Sequence[Run], number: int
) -> Chart:
    colour = theme.approach_colour(approach.position)
    which = f"run {runs[0].index}, seed {runs[0].record['seed']}" if case["faults"] else "all runs"
    legend = [
        ("confirmed", Line2D([], [], color=colour, linewidth=charts.THICK)),
        (
            "5xx or no answer",
            Line2D([], [], color=theme.INK, linewidth=1.3, linestyle=charts.DASHED),
        ),
    ]
    drawing, ax = charts.panel(str(case["case"]), f"per second · {which}", colour, legend)
    confirmed = [run.seconds.set_index("t_s")["confirmed"].diff().fillna(0) for run in runs]
    failed = [run.seconds.set_index("t_s")["errors"] for run in runs]
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
    load_s = evidence.stages[-1].end_s
    charts.seconds_axis(ax, load_s + max(run.record["drain_s"] for run in runs))
    found = marks.marks(runs) if case["faults"] else ()
    marks.draw(ax, found)
    alt = (
        f"{approach.title}, case {case['case']}, {which}: at most {short(_most(confirmed))} orders "
        f"confirmed and {short(_most(failed))} requests failed per second.{marks.in_words(found)}"
    )
    return charts.finish(drawing, f"case-{approach.name}-{number:02d}", alt)


def _most(series: Sequence["pd.Series[float]"]) -> float:
    return max(float(one.max()) for one in series)
