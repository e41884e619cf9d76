"""Legends: in as many rows as their labels need, none beyond the edge of its figure."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from report.charts import theme

Entry = tuple[str, Line2D]
"""A label, and a sample of the line that it stands for."""

FONT_SIZE = 11
ROW_PX = 19
_SAMPLE_PX, _PAD_PX, _BETWEEN_PX = 1.8 * FONT_SIZE, 0.6 * FONT_SIZE, 1.4 * FONT_SIZE
_EDGE_PX = 8


def flow(legend: Sequence[Entry], width_px: float) -> list[list[Entry]]:
    """Return the entries in rows of at most this width; a label wider than a row is shortened."""
    room_px = width_px - 2 * _EDGE_PX
    rows: list[list[Entry]] = []
    left_px = 0.0
    for label, sample in legend:
        fitting = theme.fitted(label, room_px - _SAMPLE_PX - _PAD_PX, FONT_SIZE)
        entry_px = _SAMPLE_PX + _PAD_PX + theme.text_px(fitting, FONT_SIZE)
        if not rows or left_px + entry_px > room_px:
            rows.append([])
            left_px = 0.0
        rows[-1].append((fitting, sample))
        left_px += entry_px + _BETWEEN_PX
    return rows


def draw(drawing: Figure, rows: Sequence[Sequence[Entry]], bottom_px: float = 0.0) -> None:
    """Draw the rows of a legend at the left, the last one at the bottom."""
    height_px = theme.height_px(drawing)
    for number, row in enumerate(reversed(rows)):
        labels, samples = zip(*row, strict=True)
        place = (0.0, (bottom_px + number * ROW_PX) / height_px)
        drawing.legend(
            samples, labels, loc="lower left", bbox_to_anchor=place, frameon=False,
            ncols=len(row), fontsize=FONT_SIZE, handlelength=_SAMPLE_PX / FONT_SIZE,
            columnspacing=_BETWEEN_PX / FONT_SIZE, handletextpad=_PAD_PX / FONT_SIZE,
            borderaxespad=0.3,
        )  # fmt: skip
