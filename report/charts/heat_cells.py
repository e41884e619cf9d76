"""The cells of a heat map as matplotlib draws them, behind the lines of their chart."""

import math
from itertools import count, takewhile

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from report.charts import theme
from report.charts.line_chart import Cells
from report.numbers import short

_RECTANGLE = (Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY)


def draw(ax: Axes, cells: Cells) -> None:
    """Draw the cells of each colour as one path; neighbours in a row are one rectangle."""
    ends = [least for least, _, _ in cells.steps]
    corners: dict[str, list[tuple[float, float]]] = {}
    before: tuple[int, int, str] | None = None
    for column, row, n in sorted(cells.counts, key=lambda cell: (cell[1], cell[0])):
        role = cells.steps[int(np.searchsorted(ends, n, side="right")) - 1][1]
        low, high = cells.none if row == len(cells.edges) - 1 else cells.edges[row : row + 2]
        left, right = column * cells.width, (column + 1) * cells.width
        own = corners.setdefault(role, [])
        if before == (column, row, role):
            own[-4:-2] = (right, low), (right, high)  # the neighbour becomes wider
        else:
            own += [(left, low), (right, low), (right, high), (left, high), (left, low)]
        before = column + 1, row, role
    for role, points in corners.items():
        path = Path(points, _RECTANGLE * (len(points) // len(_RECTANGLE)))
        ax.add_patch(PathPatch(path, facecolor=theme.LIGHT[role], linewidth=0, zorder=0.5))


def name_rows(ax: Axes, cells: Cells) -> None:
    """Name the rows of a logarithmic axis at each 10ⁿ, and the one that is apart."""
    first = math.ceil(math.log10(cells.edges[0]) - 1e-9)
    decades = (10.0**power for power in count(first))
    places = list(takewhile(lambda place: place <= cells.edges[-1], decades))
    apart = math.sqrt(cells.none[0] * cells.none[1])
    ax.set_yticks([*places, apart], [*map(short, places), "none"])
