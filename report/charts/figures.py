"""What a figure is in every form of the report: drawings, a caption, values, an interactive chart.

A plate shows one thing. Without script, and in print, it is its drawings; with script it is the
interactive chart, if it has one. Its caption and its table of values stand beside it in both.
"""

from dataclasses import dataclass

from report.charts.interactive import Live
from report.tables.cells import Table


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished drawing: its file name without suffix, its text alternative, both its forms."""

    name: str
    alt: str
    svg: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Plate:
    """Drawings of one thing, with what to see in them; `id` is unique in a report."""

    id: str
    title: str
    caption: str
    charts: tuple[Chart, ...]
    live: Live | None = None
    values: Table | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """All plates of one kind, with what they show."""

    id: str
    title: str
    lead: str
    plates: tuple[Plate, ...]

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Return every drawing."""
        return tuple(chart for plate in self.plates for chart in plate.charts)
