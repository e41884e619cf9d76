"""What every chart declares, so that no figure lacks its title, its lead or its caption."""

from collections.abc import Callable
from dataclasses import dataclass

from report.charts.figures import Figure, Section
from report.evidence import Evidence, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A declaration: what is shown, in which unit, and what to see (`lead`).

    The figure of a campaign follows from it: pictures, interactive chart, caption, values.
    """

    id: str
    title: str
    lead: str
    unit: str

    def figure(self, evidence: Evidence) -> Figure:
        """Return the figure of a campaign; each kind of chart has its own."""
        raise NotImplementedError

    def section(self, evidence: Evidence) -> Section:
        """Return the figure as a section of its own."""
        return Section(self.id, self.title, self.lead, (self.figure(evidence),))

    @property
    def bare_unit(self) -> str:
        """Return the unit without its scale."""
        return self.unit.removesuffix(" (log)")


def groups(evidence: Evidence) -> list[tuple[Variant, ...]]:
    """Return the variants of each picture: all together, if there are several, then each alone."""
    alone = [(variant,) for variant in evidence.variants]
    return [evidence.variants, *alone] if len(alone) > 1 else list(alone)


def each(evidence: Evidence, say: Callable[[Variant], str]) -> str:
    """Return a sentence for each variant."""
    return " ".join(f"{variant.named}: {say(variant)}." for variant in evidence.variants)
