"""The report of a search for a capacity: the sentence, a picture of every level, what gave out.

Its numbers are those of capacity.json and summary.json. The levels of a variant are variants of
the campaign; audit, laws and runs are said of all levels of one together.
"""

from pathlib import Path

from harness.results.store import read_json
from report import method
from report.capacity import capacity_charts, capacity_tables
from report.capacity.capacity_words import MEANING, headline, lead
from report.capacity.searched import Searched, searched
from report.document import Document, Fold, Part, closing
from report.evidence import Evidence
from report.reproduce import RawRun

__all__ = ["compose"]


def compose(evidence: Evidence, raw: tuple[RawRun, ...], campaign_dir: Path) -> Document:
    """Return what the report says; its figures are drawn here."""
    found = searched(evidence, read_json(campaign_dir / "capacity.json"))
    return Document(
        evidence=found.evidence,
        said=headline(found),
        before=(Part("capacity", "Capacity", (lead(found), capacity_tables.capacities(found))),),
        graphs_lead="A filled mark: the level is served. A hollow one: it is not. A cross: the "
        "run is no measure of the system.",
        sections=capacity_charts.sections(found),
        between=_details(found),
        audit_lead="What the client's ledger, the database, Redis and the payment gateway say of "
        "the same runs must agree. What could not be checked is UNKNOWN, never a pass.",
        after=closing(
            found.evidence,
            "A run whose own numbers contradict each other is INVALID: it says nothing of the "
            "system. Near the end of what a machine can do that is to be expected, and never "
            "counts as a capacity.",
            (),
            (*MEANING, *method.THREATS),
        ),
        raw=raw,
    )


def _details(found: Searched) -> tuple[Part, ...]:
    """Return what stands behind the answer: every level, every run, and what they used up."""
    runs = capacity_tables.runs(found)
    used = capacity_tables.used(found)
    return (
        Part(
            "levels",
            "Every level",
            (capacity_tables.levels(found), Fold(f"Every run ({len(runs.rows)})", (runs,))),
            "Levels",
        ),
        Part("gave-out", "What gave out", (used,)),
    )
