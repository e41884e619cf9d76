"""Percentile curves of whole runs: what share of durations was over within how long."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.estimates import MIN_BEYOND
from report.charts import legends, plotting
from report.charts.chart import (
    MOST_TOGETHER,
    Chart,
    each,
    groups,
    most_points,
    with_multiples,
)
from report.charts.figures import Figure
from report.charts.line_chart import LineChart, Trace, compact
from report.charts.plotting import MARKED, Panel
from report.evidence import Durations, Evidence, Floats, Run, Variant
from report.numbers import short
from report.tables.cells import Cell, Row, Table, numeric, texts

POINTS = 160
IN_WORDS = (50.0, 95.0, 99.0)


def reach(durations: Durations) -> float | None:
    """Return the last 1/(1-q) whose q-percentile the sample supports, or None.

    A curve ends where fewer than `MIN_BEYOND` values lie beyond it.
    Unfinished durations are longer than all others, so a curve ends before them.
    """
    if durations.size <= MIN_BEYOND or len(durations.values) == 0:
        return None
    last = min(1 - MIN_BEYOND / durations.size, len(durations.values) / durations.size)
    return 1 / (1 - last + 1e-12)


def quantiles(durations: Durations, odds: Floats) -> Floats:
    """Return the percentiles at 1/(1-q), by nearest rank; what is not supported is missing."""
    last = reach(durations)
    if last is None:
        return np.full(len(odds), np.nan)
    ranks = np.ceil((1 - 1 / odds) * durations.size - 1e-9).astype(np.int64)
    found = durations.values[np.clip(ranks - 1, 0, len(durations.values) - 1)]
    return np.where(odds <= last * (1 + 1e-9), found, np.nan)


def merged(durations: Sequence[Durations]) -> Durations:
    """Return the durations of several runs as one."""
    if not durations:
        return Durations(np.empty(0))
    values = np.sort(np.concatenate([one.values for one in durations]))
    return Durations(values, sum(one.unfinished for one in durations))


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileChart(Chart):
    """A chart of percentile curves, of durations `of` each run; what has no end is `lacking` it."""

    of: Callable[[Run], Durations]
    lacking: str = "no answer"

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figure of a campaign; of many variants, small multiples."""
        chart = self.describe(evidence)
        whole = Figure(
            id=self.id,
            title=self.title,
            caption=each(evidence, self.caption),
            pictures=plotting.pictures(
                chart, [self._panel(chart, shown) for shown in groups(evidence)]
            ),
            interactive=chart,
            values=self.values(evidence),
        )
        return (with_multiples(evidence, whole, self.caption),)

    def percentiles(self, variant: Variant) -> dict[float, float]:
        """Return the marked percentiles of the merged curve, as far as the sample supports them."""
        odds = np.array([1 / (1 - q / 100) for q in MARKED])
        found = quantiles(self._merged(variant), odds)
        return {q: float(v) for q, v in zip(MARKED, found, strict=True) if np.isfinite(v)}

    def _merged(self, variant: Variant) -> Durations:
        return merged([self.of(run) for run in variant.counted])

    def describe(self, evidence: Evidence) -> LineChart:
        """Return the curves of all variants and all their runs, on one grid of percentiles."""
        every = [self.of(run) for run in evidence.runs]
        every += [self._merged(variant) for variant in evidence.variants]
        end = max([10.0, *(last for one in every if (last := reach(one)) is not None)])
        odds = np.geomspace(1.0, end, most_points(evidence, POINTS))

        def trace(variant: Variant) -> Trace:
            middle = compact(quantiles(self._merged(variant), odds)) if variant.counted else None
            drawn = plotting.trace(
                variant,
                variant.named,
                "merged",
                middle,
                lambda run: compact(quantiles(self.of(run), odds)),
                among=len(evidence.variants),
            )
            return replace(drawn, ending=self._ending(variant))

        return LineChart(
            unit=self.unit,
            axis="percentile",
            x=compact(odds),
            end=end,
            traces=tuple(map(trace, evidence.variants)),
            log=True,
        )

    def _panel(self, chart: LineChart, shown: tuple[Variant, ...]) -> Panel:
        titles = {variant.title for variant in shown}
        name, title, colour = plotting.panel_words(self.id, "Compared", shown)
        parts = []
        for variant in shown:
            found = self.percentiles(variant)
            said = (f"p{q:g} {self.cell(found[q]).text}" for q in IN_WORDS if q in found)
            parts.append(f"{variant.title}: {', '.join(said) or 'no counted run'}")
        traces = tuple(one for one in chart.traces if one.variant in titles)
        if len(shown) > MOST_TOGETHER:
            traces = tuple(one.median_alone() for one in traces)
        return Panel(
            name=name,
            title=title,
            alt=f"{self.title}, percentile curves. {'; '.join(parts)}.",
            traces=traces,
            legend=legends.of_variants(shown) if len(shown) > 1 else legends.of_runs(shown[0]),
            colour=colour,
            hatched=shown[0] if len(shown) == 1 else None,
        )

    def _ending(self, variant: Variant) -> str:
        """Return why the curve ends, if that is because of what has no end."""
        whole = self._merged(variant)
        if whole.unfinished <= MIN_BEYOND:
            return ""
        return f"{short(100 * whole.unfinished / whole.size)} % {self.lacking}"

    def caption(self, variant: Variant) -> str:
        """Return what is to be seen of a variant."""
        found, whole = self.percentiles(variant), self._merged(variant)
        ending = self._ending(variant)
        said = []
        if 50.0 in found:
            said.append(f"half within {self.cell(found[50.0]).text}")
        if found and (worst := max(found)) > 50.0:
            said.append(f"{worst:g} % within {self.cell(found[worst]).text}")
        if not said and ending and len(whole.values):
            share = short(100 * len(whole.values) / whole.size)
            said.append(f"{share} % within {self.cell(float(whole.values[-1])).text}")
        return ", ".join([*said, *([ending] if ending else [])]) or "too few values for a curve"

    def values(self, evidence: Evidence) -> Table:
        """Return the percentiles of the merged curves, as far as they are supported."""
        rows = []
        for variant in evidence.variants:
            found = self.percentiles(variant)
            cells = [self.cell(found.get(q, math.nan)) for q in MARKED]
            rows.append(Row((Cell(variant.named), *cells)))
        name, unit = self.quantity
        return Table(
            f"graph-{self.id}",
            f"{self.title}, {name}: percentiles of the merged curves; {evidence.workload}.",
            (*texts("Variant"), *numeric(*(f"p{q:g}" for q in MARKED), unit=unit)),
            tuple(rows),
        )


PURCHASE = PercentileChart(
    id="purchase-distribution",
    title="Purchase latency, distribution",
    lead="What share of purchases was acknowledged within how long; the axis spreads the slowest: "
    "each nine is as wide as the one before it. A curve ends at its × if the rest had no answer.",
    unit="purchase latency, ms (log)",
    of=lambda run: run.purchase_ms,
)
ORDER_TIME = PercentileChart(
    id="order-time-distribution",
    title="Total order time, distribution",
    lead="From the first send of an attempt until its order is settled in the ledger. This, not "
    "the acknowledgement, compares the variants.",
    unit="total order time, s (log)",
    of=lambda run: run.order_time_s,
    lacking="not settled",
)
