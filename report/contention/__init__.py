"""The report of a contention test: how many sales, how many oversold, and what that allows to say.

It has no ranking, no stages and no comparison, so it is a page of its own; its parts are those of
the other page. Like that one it is a pure function of the campaign's folder.
"""

from harness.results.findings import Verdict
from report import claims, conclusion
from report.conclusion import Headline
from report.contention import contention_charts, contention_tables
from report.document import Document, Fold, Part, Stored, closing
from report.evidence import Evidence
from report.reproduce import RawRun

__all__ = ["compose"]

THREATS = (
    (
        "What the bound means.",
        "If an oversell were more likely than the bound, so few oversold sales would be seen in "
        "less than 5 % of such contention tests (Clopper and Pearson, one-sided, exact). It speaks "
        "of sales like these: this code, this machine, this crowd.",
    ),
    (
        "Sales are not quite independent.",
        "They follow each other on one deployment, so what goes wrong once may go wrong again. "
        "That makes an oversell easier to see, and the number of sales worth less than it seems.",
    ),
    (
        "One host, one crowd.",
        "The buyers are one process on the machine of the shop; requests leave within some tens "
        "of milliseconds. A larger crowd from many machines might do what this one cannot.",
    ),
    (
        "Not a comparison.",
        "Latencies are those of buyers who all start at once. An acceptance is not an outcome, "
        "and nobody wins here.",
    ),
    (
        "Late units.",
        "A buyer tries once. A unit that a declined payment gives back after the last try stays "
        "unsold; that is no fault.",
    ),
)


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    return Document(
        evidence=evidence,
        said=headline(evidence),
        before=(
            Part(
                "contention",
                "The contention test",
                (
                    "Every sale is audited by itself. “–”: not known, see the note. Nothing is "
                    "ranked.",
                    contention_tables.contention(evidence),
                    Fold("By units on sale", (contention_tables.by_stock(evidence),)),
                    Stored("Every sale with its verdict", contention_tables.sales(evidence)),
                ),
            ),
        ),
        graphs_lead="Every variant by itself; nothing is compared.",
        sections=contention_charts.sections(evidence),
        audit_lead="What the client's ledger, the database, Redis and the payment gateway say of "
        "a sale must agree. A verdict is the worst of all sales; examples name their sale. What "
        "could not be checked is UNKNOWN, never a pass.",
        after=closing(
            evidence,
            "A contention test whose own numbers contradict each other, or in which a sale did "
            "not take place, is INVALID: it is kept and shown, but its sales are not counted.",
            claims.parts_of_contention(evidence),
            THREATS,
        ),
        raw=raw,
    )


def headline(evidence: Evidence) -> Headline:
    """Return the result in words; each variant has its statement in the summary."""
    return Headline(
        title=_title(evidence),
        problems=tuple(conclusion.troubles(evidence)),
        sentences=tuple(f"{variant.facts['statement']}." for variant in evidence.variants),
    )


def _title(evidence: Evidence) -> str:
    every = [row for of in evidence.summary["sales"].values() for row in of]
    oversold = sum(row["oversold"] == Verdict.FAIL for row in every)
    if oversold:
        return f"{oversold} of {len(every):,} sales oversold"
    verdicts = {variant.facts["audit_verdict"] for variant in evidence.variants}
    if Verdict.FAIL in verdicts:
        return "The audit failed"
    if Verdict.UNKNOWN in verdicts or not all(run.counts for run in evidence.runs):
        return "No statement: a contention test is invalid or unaudited"
    return f"0 of {len(every):,} sales oversold"
