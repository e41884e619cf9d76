"""A chart of lines as data: what both engines draw, so that they cannot differ.

`plotting` turns it into pictures, `page/chart.js` into the interactive chart, from its JSON. What
can be hovered, zoomed and switched off there are the lines of the pictures: nothing is computed in
the browser.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from report.charts.theme import DASHES, Dash

Values = tuple[float | None, ...]
Span = tuple[float, float, str]
"""From, to (both on the x axis), and the label."""


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
    a line goes on over a gap; `middle` is None if no run counts.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines on one grid `x`: seconds since the load began, or 1 / (1 - q) of quantiles.

    `bands` (the stages) and `marks` (the faults) are spans of x, `levels` values of y with labels.
    `y` bounds the axis where it does not begin at 0. A second of `steps` is drawn as wide as it is.
    """

    unit: str
    axis: Literal["seconds", "percentile"]
    x: Values
    end: float
    traces: tuple[Trace, ...]
    log: bool = False
    steps: bool = False
    line_px: float = 2.2
    bands: tuple[Span, ...] = ()
    marks: tuple[Span, ...] = ()
    levels: tuple[tuple[float, str], ...] = ()
    y: tuple[float, float] | None = None

    def to_json(self) -> str:
        """Return JSON that may stand inside a script element; dashes are lines and gaps in px."""
        content = asdict(self)
        for trace in content["traces"]:
            for line in (trace, *trace["runs"]):
                line["dash"] = DASHES[line["dash"]]
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace(
            "<", "\\u003c"
        )


def compact(values: Iterable[float]) -> Values:
    """Return numbers with the four digits that a chart can show; what is not a number is None."""
    return tuple(_rounded(float(value)) if math.isfinite(value) else None for value in values)


def instants(values: Iterable[float]) -> Values:
    """Return places on an axis of seconds: as they are, however long a run is."""
    return tuple(int(value) if float(value).is_integer() else float(value) for value in values)


def _rounded(value: float) -> float:
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short
