"""A report before it is a page or Markdown, and what every report has in common.

A comparison, a campaign of cases and a contention test differ in what they show first; figures,
audit, laws, method and files are the same in all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from report.charts.figures import Figure, Picture, Section
from report.conclusion import Headline
from report.evidence import Evidence
from report.reproduce import RawRun
from report.tables import judgements
from report.tables.cells import Table
from report.tables.invariant_tables import Invariant, invariants

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fold:
    """Something long behind a line that unfolds it; `tone` is the CSS class of the line."""

    summary: str
    content: "tuple[Content, ...]"
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A table that stands in a file of its own alone, and what is said of it."""

    text: str
    table: Table


Content = str | tuple[str, ...] | Table | Fold | Stored
"""A paragraph, a list, a table, or something behind a line or a link."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report; `short` is its name in the navigation, `result` its first sentence."""

    id: str
    short: str
    title: str
    content: tuple[Content, ...]
    result: str = ""


@dataclass(frozen=True)
class Document:
    """What a report says: its parts before the figures, between figures and audit, after the laws.

    `picture` stands at the top of the Markdown. `key_figures` are by metric, of each variant its
    tone, title, value and interval.
    """

    evidence: Evidence
    said: Headline
    before: tuple[Part, ...]
    sections: tuple[Section, ...]
    threats: Facts
    raw: tuple[RawRun, ...]
    graphs_lead: str
    audit_lead: str
    validity_lead: str
    between: tuple[Part, ...] = ()
    after: tuple[Part, ...] = ()
    hero: tuple[Figure, ...] = ()
    picture: Picture | None = None
    key_figures: Sequence[tuple[str, Sequence[tuple[str, str, str, str]]]] = ()
    definitions: Facts = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return every figure, those of the verdict first."""
        return (*self.hero, *(figure for section in self.sections for figure in section.figures))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return every picture."""
        drawn = [picture for figure in self.figures for picture in figure.pictures]
        return (*([self.picture] if self.picture else []), *drawn)

    @cached_property
    def judged(self) -> Mapping[str, Table]:
        """Return the tables of judgement, which every report has, by their name."""
        found = (judgements.audit, judgements.audit_runs, judgements.runs, judgements.laws)
        return {table.name: table for table in (make(self.evidence) for make in found)}

    @property
    def tables(self) -> dict[str, Table]:
        """Return every table by its name, those of the figures last."""
        shown = (*self.before, *self.between, *self.after)
        found = [table for part in shown for one in part.content for table in _tables(one)]
        found += self.judged.values()
        found += [figure.values for figure in self.figures if figure.values]
        return {table.name: table for table in found}

    @cached_property
    def invariants(self) -> tuple[Invariant, ...]:
        """Return the audit, invariant by invariant."""
        return invariants(self.evidence)


def _tables(content: Content) -> Iterator[Table]:
    match content:
        case Table():
            yield content
        case Stored():
            yield content.table
        case Fold():
            for one in content.content:
                yield from _tables(one)
