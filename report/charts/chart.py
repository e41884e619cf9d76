"""What every chart declares, so that no figure lacks its title, its lead or its caption."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from report.charts.figures import Figure, Section
from report.evidence import Evidence, Variant
from report.numbers import DURATIONS, NOTHING, duration, short
from report.tables.cells import Cell

MOST_TOGETHER: Final = 3
"""The lines of more variants, with all their runs, cannot be told apart in one figure."""
POINTS_OF_A_MULTIPLE: Final = 100
"""The most points of a line where each variant has a figure of its own, which is small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A declaration: what is shown, in which unit, and what to see (`lead`).

    The figures of a campaign follow from it: pictures, interactive chart, caption, values.
    """

    id: str
    title: str
    lead: str
    unit: str

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return the figures of a campaign; each kind of chart has its own."""
        raise NotImplementedError

    def section(self, evidence: Evidence) -> Section:
        """Return the figures as a section of their own."""
        return Section(self.id, self.title, self.lead, self.figures(evidence))

    @property
    def bare_unit(self) -> str:
        """Return the unit without its scale."""
        return self.unit.removesuffix(" (log)")

    @property
    def quantity(self) -> tuple[str, str]:
        """Return what is shown and, if that is a duration, its unit: people read it in another."""
        name, _, unit = self.bare_unit.rpartition(", ")
        return (name, unit) if unit in DURATIONS else (self.bare_unit, "")

    def cell(self, value: float) -> Cell:
        """Return a value that is shown as a cell; a dash where there is none."""
        _, unit = self.quantity
        if pd.isna(value):
            return Cell(NOTHING)
        return Cell(duration(value, unit) if unit else short(value), float(value))


def groups(evidence: Evidence) -> list[tuple[Variant, ...]]:
    """Return the variants of each picture: all together, if there are several, then each alone."""
    alone = [(variant,) for variant in evidence.variants]
    return [evidence.variants, *alone] if len(alone) > 1 else list(alone)


def most_points(evidence: Evidence, points: int) -> int:
    """Return how many points a line has at most; `points` are those of a large figure."""
    is_small = len(evidence.variants) > MOST_TOGETHER
    return min(points, POINTS_OF_A_MULTIPLE) if is_small else points


def with_multiples(evidence: Evidence, whole: Figure, say: Callable[[Variant], str]) -> Figure:
    """Return a figure of lines as it is, or with small multiples if it has too many variants.

    Then it compares the thick lines of all; in the multiples each variant is alone with its runs,
    on equal axes, with what there is to `say` of it.
    """
    if len(evidence.variants) <= MOST_TOGETHER or whole.interactive is None:
        return whole
    chart = whole.interactive
    together, *alone = whole.pictures
    multiples = tuple(
        Figure(
            f"{whole.id}-{one.name}",
            one.title,
            f"{one.named}: {say(one)}.",
            (picture,),
            chart.of(one.title),
        )
        for one, picture in zip(evidence.variants, alone, strict=False)
    )
    return replace(whole, pictures=(together,), interactive=chart.medians(), multiples=multiples)


def each(evidence: Evidence, say: Callable[[Variant], str]) -> str:
    """Return a sentence for each variant."""
    return " ".join(f"{variant.named}: {say(variant)}." for variant in evidence.variants)
