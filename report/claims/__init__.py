"""The published report, held against a campaign: claim by claim, by cost, and against itself.

`compose` returns what the report shows of it; `markdown` is its part of report.md, and
`section.html.j2` that of the page. The data is `report/claims.toml`, the rule is in `verdict`.
"""

from collections import Counter
from dataclasses import dataclass, replace

from report import markdown as md
from report.claims import contradictions, costs, figures, judgement, levels, published, rows
from report.claims.verdict import Word
from report.evidence import Evidence
from report.plates import Section
from report.tables import Table

__all__ = ["Claims", "compose", "markdown", "of_contest"]

RULE = (
    "These figures come from other code on another machine; they are claims, not a baseline. A "
    "claim is reproduced if all of our interval lies within a factor of 1.25 of it (a share also "
    "within 5 points), or if the direction is right and the size at least as claimed, up to that "
    "factor; contradicted if none of the interval does; else not decided."
)
COST = (
    "What a confirmed order takes and costs, and when the dearer approach pays for itself. No cost "
    "is worth more than the price table below."
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
    judged = judgement.judge_all(data, evidence)
    words = Counter(one.verdict.word for one in judged)
    counts = ", ".join(f"{words[word]} {word}" for word in Word)
    other = _other_load(data, evidence)
    by_users, on_levels = figures.section(evidence), levels.table(evidence)
    found = [
        *([on_levels] if on_levels else []),
        *costs.tables(evidence, data),
        rows.tested(judged, data, evidence),
        rows.untested(judged, data, evidence),
    ]
    return Claims(
        source=data.source,
        counted=f"Of {len(judged)} published claims this campaign finds {counts}.{other}",
        tables={table.name: table for table in found},
        figures=(by_users,) if by_users else (),
        contradictions=tuple(contradictions.sentences(data)),
        assumptions=tuple(costs.assumptions(evidence)),
    )


def of_contention(evidence: Evidence) -> Table | None:
    """Return what a contention test says of the published claims of the audit, with its bounds.

    None if it says nothing, because it is invalid or not audited.
    """
    data = published.load()
    bounds = "; ".join(str(approach.facts["statement"]) for approach in evidence.approaches)
    judged = [
        replace(one, verdict=replace(one.verdict, why=one.verdict.why or bounds))
        for one in judgement.judge_audited(data, evidence)
    ]
    table = rows.tested(judged, data, evidence)
    return table if table.rows else None


def _other_load(data: published.Published, evidence: Evidence) -> str:
    """Say that published figures are not tested, and why, if the load is another."""
    different = ", ".join(judgement.other_load(data.load, evidence))
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
