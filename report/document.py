"""A report before it is a page or Markdown, and what every report has in common.

A comparison, a campaign of cases and a contention test differ in what they show first; figures,
audit, laws, method and files are the same in all of them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from report import method, reproduce
from report.charts.figures import Figure, Picture, Section
from report.conclusion import Headline
from report.evidence import Evidence
from report.reproduce import RawRun
from report.tables import judgements, node_table
from report.tables.cells import Table
from report.tables.invariant_tables import Invariant, invariants


@dataclass(frozen=True, slots=True)
class Facts:
    """Names, and a text about each.

    On the page a name may have an id, so that others lead to it, and may lead to another id.
    """

    pairs: Sequence[tuple[str, str]]
    ids: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that are typed or printed as they are."""

    lines: Sequence[str]


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


Content = str | tuple[str, ...] | Facts | Code | Table | Fold | Stored
"""A paragraph, a list, facts, code, a table, or something behind a line or a link."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report; `result` is its first sentence.

    `short` is its name in the navigation, if that is not its title.
    """

    id: str
    title: str
    content: tuple[Content, ...]
    short: str = ""
    result: str = ""


@dataclass(frozen=True)
class Document:
    """What a report says: its parts before the figures, between figures and audit, after the audit.

    `picture` stands at the top of the Markdown. `key_figures` are by metric, of each variant its
    tone, title, value and interval.
    """

    evidence: Evidence
    said: Headline
    before: tuple[Part, ...]
    graphs_lead: str
    sections: tuple[Section, ...]
    audit_lead: str
    after: tuple[Part, ...]
    raw: tuple[RawRun, ...]
    between: tuple[Part, ...] = ()
    hero: tuple[Figure, ...] = ()
    picture: Picture | None = None
    key_figures: Sequence[tuple[str, Sequence[tuple[str, str, str, str]]]] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return every figure and its multiples, those of the verdict first."""
        shown = (*self.hero, *(figure for section in self.sections for figure in section.figures))
        return tuple(one for figure in shown for one in figure.whole)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return every picture."""
        drawn = [picture for figure in self.figures for picture in figure.pictures]
        return (*([self.picture] if self.picture else []), *drawn)

    @property
    def sources(self) -> Iterator[tuple[Picture, str]]:
        """Yield every picture with what it shows, and of which campaign."""
        campaign = str(self.evidence.campaign["title"])
        if self.picture:
            yield self.picture, campaign
        for figure in self.hero:
            yield from ((picture, f"{figure.title} · {campaign}") for picture in figure.pictures)
        for section in self.sections:
            every = (one for figure in section.figures for one in figure.whole)
            for picture in (picture for figure in every for picture in figure.pictures):
                yield picture, f"{section.title} · {campaign}"

    @cached_property
    def audit(self) -> tuple[Table, Table]:
        """Return the tables of the audit: every invariant, and every finding of every run."""
        return judgements.audit(self.evidence), judgements.audit_runs(self.evidence)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Return every table by its name, those of the figures last."""
        shown = (*self.before, *self.between, *self.after)
        found = [table for part in shown for one in part.content for table in _tables(one)]
        found += self.audit
        found += [figure.values for figure in self.figures if figure.values]
        return {table.name: table for table in found}

    @cached_property
    def invariants(self) -> tuple[Invariant, ...]:
        """Return the audit, invariant by invariant."""
        return invariants(self.evidence)


def closing(
    evidence: Evidence,
    validity: str,
    own: Iterable[Part],
    threats: Sequence[tuple[str, str]],
    *definitions: Content,
) -> tuple[Part, ...]:
    """Return the parts after the audit: `own` are those of one kind of report."""
    warnings = tuple(evidence.summary["warnings"])
    commands = reproduce.commands(evidence.campaign)
    return (
        Part(
            "validity",
            "Laws and validity",
            (validity, judgements.runs(evidence), *_laws(evidence)),
        ),
        *([Part("warnings", "Warnings", (warnings,))] if warnings else []),
        *own,
        Part(
            "method",
            "How it was measured",
            (Facts(method.method(evidence)), *node_table.tables(evidence)),
            "Method",
        ),
        Part(
            "reproduce",
            "How to reproduce it",
            (
                Code(commands) if commands else "The command is not recorded.",
                reproduce.caveat(evidence.campaign),
                "To check the stored data again (FOLDER: this campaign's):",
                Code(reproduce.CHECK),
            ),
            "Reproduce",
        ),
        Part(
            "meaning",
            "What the numbers mean, and what they cannot say",
            (Facts(threats, ids={name: anchor(name) for name, _ in threats}), *definitions),
            "Meaning",
        ),
    )


def anchor(name: str) -> str:
    """Return the id on the page of something that is said by a name."""
    return f"about-{'-'.join(re.findall(r'[a-z0-9]+', name.lower()))}"


def _laws(evidence: Evidence) -> tuple[Content, ...]:
    """Return the laws, behind a line if all of them hold."""
    table = judgements.laws(evidence)
    if any(cell.tone in ("fail", "unknown") for row in table.rows for cell in row.cells):
        return (table,)
    return (Fold(f"Every law with its residual and tolerance ({len(table.rows)})", (table,)),)


def _tables(content: Content) -> Iterator[Table]:
    match content:
        case Table():
            yield content
        case Stored():
            yield content.table
        case Fold():
            for one in content.content:
                yield from _tables(one)
