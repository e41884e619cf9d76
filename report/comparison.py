"""The report of a comparison: approaches under the same load, ranked where they may be."""

from report import (
    claims,
    distributions,
    effects,
    facts,
    graphs,
    growth,
    markdown,
    page,
    responses,
    tables,
    words,
)
from report.document import Document, by_name, judged
from report.evidence import Evidence
from report.reproduce import RawRun


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    held = claims.compose(evidence)
    contents = by_name(
        [
            *tables.comparisons(evidence),
            *(tables.details(evidence, approach) for approach in evidence.approaches),
            tables.funnel(evidence),
            tables.stages(evidence),
            responses.table(evidence),
            tables.backlog(evidence),
            effects.table(evidence),
            growth.table(evidence),
            *judged(evidence),
            *held.tables.values(),
        ]
    )
    compared = [table for name, table in contents.items() if name.startswith("comparison")]
    details = [contents[f"details-{approach.name}"] for approach in evidence.approaches]
    return Document(
        evidence=evidence,
        said=words.headline(evidence),
        tables=contents,
        sections=(*graphs.sections(evidence), *growth.sections(evidence), *held.figures),
        threats=facts.THREATS,
        raw=raw,
        template="page.html.j2",
        hero=graphs.hero(evidence),
        picture=distributions.headline(evidence),
        own={
            "key_figures": page.key_figures(evidence),
            "definitions": page.definitions(evidence),
            "faults_lead": effects.LEAD,
            "growth_lead": growth.LEAD,
            "claims": held,
        },
        before=(
            "## Comparison",
            *map(markdown.table, compared),
            "## Each approach in detail",
            *map(markdown.table, details),
        ),
        between=(
            "## Order funnel",
            markdown.table(contents["funnel"]),
            "## Stages",
            markdown.table(contents["stages"]),
            markdown.table(contents["responses"]),
            "## Queue depth and processing delay",
            markdown.table(contents["backlog"]),
        ),
        after=(
            *claims.markdown(held),
            *effects.in_markdown(contents),
            *growth.in_markdown(contents),
        ),
    )
