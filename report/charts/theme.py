"""How the figures look, in one place, and how a drawing becomes bytes that never change.

A figure is drawn once, in the light palette. Every colour has one role, so that the SVG can name
the roles as CSS variables: inlined in the page it follows the page's theme, and as a file of its
own it brings both themes along (`prefers-color-scheme`). The PNG is the light one.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from report.charts import svg_text

INK: Final = "#1b2430"
MUTED: Final = "#5b6675"
GRID: Final = "#e3e7ec"
BAND: Final = "#f3f5f8"
FAULT: Final = "#f9e3b4"
PAPER: Final = "#fffffe"
Dash = Literal["solid", "dashed", "longdash", "dashdot", "dashdotdot", "dotted"]
DASHES: Final[dict[Dash, tuple[float, ...]]] = {
    "solid": (),
    "dashed": (7, 4),
    "longdash": (14, 4),
    "dashdot": (9, 3, 2, 3),
    "dashdotdot": (9, 3, 2, 3, 2, 3),
    "dotted": (2, 3),
}
"""Lines and gaps in pixels, for both engines."""

VARIANTS: Final[tuple[tuple[str, str, Dash, Dash], ...]] = (
    ("#c2570c", "#f59a4d", "solid", "dashed"),
    ("#1264b5", "#66b2f5", "solid", "dashed"),
    ("#0e7c66", "#4fcbb0", "solid", "dashed"),
    ("#8147b3", "#c39bee", "dashdot", "dashdotdot"),
    ("#8f0f3a", "#ff6f91", "dashdot", "dashdotdot"),
    ("#2c3e50", "#e6ebf0", "longdash", "dashed"),
    ("#7d7400", "#d8cf3c", "dashdot", "dashdotdot"),
    ("#007a9e", "#3fc9ff", "longdash", "dashed"),
)
"""What sets the variants apart: the colour in the light and in the dark theme, and the dash of the
first and of the second curve. Of those with one dash any two differ in every kind of colour vision.
"""

Marker = tuple[tuple[float, float], ...]
"""A closed polygon around the origin, within a radius of 1; y grows upwards. None has no corner."""


def _marker(*radii: float, turn: float) -> Marker:
    """Return a polygon with corners at these distances all the way round, the first at `turn`."""
    angles = (2 * math.pi * (turn + place / len(radii)) for place in range(len(radii)))
    return tuple(
        (round(radius * math.cos(angle), 2), round(radius * math.sin(angle), 2))
        for radius, angle in zip(radii, angles, strict=True)
    )


MARKERS: Final = (
    _marker(*[0.85] * 12, turn=0),  # a disc
    _marker(*[1.0] * 4, turn=1 / 8),  # a square
    _marker(*[1.0] * 3, turn=1 / 4),  # a triangle
    _marker(*[1.0] * 4, turn=0),  # a diamond
    _marker(*[1.0] * 3, turn=3 / 4),  # a triangle on its tip
    _marker(*[1.0, 0.45] * 5, turn=1 / 4),  # a star
    _marker(*[1.0, 0.35] * 4, turn=1 / 8),  # a cross
    _marker(*[1.0] * 5, turn=1 / 4),  # a pentagon
)
"""What sets variants apart where their lines lie on each other, by their position."""

HEAT_LIGHT: Final = ("#a0da39", "#4ac16d", "#1fa187", "#277f8e", "#365c8d", "#46327e")
HEAT_DARK: Final = ("#46347f", "#365d8e", "#277f8f", "#1fa188", "#4ac26e", "#a0db3a")
"""Few to many: six steps of viridis, which is perceptually uniform. Many stand out most from the
paper in both themes. No colour is in both, as each has one role."""

LIGHT: Final = {
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "band": BAND,
    "fault": FAULT,
    "paper": PAPER,
    **{f"variant-{n}": look[0] for n, look in enumerate(VARIANTS, start=1)},
    **{f"heat-{n}": colour for n, colour in enumerate(HEAT_LIGHT, start=1)},
}
DARK: Final = {
    "ink": "#e8ecf1",
    "muted": "#a3aebb",
    "grid": "#2f3944",
    "band": "#1d242c",
    "fault": "#4a3a14",
    "paper": "#14191f",
    **{f"variant-{n}": look[1] for n, look in enumerate(VARIANTS, start=1)},
    **{f"heat-{n}": colour for n, colour in enumerate(HEAT_DARK, start=1)},
}

SIGNALS_LIGHT: Final = {"pass": "#17693f", "fail": "#b3261e", "unknown": "#8a5a00"}
SIGNALS_DARK: Final = {"pass": "#6fd39b", "fail": "#ff8a80", "unknown": "#f0c060"}
"""The colours of verdicts: only the page has them, always beside a word."""

WIDTH_PX: Final = 400
PNG_SCALE: Final = 2
_POINTS_PER_INCH: Final = 72
_FONT: Final = "DejaVu Sans"
_FALLBACK: Final = re.compile(r"var\((--[\w-]+),#[0-9a-f]{6}\)")
_SIZE: Final = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_SOURCE_SIZE, _SOURCE_PX = 9, 16
_STYLE: Final = {
    "font.family": _FONT,
    "font.size": 12,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "hatch.color": GRID,
    "hatch.linewidth": 2.0,
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "flashsale-harness",
    "path.simplify_threshold": 0.3,
    "text.parse_math": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save figures in this theme, whatever matplotlib is configured to.

    A name is text, whatever is in it: a dollar sign begins no formula, and a character that the
    font does not have, such as an emoji, is drawn as a box in the PNG without a warning.
    """
    with warnings.catch_warnings(), matplotlib.rc_context(matplotlib.rcParamsDefault.copy()):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]
        yield


