"""The tables of the claims: what could be held against the published report, and what could not."""

from collections.abc import Sequence

from report.claims.claim_judgement import Judged
from report.claims.claim_verdict import ClaimVerdict
from report.claims.published import Published
from report.evidence import Evidence
from report.tables.cells import Cell, Column, Row, Table, heads

TONES = {
    ClaimVerdict.REPRODUCED: "pass",
    ClaimVerdict.CONTRADICTED: "fail",
    ClaimVerdict.NOT_DECIDED: "unknown",
    ClaimVerdict.NOT_TESTED: "quiet",
}
SUBJECTS = {"sync": "synchronous", "queue": "queue", None: ""}


def tested(judged: Sequence[Judged], published: Published, evidence: Evidence) -> Table:
    """Return the claims that this campaign speaks about."""
    rows = [
        Row(
            (
                Cell(_claim(one)),
                Cell(", ".join(one.claim.sections)),
                Cell(one.published, one.claim.value),
                _ours(one),
                Cell(one.verdict.word, tone=TONES[one.verdict.word]),
                Cell(one.verdict.why),
            ),
            _group(one, published),
        )
        for one in judged
        if one.verdict.word is not ClaimVerdict.NOT_TESTED
    ]
    return Table(
        "claims",
        "Claims",
        f"What the published report claims and what this campaign says of it; {evidence.workload}.",
        (
            Column("Claim", numeric=False),
            Column("Section", numeric=False),
            Column("Published"),
            Column("Ours", interval=True),
            Column("Verdict", numeric=False),
            Column("Why", numeric=False),
        ),
        tuple(rows),
    )


def untested(judged: Sequence[Judged], published: Published, evidence: Evidence) -> Table:
    """Return the claims that this campaign cannot test, and why not."""
    rows = [
        Row(
            (
                Cell(_claim(one)),
                Cell(", ".join(one.claim.sections)),
                Cell(one.published, one.claim.value),
                Cell(one.verdict.why),
            ),
            _group(one, published),
        )
        for one in judged
        if one.verdict.word is ClaimVerdict.NOT_TESTED
    ]
    return Table(
        "claims-untested",
        "Claims not tested",
        f"What the published report claims and this campaign cannot test; {evidence.workload}.",
        heads("Claim", "Section", "Published", "Not tested, because", numeric=("Published",)),
        tuple(rows),
    )


def _ours(one: Judged) -> Cell:
    if one.ours is None:
        return Cell("")
    low, high = (end if end is not None and abs(end) < float("inf") else None
                 for end in (one.ours.low, one.ours.high))  # fmt: skip
    return Cell(one.ours.text, one.ours.value, low, high, one.ours.note)


def _claim(one: Judged) -> str:
    subject = SUBJECTS[one.claim.of]
    return f"“{one.claim.quote}”, {subject}" if subject else f"“{one.claim.quote}”"


def _group(one: Judged, published: Published) -> str:
    section = one.claim.sections[0]
    title = published.sections[section]
    return title if section == "0" else f"{section} {title}"
