"""A report before it is a page or Markdown, and what every report has in common.

A comparison, a campaign of cases and a contention test differ in what they show first; figures,
audit, laws, method and files are the same in all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from report.charts.figures import Figure, Picture, Section
from report.conclusion import Headline
from report.evidence import Evidence
from report.reproduce import RawRun
from report.tables import judgements
from report.tables.cells import Table
from report.tables.invariant_tables import Invariant, invariants

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Document:
    """What a report says.

    `template` is that of its page, which puts `tables` and `own` where they belong; `before`,
    `between` and `after` are the same parts as Markdown: before the figures, between figures and
    audit, after the laws. `picture` stands at the top of the Markdown.
    """

    evidence: Evidence
    said: Headline
    tables: Mapping[str, Table]
    sections: tuple[Section, ...]
    threats: Facts
    raw: tuple[RawRun, ...]
    template: str
    hero: tuple[Figure, ...] = ()
    picture: Picture | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return every figure, those of the verdict first."""
        return (*self.hero, *(figure for section in self.sections for figure in section.figures))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return every picture."""
        drawn = [picture for figure in self.figures for picture in figure.pictures]
        return (*([self.picture] if self.picture else []), *drawn)

    @property
    def every_table(self) -> dict[str, Table]:
        """Return every table by its name, those of the figures last."""
        values = [figure.values for figure in self.figures if figure.values]
        return {**self.tables, **{table.name: table for table in values}}

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        """Return the audit, invariant by invariant."""
        return invariants(self.evidence)


def by_name(found: Sequence[Table | None]) -> dict[str, Table]:
    """Return the tables that there are by their name."""
    return {table.name: table for table in found if table is not None}


def judged(evidence: Evidence) -> tuple[Table, ...]:
    """Return the tables of judgement, which every report has."""
    return (
        judgements.audit(evidence),
        judgements.audit_runs(evidence),
        judgements.runs(evidence),
        judgements.laws(evidence),
    )
