"""The tables of the claims: what could be held against the published report, and what could not."""

from collections.abc import Sequence

from report.claims.claim_judgement import Judged
from report.claims.claim_verdict import ClaimVerdict
from report.claims.published import Published
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, numeric, texts

TONES = {
    ClaimVerdict.REPRODUCED: "pass",
    ClaimVerdict.CONTRADICTED: "fail",
    ClaimVerdict.NOT_DECIDED: "unknown",
    ClaimVerdict.NOT_TESTED: "quiet",
}
EXPERIMENT = "Experiment"
"""The column that says which experiment asks about a claim."""
SUBJECTS = {"sync": "synchronous", "queue": "queue", None: ""}


def first(judged: Sequence[Judged], published: Published, evidence: Evidence) -> Table:
    """Return the claims that matter most, a line each, whether they could be tested or not."""
    by_id = {one.claim.id: one for one in judged}
    rows = []
    for one in (by_id[id] for id in published.first):
        word, why = one.verdict.word, one.verdict.why
        said = f"{word}: {why}" if why else str(word)
        cells = (Cell(f"“{one.claim.quote}”"), Cell(one.published, one.claim.value), _ours(one))
        rows.append(Row((*cells, Cell(said, tone=TONES[word]), _experiment(one, evidence))))
    return Table(
        "claims-first",
        f"The claims that the published report rests on; {evidence.workload}.",
        (
            *texts("Claim"),
            *numeric("Published"),
            *numeric("Ours", interval=True),
            *texts("Verdict", EXPERIMENT),
        ),
        tuple(rows),
    )


def tested(judged: Sequence[Judged], published: Published, evidence: Evidence) -> Table:
    """Return the claims that this campaign speaks about."""
    rows = [
        _row(
            one,
            published,
            evidence,
            _ours(one),
            Cell(one.verdict.word, tone=TONES[one.verdict.word]),
        )
        for one in judged
        if one.verdict.word is not ClaimVerdict.NOT_TESTED
    ]
    return Table(
        "claims",
        f"What the published report claims and what this campaign says of it; {evidence.workload}.",
        (
            *texts("Claim", "Section"),
            *numeric("Published"),
            *numeric("Ours", interval=True),
            *texts("Verdict", "Why", EXPERIMENT),
        ),
        tuple(rows),
    )


def untested(judged: Sequence[Judged], published: Published, evidence: Evidence) -> Table:
    """Return the claims that this campaign cannot test, and why not."""
    rows = [
        _row(one, published, evidence)
        for one in judged
        if one.verdict.word is ClaimVerdict.NOT_TESTED
    ]
    return Table(
        "claims-untested",
        f"What the published report claims and this campaign cannot test; {evidence.workload}.",
        (
            *texts("Claim", "Section"),
            *numeric("Published"),
            *texts("Not tested, because", EXPERIMENT),
        ),
        tuple(rows),
    )


def _row(one: Judged, published: Published, evidence: Evidence, *found: Cell) -> Row:
    """Return a claim, what was found of it, why, and which experiment asks about it."""
    subject = SUBJECTS[one.claim.of]
    claim = f"“{one.claim.quote}”, {subject}" if subject else f"“{one.claim.quote}”"
    sections = one.claim.sections
    title = published.sections[sections[0]]
    said = (Cell(claim), Cell(", ".join(sections)), Cell(one.published, one.claim.value))
    group = title if sections[0] == "0" else f"{sections[0]} {title}"
    return Row((*said, *found, Cell(one.verdict.why), _experiment(one, evidence)), group)


def _experiment(one: Judged, evidence: Evidence) -> Cell:
    """Return the experiment that asks about a claim: its answer if it is kept, else its command."""
    name = one.claim.experiment
    if name is None:
        return Cell("")
    if name not in evidence.answers:
        return Cell(f"harness run experiments/{name}")
    return Cell(f"{name}: {evidence.answers[name]}", link=f"../../experiments/{name}/report")


def _ours(one: Judged) -> Cell:
    if one.ours is None:
        return Cell("")
    low, high = (end if end is not None and abs(end) < float("inf") else None
                 for end in (one.ours.low, one.ours.high))  # fmt: skip
    return Cell(one.ours.text, one.ours.value, low, high, one.ours.note)
