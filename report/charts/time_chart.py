"""A chart over time: lines of the per-second series and of latencies, by run and variant."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from report.charts import fault_bands, legends, lines, plotting, theme
from report.charts.chart import MOST_TOGETHER, Chart, each, groups, with_multiples
from report.charts.figures import Figure
from report.charts.legends import Entry
from report.charts.line_chart import LineChart, Trace, compact, have_colours, instants, staggered
from report.charts.lines import Curve
from report.charts.plotting import Panel
from report.evidence import Evidence, Run, Variant
from report.numbers import NOTHING, short
from report.tables.cells import Cell, Row, Table, numeric, texts

Thick = Mapping[str, Mapping[str, "pd.Series[float]"]]
"""The thick lines of every variant, by column."""


@dataclass(frozen=True, slots=True)
class VariantLines:
    """The thick lines of a variant in one chart, by column; there is none where no run counts.

    `line` is that of the first curve, without its gaps.
    """

    evidence: Evidence
    variant: Variant
    thick: Mapping[str, "pd.Series[float]"]
    line: "pd.Series[float]"

    def of(self, column: str) -> "pd.Series[float] | None":
        """Return a line without its gaps, or None if there is nothing of it."""
        return _known(self.thick.get(column))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChart(Chart):
    """A chart over time. `caption` returns what is to be seen of a variant, from its thick lines;
    it is asked only if there is one of the first curve.

    `levels` are values of y that a scenario gives. A chart `within_load` ends with it, another with
    the longest drain. Of one that is not `alone` only the picture of all variants is drawn.
    `ending` returns why the line of a variant ends early, if it does. A line has at most so many
    `points`; y counts `whole` things or not. One that is not `with_runs` shows thick lines alone.
    """

    curves: tuple[Curve, ...] = ()
    caption: Callable[[VariantLines], str]
    compared: str = "Compared"
    log: bool = False
    whole: bool = True
    with_runs: bool = True
    points: int = lines.POINTS
    within_load: bool = False
    alone: bool = True
    levels: Callable[[Evidence], tuple[tuple[float, str], ...]] = lambda _: ()
    ending: Callable[[VariantLines], str] = lambda _: ""

    def curves_of(self, evidence: Evidence, variant: Variant) -> tuple[Curve, ...]:
        """Return the curves of a variant: those of every one, if the chart has no others."""
        return self.curves

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figure of a campaign; of many variants, small multiples."""
        thick = self.thick(evidence)
        chart = self.describe(evidence, thick)
        shown = groups(evidence) if self.alone else groups(evidence)[:1]
        whole = Figure(
            id=self.id,
            title=self.title,
            caption=self.words(evidence, thick),
            pictures=plotting.pictures(chart, [self.panel(chart, one) for one in shown]),
            interactive=chart,
            values=self.values(evidence, thick),
        )
        return (with_multiples(evidence, whole, lambda one: self.say(evidence, one, thick)),)

    def words(self, evidence: Evidence, thick: Thick) -> str:
        """Return the caption of all variants."""
        return each(evidence, lambda variant: self.say(evidence, variant, thick))

    def say(self, evidence: Evidence, variant: Variant, thick: Thick) -> str:
        """Return what is to be seen of a variant."""
        shown = self._shown(evidence, variant, thick)
        return self.caption(shown) if shown else "nothing to show"

    def _shown(self, evidence: Evidence, variant: Variant, thick: Thick) -> VariantLines | None:
        """Return the thick lines of a variant; None if there is none of its first curve."""
        curves, found = self.curves_of(evidence, variant), thick[variant.name]
        line = _known(found.get(curves[0].column)) if curves else None
        return None if line is None else VariantLines(evidence, variant, found, line)

    def thick(self, evidence: Evidence) -> Thick:
        """Return the thick lines of every variant, by column; only what was measured is there."""
        width_s = lines.bin_s(evidence, self.points)
        return {
            variant.name: {
                curve.column: line
                for curve in self.curves_of(evidence, variant)
                if lines.is_measured(variant, curve)
                and (line := lines.of_variant(variant, curve, width_s)) is not None
            }
            for variant in evidence.variants
        }

    def describe(self, evidence: Evidence, thick: Thick) -> LineChart:
        """Return the chart with all variants and all their runs."""
        width_s = lines.bin_s(evidence, self.points)
        bins = math.ceil(lines.longest_s(evidence.variants) / width_s)
        x = [(position + 0.5) * width_s for position in range(bins)]
        end_s = (
            evidence.stages[-1].end_s if self.within_load else horizon_s(evidence, evidence.runs)
        )
        several = len(evidence.variants) > 1
        endings = {
            variant.name: self.ending(shown) if shown else ""
            for variant in evidence.variants
            for shown in (self._shown(evidence, variant, thick),)
        }

        def trace(variant: Variant, curve: Curve) -> Trace:
            middle = thick[variant.name].get(curve.column)
            drawn = plotting.trace(
                variant if self.with_runs or middle is None else replace(variant, runs=()),
                f"{variant.named}, {curve.label}" if several else curve.label,
                curve.label,
                None if middle is None else compact(middle.reindex(x)),
                lambda run: compact(lines.of_run(run, curve, width_s).reindex(x)),
                among=len(evidence.variants),
                second=curve.second,
                bridged=curve.percentile is not None,
            )
            shown, ending = not (several and curve.alone), endings[variant.name]
            return replace(_in_own_look(drawn, curve, variant), shown=shown, ending=ending)

        return LineChart(
            unit=self.unit,
            axis="seconds",
            x=instants(x),
            end=end_s,
            traces=tuple(
                trace(variant, curve)
                for variant in evidence.variants
                for curve in self.curves_of(evidence, variant)
                if lines.is_measured(variant, curve)
            ),
            log=self.log,
            whole=self.whole,
            bands=plotting.stage_bands(evidence.stages),
            marks=fault_bands.spans(fault_bands.marks(evidence.runs), end_s),
            levels=self.levels(evidence),
        )

    def panel(self, chart: LineChart, variants: tuple[Variant, ...]) -> Panel:
        """Return the picture of some variants in a chart of all."""
        titles = {variant.title for variant in variants}
        traces = tuple(
            one
            for one in chart.traces
            if one.variant in titles and (one.shown or len(variants) == 1)
        )
        marks = fault_bands.marks(run for variant in variants for run in variant.runs)
        name, title, colour = plotting.panel_words(self.id, self.compared, variants)
        found = ((one, self._range(one)) for one in traces)
        ranges = [f"{one.variant}, {one.curve}: {words}" for one, words in found if words]
        if len(variants) > MOST_TOGETHER:
            traces = tuple(one.median_alone() for one in traces)
        return Panel(
            name=name,
            title=title,
            alt=f"{self.title} ({self.unit}). {'; '.join(ranges) or 'nothing was measured'}."
            f"{fault_bands.in_words(marks)}",
            traces=traces,
            legend=_legend(traces, variants),
            marks=fault_bands.spans(marks, chart.end),
            colour=colour,
            hatched=variants[0] if len(variants) == 1 else None,
        )

    def _range(self, trace: Trace) -> str:
        """Return between which values what is drawn of a line lies; nothing if there is none."""
        drawn = [run.values for run in trace.runs] or [trace.middle or ()]
        found = [value for values in drawn for value in values if value is not None]
        if not found:
            return ""
        return f"between {self.cell(min(found)).text} and {self.cell(max(found)).text}"

    def values(self, evidence: Evidence, thick: Thick) -> Table:
        """Return the thick lines by stage, and their most.

        A percentile is that of the stage's requests, all else the median of the stage's points.
        """
        rows = [
            Row(self._cells(evidence, variant, curve, line), variant.named)
            for variant in evidence.variants
            for curve in self.curves_of(evidence, variant)
            if (line := thick[variant.name].get(curve.column)) is not None
        ]
        name, unit = self.quantity
        stages = [f"{stage.number} · {stage.name}" for stage in evidence.stages]
        return Table(
            f"graph-{self.id}",
            f"{self.title}, {name}, of the thick lines, by stage: percentiles of its "
            f"requests, else the median of its points; {evidence.workload}.",
            (*texts("Line"), *numeric(*stages, "Most", unit=unit), *numeric("at, s")),
            tuple(rows),
        )

    def _cells(
        self, evidence: Evidence, variant: Variant, curve: Curve, line: "pd.Series[float]"
    ) -> tuple[Cell, ...]:
        def of_stage(start_s: float, end_s: float) -> float:
            if curve.percentile:
                return lines.of_window(variant, *curve.percentile, start_s, end_s)
            return float(line[(line.index >= start_s) & (line.index < end_s)].median())

        most = line.max()
        when = lines.peak_s(line) if pd.notna(most) else float("nan")
        stages = (of_stage(stage.start_s, stage.end_s) for stage in evidence.stages)
        return Cell(curve.label), *map(self.cell, (*stages, most)), _moment(when)


