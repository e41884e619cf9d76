"""How long requests took over time, as a heat map: when they were sent × how long they took.

A percentile hides whether few or many were slow, and whether there are two kinds of them; here each
request is in one cell. Latency is on a logarithmic scale, in bins with round edges; what had no
answer has a row of its own at the top. Colours are steps, so that a legend can name each.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.analysis.series import Latencies
from report.charts import fault_bands, lines, plotting, theme
from report.charts.figures import Figure
from report.charts.legends import SWATCH_PX, Entry
from report.charts.line_chart import Cells
from report.charts.lines import Curve
from report.charts.time_chart import VariantLines
from report.charts.variant_charts import VariantChart
from report.evidence import Evidence, Variant
from report.numbers import number, short
from report.tables.cells import Cell, Row, Table, numeric, texts

_EDGES_OF_A_DECADE: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_NONE: Final = (1.3, 2.0)
"""Where the row of what had no answer lies, above the last edge, as factors."""
_MARGIN: Final = 1.15
NO_ANSWER: Final = "no answer"
STEPS: Final = len(theme.HEAT_LIGHT)

Counts = npt.NDArray[np.int64]
"""How many requests are in each cell, by row from the fastest and by column; in the last row those
that had no answer."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of all variants: columns of `width_s` seconds, and rows between `edges_ms`."""

    width_s: int
    columns: int
    edges_ms: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Return the number of rows of answers."""
        return len(self.edges_ms) - 1

    @property
    def none_ms(self) -> tuple[float, float]:
        """Return where the row of what had no answer lies on the axis."""
        return self.edges_ms[-1] * _NONE[0], self.edges_ms[-1] * _NONE[1]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the rows as bins, such as ``10–15 ms`` or ``2–3 s``."""
        return (*(_bin(low, high) for low, high in pairwise(self.edges_ms)), NO_ANSWER)


def _bin(low_ms: float, high_ms: float) -> str:
    if low_ms >= 1000:
        return f"{short(low_ms / 1000)}–{short(high_ms / 1000)} s"
    return f"{short(low_ms)}–{short(high_ms)} ms"


def grid(found: Sequence[Latencies], width_s: int, longest_s: int) -> Grid:
    """Return cells in which every request has a place."""
    known = np.concatenate([np.empty(0), *(one.latency_ms[one.answered] for one in found)])
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
    return Grid(width_s, max(1, math.ceil(longest_s / width_s)), _edges(max(low, 1e-3), high))


def _edges(low: float, high: float) -> tuple[float, ...]:
    """Return round edges from below the lowest to above the highest."""
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 2)
    every = [float(f"{step}e{decade}") for decade in decades for step in _EDGES_OF_A_DECADE]
    first, last = (int(np.searchsorted(every, end, side="right")) for end in (low, high))
    return tuple(every[first - 1 : last + 1])


