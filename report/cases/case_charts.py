"""One small figure per case: what was confirmed and what failed, second by second.

Faults come at other moments in every run, so of a case with faults one run is drawn: the one that
took longest to recover. A case without faults shows all its runs and their median.
"""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from report.cases.case_tables import Case, cases_of
from report.charts import fault_bands, plotting, theme
from report.charts.figures import Figure, Section
from report.charts.line_chart import LineChart, RunLine, Trace, compact, instants
from report.charts.lines import longest_s
from report.charts.time_chart import horizon_s
from report.evidence import Evidence, Run, Variant
from report.numbers import short

LEAD = (
    "Confirmed orders and failed requests per second. A case with faults is shown by the run that "
    "took longest to recover, with the faults as bands; a case without, by every run (thin) and "
    "their median."
)


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return the figures of the cases of each variant."""
    return tuple(
        Section(f"cases-{a.name}", a.title, LEAD, tuple(_figures(evidence, a)))
        for a in evidence.variants
    )


def _figures(evidence: Evidence, variant: Variant) -> Iterator[Figure]:
    for number, case in enumerate(cases_of(evidence, variant), start=1):
        runs = [run for run in variant.runs if run.index in case["runs"]]
        shown = _shown(evidence, case, runs)
        chart = _describe(evidence, variant, case, shown)
        yield plotting.one_picture(
            chart,
            name=f"case-{variant.name}-{number:02d}",
            title=str(case["case"]),
            alt=_alt(variant, case, shown),
            caption=_caption(case, shown),
            colour=theme.LIGHT[variant.tone],
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


def _caption(case: Case, runs: Sequence[Run]) -> str:
    """Return what is to be seen: how much was confirmed, and from when to when requests failed."""
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


def _describe(evidence: Evidence, variant: Variant, case: Case, runs: Sequence[Run]) -> LineChart:
    x = list(range(longest_s([variant])))
    end_s = horizon_s(evidence, runs)

    def trace(
        curve: str, colour: str, dash: theme.Dash, of: Callable[[Run], "pd.Series[float]"]
    ) -> Trace:
        lines = [of(run) for run in runs]
        middle = pd.concat(lines, axis=1).median(axis=1)
        return Trace(
            label=curve,
            variant=variant.title,
            curve=curve,
            colour=colour,
            dash=dash,
            middle=compact(middle.reindex(x)),
            runs=tuple(
                RunLine(run.index, "dotted" if run.trouble else dash, compact(line.reindex(x)))
                for run, line in zip(runs, lines, strict=True)
            ),
        )

    return LineChart(
        unit=f"per second · {_which(case, runs)}",
        axis="seconds",
        x=instants(x),
        end=end_s,
        traces=(
            trace("confirmed", variant.tone, "solid", _confirmed),
            trace("5xx or no answer", "ink", "dashed", _failed),
        ),
        steps=True,
        marks=fault_bands.spans(fault_bands.marks(runs), end_s) if case["faults"] else (),
    )


def _alt(variant: Variant, case: Case, runs: Sequence[Run]) -> str:
    confirmed, failed = (max(float(of(run).max()) for run in runs) for of in (_confirmed, _failed))
    faults = fault_bands.in_words(fault_bands.marks(runs)) if case["faults"] else ""
    return (
        f"{variant.title}, case {case['case']}, {_which(case, runs)}: at most {short(confirmed)} "
        f"orders confirmed and {short(failed)} requests failed per second.{faults}"
    )