def _in_own_look(drawn: Trace, curve: Curve, variant: Variant) -> Trace:
    """Return a line as its curve says that it looks; what is not ranked stays dotted."""
    return replace(
        drawn,
        colour=curve.colour or drawn.colour,
        dash=curve.dash if curve.dash and variant.ranked else drawn.dash,
        marker=curve.marker or drawn.marker,
        marked=staggered(drawn.middle, *curve.place) if curve.place else drawn.marked,
    )


def _known(line: "pd.Series[float] | None") -> "pd.Series[float] | None":
    """Return a line without its gaps, or None if there is nothing of it."""
    line = None if line is None else line.dropna()
    return line if line is not None and len(line) else None


def _moment(at_s: float) -> Cell:
    return Cell(NOTHING) if pd.isna(at_s) else Cell(short(at_s), at_s)


def _legend(traces: tuple[Trace, ...], variants: tuple[Variant, ...]) -> tuple[Entry, ...]:
    """Return what the lines mean: variants by colour and dash, curves by dash."""
    if len(variants) == 1:
        return tuple(
            Entry(
                one.curve,
                theme.LIGHT[one.colour],
                one.dash,
                marker=one.marker if have_colours(traces) else (),
            )
            for one in traces
        )
    entries = legends.of_variants(variants)
    labels = dict.fromkeys(one.curve for one in traces)
    if len(labels) > 1:
        samples: tuple[theme.Dash, ...] = ("solid", "dashed")
        pairs = zip(labels, samples, strict=False)
        entries += tuple(Entry(label, theme.MUTED, dash) for label, dash in pairs)
    return entries


def horizon_s(evidence: Evidence, runs: Sequence[Run]) -> float:
    """Return where time axes end: with the longest of some runs."""
    return float(evidence.stages[-1].end_s + max((run.record.drain_s for run in runs), default=0.0))