def variant_role(position: int) -> str:
    """Return the role of the colour of the variant at this position of the summary, from 0."""
    return f"variant-{position % len(VARIANTS) + 1}"


def variant_dash(position: int, *, second: bool = False) -> Dash:
    """Return the dash of a variant's lines; `second` is that of its second curve in a chart."""
    _, _, first, other = VARIANTS[position % len(VARIANTS)]
    return other if second else first


def variant_marker(position: int) -> Marker:
    """Return what marks the lines of the variant at this position."""
    return MARKERS[position % len(MARKERS)]


def linestyle(dash: Dash) -> Any:
    """Return a dash as matplotlib takes it."""
    return (0, DASHES[dash]) if DASHES[dash] else "-"


def variables(palette: dict[str, str]) -> str:
    """Return a palette as CSS declarations."""
    return " ".join(f"--{role}: {colour};" for role, colour in palette.items())


def figure(width_px: int, height_px: int) -> Figure:
    """Return an empty figure of this size; its SVG has one unit per pixel."""
    drawing = Figure(figsize=(width_px / _POINTS_PER_INCH, height_px / _POINTS_PER_INCH))
    drawing.patch.set_facecolor(PAPER)
    return drawing


def height_px(drawing: Figure) -> float:
    """Return the height of a figure in pixels."""
    return float(drawing.get_size_inches()[1] * _POINTS_PER_INCH)


def axes(drawing: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place given in pixels from the top left, quiet: a grid and no box."""
    full_width, full_height = drawing.get_size_inches() * _POINTS_PER_INCH
    rectangle = (
        left / full_width,
        1 - (top + height) / full_height,
        width / full_width,
        height / full_height,
    )
    ax = drawing.add_axes(rectangle)
    ax.patch.set_visible(False)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.grid(axis="y", color=GRID, linewidth=1)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", length=0)
    return ax


def put_text(
    drawing: Figure, x: float, y: float, text: str, colour: str = INK, **options: Any
) -> None:
    """Write text at a place given in pixels from the top left; `y` is the baseline."""
    width, height = drawing.get_size_inches() * _POINTS_PER_INCH
    drawing.text(x / width, 1 - y / height, text, color=colour, va="baseline", **options)


def fitted(text: str, room_px: float, size: float, weight: str = "normal") -> str:
    """Return a text on one line, and its beginning alone if it is wider than its room."""
    whole = kept = " ".join(text.split())
    while kept and text_px(whole, size, weight) > room_px:
        kept = kept[:-1].rstrip()
        whole = f"{kept}…"
    return whole


def text_px(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a text of this size in pixels, as it is drawn in the PNG."""
    if not text:
        return 0.0
    font = FontProperties(family=_FONT, size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def png(drawing: Figure) -> bytes:
    """Return the figure as PNG, without anything that depends on when or by what it was made."""
    buffer = io.BytesIO()
    FigureCanvasAgg(drawing)
    drawing.savefig(
        buffer, format="png", dpi=_POINTS_PER_INCH * PNG_SCALE, metadata={"Software": None}
    )
    return buffer.getvalue()


def svg(drawing: Figure, name: str, alt: str) -> str:
    """Return the figure as an SVG element to be inlined; `name` keeps its ids apart from others."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    drawing.patch.set_visible(False)  # the paper is that of the page
    drawing.savefig(buffer, format="svg", metadata=nothing)
    drawing.patch.set_visible(True)
    body = buffer.getvalue()
    body = body[body.index("<svg") :]
    view_box = re.search(r'viewBox="([^"]+)"', body)
    assert view_box is not None  # noqa: S101 - matplotlib always writes one
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    body = _with_roles(svg_text.compact(body, name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view_box[1]}" role="img" '
        f'aria-labelledby="{name}-title" stroke-linejoin="round" '
        f'font-family="var(--font, system-ui, sans-serif)">'
        f'<title id="{name}-title">{_escape(alt)}</title>{body}</svg>\n'
    )


def standalone(inlined: str, source: str) -> str:
    """Return an inlined SVG as a file of its own, with both themes inside, and below it a source.

    The source says what is shown, and of which campaign: nothing else stands around a file.
    """
    width, height = (float(side) for side in _SIZE.findall(inlined)[0])
    text = _escape(fitted(source, width - 16, _SOURCE_SIZE))
    below = (
        f'<text x="8" y="{height + 9:g}" font-size="{_SOURCE_SIZE}" '
        f'fill="var(--muted, {MUTED})">{text}</text></svg>'
    )
    taller = f'viewBox="0 0 {width:g} {height + _SOURCE_PX:g}"'
    inlined = _SIZE.sub(taller, inlined, count=1).replace("</svg>", below)
    sheet = (
        f"<style>svg {{ {variables(LIGHT)} background: var(--paper); }} "
        f"@media (prefers-color-scheme: dark) {{ svg {{ {variables(DARK)} }} }}</style>"
    )
    return inlined.replace("</title>", f"</title>{sheet}", 1)


def for_page(drawn: str) -> str:
    """Return an SVG as part of a page that has the colours of the roles."""
    return _FALLBACK.sub(r"var(\1)", drawn)


def _with_roles(body: str) -> str:
    """Name colours by their role; for readers that know no variables each stands beside it."""
    for role, colour in LIGHT.items():
        body = body.replace(colour, f"var(--{role},{colour})")
    return body


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
