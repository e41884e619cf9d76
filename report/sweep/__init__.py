"""The report of a sweep: what each value changes, where that ends, and what it costs.

Like every report it is a pure function of the campaign's folder; its parts are those of the others.
"""

from report import growth_section, method
from report.document import Content, Document, Part, closing
from report.evidence import Evidence
from report.reproduce import RawRun
from report.sweep import sweep_charts, sweep_tables, sweep_words
from report.sweep.swept import Swept

__all__ = ["compose"]

THREATS = (
    (
        "What a knee is.",
        "The least value from which no later one is seen to gain more than δ. That no gain is seen "
        "does not mean that there is none: only where it is excluded a knee is decided. It is the "
        "knee of this load on this machine. Where another resource gives out first, it says "
        "nothing of the key.",
    ),
    (
        "What the Universal Scalability Law is.",
        "A curve with three parameters through few points. σ and κ describe what was measured; "
        "beyond the largest value the law is a guess.",
    ),
)
LEAD = (
    "A gain is seen if its simultaneous interval excludes equality and the estimate exceeds δ; it "
    "is excluded if the whole interval lies below δ. “–”: there is none."
)


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    swept = Swept(evidence)
    return Document(
        evidence=evidence,
        said=sweep_words.headline(swept),
        before=_parts(swept),
        graphs_lead="Each metric along the swept values, all variants in one picture. A hollow "
        "point is excluded from what is judged: a run is invalid or failed its audit.",
        sections=(*sweep_charts.sections(swept), *growth_section.sections(evidence)),
        audit_lead="What the client's ledger, the database, Redis and the payment gateway say of "
        "the same runs must agree. What could not be checked is UNKNOWN, never a pass.",
        after=closing(
            evidence,
            "A run whose own numbers contradict each other is INVALID: it is kept and shown, but "
            "it does not enter the estimates.",
            growth_section.parts(evidence),
            (*THREATS, *method.THREATS),
        ),
        raw=raw,
    )


def _parts(swept: Swept) -> tuple[Part, ...]:
    is_judged = "experiment" in swept.evidence.summary  # then it has a part of its own
    hypothesis = None if is_judged else swept.evidence.scenario.get("hypothesis")
    said: tuple[Content, ...] = (f"Hypothesis: {hypothesis}",) if hypothesis else ()
    law = sweep_tables.scaling(swept)
    return (
        Part("sweep", "The sweep", (*said, LEAD, sweep_tables.verdicts(swept))),
        Part("values", "Every value", (sweep_tables.values(swept),)),
        *([Part("scaling", "Scalability", (law,))] if law else []),
        Part("points", "What each point takes", (sweep_tables.costs(swept),), "Cost"),
    )
