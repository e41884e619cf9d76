"""How long requests took over time, as a heat map: when they were sent × how long they took.

A percentile hides whether few or many were slow, and whether there are two kinds of them; here each
request is in one cell. Latency is on a logarithmic scale, in bins with round edges; what had no
answer has a row of its own at the top. Colours are steps, so that a legend can name each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from harness.analysis.series import Latencies
from report.charts import fault_bands, plotting, theme
from report.charts.chart import Chart, each
from report.charts.figures import Figure, Picture
from report.charts.legends import SWATCH_PX, Entry
from report.charts.line_chart import LineChart
from report.charts.time_chart import horizon_s
from report.evidence import Evidence, Floats, Variant
from report.numbers import number, short
from report.tables.cells import Cell, Row, Table, numeric, texts

COLUMNS: Final = 80
"""The most columns of a map; each stands for as many whole seconds."""
_EDGES_OF_A_DECADE: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
APART: Final = 0.6
"""How far the row of what had no answer is from the others, in rows."""
OVERLAP: Final = 0.04
"""How much larger than its place a cell is drawn, so that no seam shows between two."""
STEPS: Final = len(theme.HEAT_LIGHT)

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of all variants: columns of `width_s` seconds, and rows between `edges_ms`."""

    width_s: int
    columns: int
    edges_ms: Floats

    @property
    def rows(self) -> int:
        """Return the number of rows of answers."""
        return len(self.edges_ms) - 1

    def label(self, row: int) -> str:
        """Return a row as a bin, such as ``10–15 ms``."""
        if row == self.rows:
            return "no answer"
        low, high = self.edges_ms[row : row + 2]
        return f"{short(float(low))}–{short(float(high))} ms"


def grid(evidence: Evidence, kind: str) -> Grid:
    """Return cells in which every request of a kind has a place."""
    end_s = horizon_s(evidence, evidence.runs)
    found = [run.latencies[kind] for run in evidence.runs if run.latencies]
    answered_ms = [one.latency_ms[one.answered] for one in found]
    known = np.concatenate([np.empty(0), *answered_ms])
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
    width_s = max(1, math.ceil(end_s / COLUMNS))
    return Grid(width_s, math.ceil(end_s / width_s), _edges(max(low, 1e-3), high))


def _edges(low: float, high: float) -> Floats:
    """Return round edges from below the lowest to above the highest."""
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 2)
    every = np.array([step * 10.0**decade for decade in decades for step in _EDGES_OF_A_DECADE])
    first = int(np.searchsorted(every, low, side="right")) - 1
    last = int(np.searchsorted(every, high, side="right"))
    return every[first : last + 1]


