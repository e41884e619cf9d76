"""The published report, held against a campaign: claim by claim, by cost, and against itself.

`compose` returns what the report shows of it; `markdown` is its part of report.md, and
`section.html.j2` that of the page. The data is `claims.toml`, the rule is in `claim_verdict`.
"""

from collections import Counter
from dataclasses import dataclass, replace

from report.charts.figures import Section
from report.claims import (
    claim_judgement,
    claim_tables,
    contradictions,
    cost_tables,
    published,
    user_level_charts,
    user_level_table,
)
from report.claims.claim_verdict import ClaimVerdict
from report.evidence import Evidence
from report.page import markdown as md
from report.tables.cells import Table

__all__ = ["Claims", "compose", "markdown", "of_contention"]

RULE = (
    "These figures come from other code on another machine; they are claims, not a baseline. A "
    "claim is reproduced if all of our interval lies within a factor of 1.25 of it (a share also "
    "within 5 points), or if the direction is right and the size at least as claimed, up to that "
    "factor; contradicted if none of the interval does; else not decided."
)
COST = (
    "What a confirmed order takes and costs, and when the more expensive variant pays for itself. "
    "Costs are only as good as the price table below."
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a report shows of the published one."""

    source: str
    counted: str
    tables: dict[str, Table]
    figures: tuple[Section, ...]
    contradictions: tuple[str, ...]
    assumptions: tuple[str, ...]
    rule: str = RULE
    cost: str = COST


def compose(evidence: Evidence) -> Claims:
    """Judge every published claim by a campaign."""
    data = published.load()
    judged = claim_judgement.judge_all(data, evidence)
    words = Counter(one.verdict.word for one in judged)
    counts = ", ".join(f"{words[word]} {word}" for word in ClaimVerdict)
    other = _other_load(data, evidence)
    by_users, on_levels = user_level_charts.section(evidence), user_level_table.table(evidence)
    found = [
        *([on_levels] if on_levels else []),
        *cost_tables.tables(evidence, data),
        claim_tables.tested(judged, data, evidence),
        claim_tables.untested(judged, data, evidence),
    ]
    return Claims(
        source=data.source,
        counted=f"Of {len(judged)} published claims this campaign finds {counts}.{other}",
        tables={table.name: table for table in found},
        figures=(by_users,) if by_users else (),
        contradictions=tuple(contradictions.sentences(data)),
        assumptions=tuple(cost_tables.assumptions(evidence)),
    )


def of_contention(evidence: Evidence) -> Table | None:
    """Return what a contention test says of the published claims of the audit, with its bounds.

    None if it says nothing, because it is invalid or not audited.
    """
    data = published.load()
    bounds = "; ".join(str(variant.facts["statement"]) for variant in evidence.variants)
    judged = [
        replace(one, verdict=replace(one.verdict, why=one.verdict.why or bounds))
        for one in claim_judgement.judge_audited(data, evidence)
    ]
    table = claim_tables.tested(judged, data, evidence)
    return table if table.rows else None


def _other_load(data: published.Published, evidence: Evidence) -> str:
    """Return that published figures are not tested, and why, if the load is another."""
    different = ", ".join(claim_judgement.other_load(data.load, evidence))
    if not different:
        return ""
    return f" It is not the published load or system (other: {different}), so no figure is tested."


def markdown(claims: Claims) -> list[str]:
    """Return the sections of report.md: levels of users, cost, and the claims."""
    shown, parts = claims.tables, []
    if "levels" in shown:
        parts += ["## Levels of users", md.table(shown["levels"])]
    if "cost" in shown:
        costing = [shown[name] for name in ("cost", "break-even", "decision") if name in shown]
        parts += ["## Cost", claims.cost, *map(md.table, costing)]
        parts += ["\n".join(f"- {line}" for line in claims.assumptions)]
        parts += [md.unfolded("The price table", md.table(shown["prices"]))]
    untested = shown["claims-untested"]
    return [
        *parts,
        "## The published report, claim by claim",
        f"{claims.counted} {claims.rule}",
        md.table(shown["claims"]),
        md.unfolded(f"What this campaign cannot test ({len(untested.rows)})", md.table(untested)),
        f"Where the published report ({claims.source}) contradicts itself:",
        "\n".join(f"- {line}" for line in claims.contradictions),
    ]