def counts(cells: Grid, requests: Sequence[Latencies]) -> Counts:
    """Return how many requests are in each cell."""
    found = np.zeros((cells.rows + 1, cells.columns), dtype=np.int64)
    for one in requests:
        column = np.clip((one.sent_s // cells.width_s).astype(np.int64), 0, cells.columns - 1)
        row = np.searchsorted(cells.edges_ms, one.latency_ms, side="right") - 1
        row = np.where(one.answered, np.clip(row, 0, cells.rows - 1), cells.rows)
        np.add.at(found, (row, column), 1)
    return found


def steps(most: int) -> list[int]:
    """Return the least count of each colour, from few to many: powers of one whole number."""
    factor = next(factor for factor in count(2) if factor**STEPS > most)
    return [factor**step for step in range(STEPS) if factor**step <= max(most, 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap(VariantChart):
    """A heat map of the latencies of one `kind` (`analysis.series`), its curves before it.

    What its caption says follows from the counts.
    """

    kind: str
    noun: str
    caption: Callable[[VariantLines], str] = lambda _: ""

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return a figure for each variant, with equal axes and colours."""
        cells, found = self._counted(evidence)
        thick = self.thick(evidence)
        whole = self.describe(evidence, thick)
        bounds = cells.edges_ms[0] / _MARGIN, cells.none_ms[1] * _MARGIN
        colours = scale(max((int(one.max()) for one in found.values()), default=1))
        made: list[Figure] = []
        for variant in evidence.variants:
            chart = replace(
                whole.of(variant.title),
                y=bounds,
                cells=self._behind(cells, found[variant.name], colours),
            )
            caption = self._caption(cells, found[variant.name])
            panel = self.panel(chart, (variant,))
            swatches = (
                Entry(label, theme.LIGHT[role], width=SWATCH_PX) for _, role, label in colours
            )
            panel = replace(
                panel,
                legend=(*panel.legend, *swatches),
                alt=f"{self.title}, {variant.title}: {caption}."
                f"{fault_bands.in_words(fault_bands.marks(variant.runs))}",
            )
            made.append(
                Figure(
                    id=panel.name,
                    title=variant.title,
                    caption=f"{variant.named}: {caption}.",
                    pictures=plotting.pictures(chart, [panel]),
                    interactive=chart,
                    values=None if made else self._values(evidence, cells, found),
                )
            )
        return tuple(made)

    def _counted(self, evidence: Evidence) -> tuple[Grid, Mapping[str, Counts]]:
        every = [run.latencies[self.kind] for run in evidence.runs if run.latencies]
        width_s = lines.bin_s(evidence, self.points)
        cells = grid(every, width_s, lines.longest_s(evidence.variants))
        found = {
            variant.name: counts(
                cells, [run.latencies[self.kind] for run in variant.counted if run.latencies]
            )
            for variant in evidence.variants
        }
        return cells, found

    def _behind(self, cells: Grid, found: Counts, colours: Sequence[tuple[int, str, str]]) -> Cells:
        return Cells(
            width=cells.width_s,
            edges=cells.edges_ms,
            none=cells.none_ms,
            rows=cells.labels,
            steps=tuple(colours),
            counts=tuple(
                (int(column), int(row), int(found[row, column]))
                for row, column in np.argwhere(found)
            ),
            noun=self.noun,
        )

    def _caption(self, cells: Grid, found: Counts) -> str:
        """Return where most requests are, the slowest answer, and how many had none."""
        total, by_row = int(found.sum()), found.sum(axis=1)
        if not total:
            return f"no {self.noun}"
        text = f"{number(total)} {self.noun}s"
        answered = np.flatnonzero(by_row[: cells.rows])
        if len(answered):
            usual = int(np.argmax(by_row[: cells.rows]))
            share = number(100 * float(by_row[usual]) / total)
            text += f", most in {cells.labels[usual]} ({share} %)"
            text += f", the slowest in {cells.labels[int(answered[-1])]}"
        return f"{text}; {number(int(by_row[cells.rows]))} without answer"

    def _values(self, evidence: Evidence, cells: Grid, found: Mapping[str, Counts]) -> Table:
        """Return how many requests of each variant are in each row."""
        by_row = {name: one.sum(axis=1) for name, one in found.items()}
        kept = [row for row in range(cells.rows + 1) if any(one[row] for one in by_row.values())]

        def count_cell(variant: Variant, row: int) -> Cell:
            n = int(by_row[variant.name][row])
            return Cell(number(n), n)

        return Table(
            f"graph-{self.id}",
            f"{self.title}: {self.noun}s of all counted runs, by how long they took; "
            f"{evidence.workload}.",
            (*texts("Took"), *numeric(*(variant.named for variant in evidence.variants))),
            tuple(
                Row((Cell(cells.labels[row]), *(count_cell(one, row) for one in evidence.variants)))
                for row in kept
            ),
        )


def scale(most: int) -> list[tuple[int, str, str]]:
    """Return each colour: its least count, its role, and its counts as a bin."""
    ends = steps(most)
    first = STEPS - len(ends)
    found = []
    for position, low in enumerate(ends):
        high = ends[position + 1] - 1 if position + 1 < len(ends) else None
        label = f"{number(low)} or more" if high is None else f"{number(low)}–{number(high)}"
        found.append((low, f"heat-{first + position + 1}", number(low) if high == low else label))
    return found


def _median(_: Evidence, __: Variant) -> tuple[Curve, ...]:
    return (Curve("purchase_p50_ms", "median", colour="ink", percentile=("purchase", 0.50)),)


PURCHASE: Final = HeatMap(
    id="purchase-heat",
    title="Purchase latency, heat map",
    lead="Every purchase that was not refused, of all counted runs: when it was sent, and how long "
    "its acknowledgement took (logarithmic). The colour is the number of purchases in a cell; "
    "those without acknowledgement are in the row “none”.",
    unit="ms (log), by when the purchase was sent",
    own=_median,
    log=True,
    with_runs=False,
    points=80,
    kind="purchase",
    noun="purchase",
)
