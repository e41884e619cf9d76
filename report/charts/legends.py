"""Legends: below a plot, in as many rows as they take, so that they cover nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from report.charts import theme
from report.evidence import Variant

THIN, THICK = 0.9, 2.2
SWATCH_PX = 9.0
"""The width of a line that is no line: a sample of a colour."""
ROW_PX = 19
MARKER_PX = 7.0
_FONT_SIZE = 11
_SAMPLE_PX, _PAD_PX, _BETWEEN_PX = 1.8 * _FONT_SIZE, 0.6 * _FONT_SIZE, 1.4 * _FONT_SIZE
_EDGE_PX = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a legend: a label, and the look of the line that it stands for."""

    label: str
    colour: str
    dash: theme.Dash = "solid"
    width: float = THICK
    marker: theme.Marker = ()

    @property
    def sample(self) -> Line2D:
        """Return a piece of the line."""
        style = theme.linestyle(self.dash)
        return Line2D(
            [], [], color=self.colour, linewidth=self.width, linestyle=style,
            solid_capstyle="butt", **look(self.marker),
        )  # fmt: skip


def of_variants(shown: Sequence[Variant]) -> tuple[Entry, ...]:
    """Return the look of the lines of variants: colour, dash, and a marker if they are several."""
    return tuple(
        Entry(
            one.named,
            theme.LIGHT[one.tone],
            dash_of(one),
            marker=theme.variant_marker(one.position) if len(shown) > 1 else (),
        )
        for one in shown
    )


def of_runs(variant: Variant, merged: str = "merged") -> tuple[Entry, ...]:
    """Return what the marks of one variant alone mean, by width."""
    colour, dash = theme.LIGHT[variant.tone], dash_of(variant)
    return Entry(merged, colour, dash), Entry("each run", colour, dash, THIN)


def dash_of(variant: Variant) -> theme.Dash:
    """Return the dash of a variant's thick line: dotted if it is not ranked."""
    return theme.variant_dash(variant.position) if variant.ranked else "dotted"


def flow(legend: Sequence[Entry], width_px: float) -> list[list[Entry]]:
    """Return the entries in rows of at most this width; a label wider than a row is shortened."""
    room_px = width_px - 2 * _EDGE_PX
    rows: list[list[Entry]] = []
    left_px = 0.0
    for entry in legend:
        fitting = theme.fitted(entry.label, room_px - _SAMPLE_PX - _PAD_PX, _FONT_SIZE)
        entry_px = _SAMPLE_PX + _PAD_PX + theme.text_px(fitting, _FONT_SIZE)
        if not rows or left_px + entry_px > room_px:
            rows.append([])
            left_px = 0.0
        rows[-1].append(replace(entry, label=fitting))
        left_px += entry_px + _BETWEEN_PX
    return rows


def draw(drawing: Drawing, rows: Sequence[Sequence[Entry]]) -> None:
    """Draw the rows of a legend at the left, the last one at the bottom."""
    height_px = theme.height_px(drawing)
    for number, row in enumerate(reversed(rows)):
        drawing.legend(
            [one.sample for one in row], [one.label for one in row], loc="lower left",
            bbox_to_anchor=(0.0, number * ROW_PX / height_px), frameon=False,
            ncols=len(row), fontsize=_FONT_SIZE, handlelength=_SAMPLE_PX / _FONT_SIZE,
            columnspacing=_BETWEEN_PX / _FONT_SIZE, handletextpad=_PAD_PX / _FONT_SIZE,
            borderaxespad=0.3,
        )  # fmt: skip


def look(marker: theme.Marker) -> dict[str, Any]:
    """Return how matplotlib draws a marker, with an edge that parts it from the lines below."""
    if not marker:
        return {}
    return {
        "marker": np.array([*marker, marker[0]]),
        "markersize": MARKER_PX,
        "markeredgecolor": theme.PAPER,
        "markeredgewidth": 0.8,
    }
