"""A chart of lines as data: what both engines draw, so that they cannot differ.

`plotting` turns it into pictures, `page/chart.js` into the interactive chart, from its JSON. What
can be hovered, zoomed and switched off there are the lines of the pictures: nothing is computed in
the browser.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from report.charts.theme import DASHES, Dash, Marker

Values = tuple[float | None, ...]
Span = tuple[float, float, str]
"""From, to (both on the x axis), and the label."""
MARKERS_OF_A_LINE = 8


@dataclass(frozen=True, slots=True)
class RunLine:
    """The thin line of one run; dotted if the run is invalid or failed its audit."""

    run: int
    dash: Dash
    values: Values


@dataclass(frozen=True, slots=True)
class Trace:
    """What can be switched on and off as one: a thick line and the thin lines of its runs.

    It is the `curve` of a `variant`, `label` in the legend of all. `colour` is a role of the theme.
    `shown` says whether it is on at first, `hatched` that its variant is not ranked, `bridged` that
    a line goes on over a gap; `middle` is None if no run counts. Its `marker` stands at the points
    `marked` of the thick line, `ending` at its last point: why it goes no further.
    """

    label: str
    variant: str
    curve: str
    colour: str
    dash: Dash
    middle: Values | None
    runs: tuple[RunLine, ...] = ()
    shown: bool = True
    hatched: bool = False
    bridged: bool = False
    marker: Marker = ()
    marked: tuple[int, ...] = ()
    ending: str = ""

    @property
    def last(self) -> int | None:
        """Return the place of the thick line's last point; None if it has none."""
        known = known_places(self.middle or ())
        return known[-1] if known else None

    def median_alone(self) -> "Trace":
        """Return it without its runs, if it has a thick line, and without words at its end."""
        return self if self.middle is None else replace(self, runs=(), ending="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Counts behind the lines: columns as wide as `width` from x = 0 on, rows between `edges` of y.

    Each of `counts` is a column, a row and how many `noun`s there are. The last row is apart from
    the others, between the two of `none`. `steps` are the colours (roles of the theme) with what
    they mean and their least count, `rows` the names of the rows.
    """

    width: float
    edges: tuple[float, ...]
    none: tuple[float, float]
    rows: tuple[str, ...]
    steps: tuple[tuple[int, str, str], ...]
    counts: tuple[tuple[int, int, int], ...]
    noun: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines on one grid `x`: seconds since the load began, or 1 / (1 - q) of quantiles.

    `bands` (the stages) and `marks` (the faults) are spans of x, `levels` values of y with labels.
    `y` bounds the axis where that does not follow from the lines; it counts `whole` things or not.
    A second of `steps` is drawn as wide as it is.
    """

    unit: str
    axis: Literal["seconds", "percentile"]
    x: Values
    end: float
    traces: tuple[Trace, ...]
    log: bool = False
    whole: bool = True
    steps: bool = False
    line_px: float = 2.2
    bands: tuple[Span, ...] = ()
    marks: tuple[Span, ...] = ()
    levels: tuple[tuple[float, str], ...] = ()
    y: tuple[float, float] | None = None
    cells: Cells | None = None

    def medians(self) -> "LineChart":
        """Return the chart without its runs, which hide each other if they are many."""
        return replace(self, traces=tuple(one.median_alone() for one in self.traces))

    def of(self, variant: str) -> "LineChart":
        """Return the lines of one variant, all of them on, on the y axis of all variants."""
        own = tuple(
            replace(one, label=one.curve, shown=True)
            for one in self.traces
            if one.variant == variant
        )
        return replace(self, traces=own, y=self.y or self._bounds())

    def _bounds(self) -> tuple[float, float] | None:
        """Return the bounds of an axis for all lines; None if there is no point."""
        lines = [
            values
            for one in self.traces
            for values in (one.middle, *(run.values for run in one.runs))
            if values is not None
        ]
        known = [value for values in lines for value in values if value is not None]
        if not known:
            return None
        low, high = min(known), max(known)
        if self.log:
            return low / LOG_MARGIN, high * LOG_MARGIN
        return linear_bounds([high, *(value for value, _ in self.levels)], self.whole)

    def to_json(self) -> str:
        """Return JSON that may stand inside a script element; dashes are lines and gaps in px."""
        content = asdict(self)
        for trace in content["traces"]:
            for line in (trace, *trace["runs"]):
                line["dash"] = DASHES[line["dash"]]
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace(
            "<", "\\u003c"
        )


LOG_MARGIN = 1.25
"""So far a logarithmic axis goes beyond its lines, as a factor."""
BELOW_ZERO = 0.03
"""So much of its height an axis goes below 0, so that no line lies on its edge."""


def linear_bounds(highest: Iterable[float], whole: bool) -> tuple[float, float]:
    """Return the bounds of an axis from 0 with room for the highest of some values.

    Of `whole` things one has room, too.
    """
    high = max(1.1 * value for value in highest)
    high = max(high, 1.0) if whole or high <= 0 else high
    return -BELOW_ZERO * high, high


def known_places(values: Values) -> list[int]:
    """Return where a line has a value."""
    return [place for place, value in enumerate(values) if value is not None]


def have_colours(traces: Iterable[Trace]) -> bool:
    """Return True if lines differ by their colour, so that markers tell them apart as well."""
    return len({trace.colour for trace in traces}) > 1


def staggered(values: Values | None, position: int, of: int) -> tuple[int, ...]:
    """Return where a line is marked, so that the marks of `of` lines do not hide each other.

    The one at `position` of them has its marks beside those of the others, wherever it has a value.
    A line that is alone needs none.
    """
    known = known_places(values or ())
    if of < 2 or not known:
        return ()
    step = max(of, len(values or ()) // MARKERS_OF_A_LINE)
    first = step * (2 * (position % of) + 1) // (2 * of)
    return tuple(place for place in known if place % step == first) or (known[len(known) // 2],)


def compact(values: Iterable[float]) -> Values:
    """Return numbers with the four digits that a chart can show; what is not a number is None."""
    return tuple(_rounded(float(value)) if math.isfinite(value) else None for value in values)


def instants(values: Iterable[float]) -> Values:
    """Return places on an axis of seconds: as they are, however long a run is."""
    return tuple(int(value) if float(value).is_integer() else float(value) for value in values)


def _rounded(value: float) -> float:
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short
