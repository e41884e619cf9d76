"""The published report, held against a campaign: claim by claim, by cost, and against itself.

The data is `claims.toml`, the rule is in `claim_verdict`.
"""

from collections import Counter
from dataclasses import replace

from report.charts.figures import Section
from report.claims import (
    claim_judgement,
    claim_tables,
    contradictions,
    cost_tables,
    published,
    user_level_charts,
)
from report.claims.claim_verdict import ClaimVerdict
from report.document import Fold, Part
from report.evidence import Evidence
from report.tables import metric_tables
from report.tables.cells import Table

RULE = (
    "These figures come from other code on another machine; they are claims, not a baseline. A "
    "claim is reproduced if all of our interval lies within a factor of 1.25 of it (a share also "
    "within 5 points), or if the direction is right and the size at least as claimed, up to that "
    "factor; contradicted if none of the interval does; else not decided."
)


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return the figures by users; nothing if the load plans no users."""
    by_users = user_level_charts.section(evidence)
    return (by_users,) if by_users else ()


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Return what was met by levels of users, the costs, and the verdict of every claim."""
    data = published.load()
    levels = metric_tables.levels(evidence)
    judged = claim_judgement.judge_all(data, evidence)
    words = Counter(one.verdict.word for one in judged)
    counts = ", ".join(f"{words[word]} {word}" for word in ClaimVerdict)
    tested = claim_tables.tested(judged, data, evidence)
    untested = claim_tables.untested(judged, data, evidence)
    contradicted = tuple(contradictions.sentences(data))
    return (
        *([_levels(levels)] if levels else []),
        *cost_tables.parts(evidence, data),
        Part(
            "published",
            "The published report, claim by claim",
            (
                claim_tables.first(judged, data, evidence),
                RULE,
                Fold(f"Every claim that this campaign tests ({len(tested.rows)})", (tested,)),
                Fold(f"What this campaign cannot test ({len(untested.rows)})", (untested,)),
                Fold(
                    f"Where the published report contradicts itself ({len(contradicted)})",
                    (contradicted,),
                ),
                f"Numbers in brackets, and those of sections, are sections of: {data.source}.",
            ),
            "Claims",
            f"Of {len(judged)} published claims this campaign finds {counts}."
            f"{_other_load(data, evidence)}",
        ),
    )


def _levels(table: Table) -> Part:
    lead = "What requests met by how many users were active; the figures are among the graphs."
    return Part(
        "levels", "Levels of users", (lead, Fold("Every level in numbers", (table,))), "Levels"
    )


def parts_of_contention(evidence: Evidence) -> tuple[Part, ...]:
    """Return what a contention test says of the published claims of the audit, with its bounds.

    Nothing if it says nothing, because it is invalid or not audited.
    """
    data = published.load()
    bounds = "; ".join(str(variant.facts["statement"]) for variant in evidence.variants)
    judged = [
        replace(one, verdict=replace(one.verdict, why=one.verdict.why or bounds))
        for one in claim_judgement.judge_audited(data, evidence)
    ]
    table = claim_tables.tested(judged, data, evidence)
    return (Part("published", "The published claim", (table,)),) if table.rows else ()


def _other_load(data: published.Published, evidence: Evidence) -> str:
    """Return that published figures are not tested, and why, if the load is another."""
    different = ", ".join(claim_judgement.other_load(data.load, evidence))
    if not different:
        return ""
    return f" It is not the published load or system (other: {different}), so no figure is tested."
