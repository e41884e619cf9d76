"""What a figure is in every form of the report: pictures, a caption, values, an interactive chart.

A figure shows one thing. Without script, and in print, it is its pictures; with script it is the
interactive chart, if it has one. Its caption and its table of values stand beside it in both. The
page has one picture of an interactive chart; those of each variant by itself are files beside it.
"""

from dataclasses import dataclass
from typing import Final

from report.charts.line_chart import LineChart
from report.tables.cells import Table

MULTIPLES: Final = "Each variant by itself, with its runs"
"""What the small multiples of a figure show."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished drawing: its file name without suffix, its text alternative, its SVG.

    `png` is there if the picture is to be shown where SVG cannot be, in a README for instance.
    """

    name: str
    alt: str
    svg: str
    png: bytes = b""


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures of one thing, with what to see in them; `id` is unique in a report.

    Of one that would be too full the `multiples` show a part each: one for every variant.
    """

    id: str
    title: str
    caption: str
    pictures: tuple[Picture, ...]
    interactive: LineChart | None = None
    values: Table | None = None
    multiples: "tuple[Figure, ...]" = ()

    @property
    def whole(self) -> "tuple[Figure, ...]":
        """Return it and its multiples."""
        return (self, *self.multiples)

    @property
    def on_page(self) -> tuple[Picture, ...]:
        """Return the pictures that stand in the page."""
        return self.pictures[:1] if self.interactive else self.pictures

    @property
    def beside_page(self) -> tuple[Picture, ...]:
        """Return the pictures that are files alone: each of one variant."""
        own = self.pictures[len(self.on_page) :]
        return (*own, *(picture for one in self.multiples for picture in one.pictures))


@dataclass(frozen=True, slots=True)
class Section:
    """All figures of one kind, with what they show."""

    id: str
    title: str
    lead: str
    figures: tuple[Figure, ...]