def counts(cells: Grid, requests: Sequence[Latencies]) -> Counts:
    """Return how many requests are in each cell, by row from the fastest and by column.

    The last row is of those that had no answer.
    """
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
class HeatMap(Chart):
    """A heat map of the latencies of one `kind` (`analysis.series`), a picture for each variant."""

    kind: str
    noun: str

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figure of a campaign; its pictures have equal axes and colours."""
        cells = grid(evidence, self.kind)
        found = {
            variant.name: counts(
                cells, [run.latencies[self.kind] for run in variant.counted if run.latencies]
            )
            for variant in evidence.variants
        }
        ends = steps(max((int(one.max()) for one in found.values()), default=1))

        def say(variant: Variant) -> str:
            return self._caption(cells, found[variant.name])

        figure = Figure(
            id=self.id,
            title=self.title,
            caption=each(evidence, say),
            pictures=tuple(
                self._picture(evidence, variant, cells, found[variant.name], ends)
                for variant in evidence.variants
            ),
            values=self._values(evidence, cells, found),
        )
        return (figure,)

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
            text += f", most in {cells.label(usual)} ({share} %)"
            text += f", the slowest in {cells.label(int(answered[-1]))}"
        return f"{text}; {number(int(by_row[cells.rows]))} without answer"

    def _picture(
        self, evidence: Evidence, variant: Variant, cells: Grid, found: Counts, ends: Sequence[int]
    ) -> Picture:
        name, title, colour = plotting.panel_words(self.id, "", (variant,))
        legend = tuple(
            Entry(label, theme.LIGHT[role], width=SWATCH_PX) for role, label in _scale(ends)
        )
        drawing, ax = plotting.frame(title, self.unit, colour, legend)
        end_s = horizon_s(evidence, evidence.runs)
        for position, (role, _) in enumerate(_scale(ends)):
            last = ends[position + 1] if position + 1 < len(ends) else math.inf
            _draw(ax, cells, (found >= ends[position]) & (found < last), theme.LIGHT[role])
        _axes(ax, cells)
        marks = fault_bands.marks(variant.runs)
        behind = LineChart(
            unit=self.unit,
            axis="seconds",
            x=(),
            end=end_s,
            traces=(),
            bands=plotting.stage_bands(evidence.stages),
        )
        plotting.seconds_axis(ax, end_s)
        plotting.draw_spans(ax, behind, fault_bands.spans(marks, end_s))
        plotting.hatch_unranked(ax, variant)
        alt = f"{self.title}, {variant.title}: {self._caption(cells, found)}."
        return plotting.picture(drawing, name, f"{alt}{fault_bands.in_words(marks)}")

    def _values(self, evidence: Evidence, cells: Grid, found: Mapping[str, Counts]) -> Table:
        """Return how many requests of each variant are in each row."""
        by_row = {name: one.sum(axis=1) for name, one in found.items()}
        rows = [row for row in range(cells.rows + 1) if any(one[row] for one in by_row.values())]
        return Table(
            f"graph-{self.id}",
            f"{self.title}: {self.noun}s of all counted runs, by how long they took; "
            f"{evidence.workload}.",
            (*texts("Took"), *numeric(*(variant.named for variant in evidence.variants))),
            tuple(
                Row(
                    (
                        Cell(cells.label(row)),
                        *(
                            Cell(number(int(by_row[one.name][row])), int(by_row[one.name][row]))
                            for one in evidence.variants
                        ),
                    )
                )
                for row in rows
            ),
        )


def _scale(ends: Sequence[int]) -> list[tuple[str, str]]:
    """Return the role of the colour of each step, and its counts as a bin."""
    first = STEPS - len(ends)
    named = []
    for position, low in enumerate(ends):
        high = ends[position + 1] - 1 if position + 1 < len(ends) else None
        label = f"{number(low)} or more" if high is None else f"{number(low)}–{number(high)}"
        if high == low:
            label = number(low)
        named.append((f"heat-{first + position + 1}", label))
    return named


def _draw(ax: Axes, cells: Grid, shown: "npt.NDArray[np.bool_]", colour: str) -> None:
    """Draw the cells of one colour as one path; neighbours in a row are one rectangle."""
    corners: list[tuple[float, float]] = []
    for row, line in enumerate(shown):
        low = row + (APART if row == cells.rows else 0.0) - OVERLAP
        high = low + 1 + 2 * OVERLAP
        padded = np.diff(np.concatenate([[0], line.astype(np.int8), [0]]))
        for begin, end in zip(np.flatnonzero(padded > 0), np.flatnonzero(padded < 0), strict=True):
            left, right = (float(edge) * cells.width_s for edge in (begin, end))
            corners += [(left, low), (right, low), (right, high), (left, high), (left, low)]
    if corners:
        once = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        path = Path(corners, once * (len(corners) // 5))
        ax.add_patch(PathPatch(path, facecolor=colour, edgecolor="none", linewidth=0))


def _axes(ax: Axes, cells: Grid) -> None:
    """Name the edges at 10ⁿ (if they are few: each), and the row of what had no answer."""
    top = cells.rows + APART
    ax.set_ylim(-0.3, top + 1.3)
    few = cells.rows <= 2 * len(_EDGES_OF_A_DECADE)
    places = [
        (row, short(float(edge)))
        for row, edge in enumerate(cells.edges_ms)
        if few or math.isclose(edge, 10.0 ** round(math.log10(edge)))
    ]
    places.append((top + 0.5, "none"))
    ax.set_yticks([at for at, _ in places], [label for _, label in places])
    ax.axhline(cells.rows + APART / 2, color=theme.GRID, linewidth=1)


PURCHASE: Final = HeatMap(
    id="purchase-heat",
    title="Purchase latency, heat map",
    lead="Every purchase that was not refused, of all counted runs: when it was sent, and how long "
    "its acknowledgement took (logarithmic). The colour is the number of purchases in a cell; "
    "those without acknowledgement are in the row “none”.",
    unit="ms (log), by when the purchase was sent",
    kind="purchase",
    noun="purchase",
)
