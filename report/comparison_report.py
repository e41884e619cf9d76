"""The report of a comparison: variants under the same load, ranked where they may be."""

from report import claims, conclusion, growth_section, method
from report.charts import comparison_charts
from report.document import Document, by_name, judged
from report.evidence import Evidence
from report.page import markdown, web_page
from report.reproduce import RawRun
from report.tables import fault_table, metric_tables, response_times


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    held = claims.compose(evidence)
    contents = by_name(
        [
            metric_tables.comparison(evidence),
            *(metric_tables.details(evidence, variant) for variant in evidence.variants),
            metric_tables.funnel(evidence),
            metric_tables.stages(evidence),
            response_times.table(evidence),
            metric_tables.backlog(evidence),
            fault_table.table(evidence),
            growth_section.table(evidence),
            *judged(evidence),
            *held.tables.values(),
        ]
    )
    details = [contents[f"details-{variant.name}"] for variant in evidence.variants]
    return Document(
        evidence=evidence,
        said=conclusion.headline(evidence),
        tables=contents,
        sections=(
            *comparison_charts.sections(evidence),
            *growth_section.sections(evidence),
            *held.figures,
        ),
        threats=method.THREATS,
        raw=raw,
        template="comparison.html.j2",
        hero=comparison_charts.hero(evidence),
        picture=comparison_charts.headline(evidence),
        own={
            "key_figures": web_page.key_figures(evidence),
            "definitions": web_page.definitions(evidence),
            "faults_lead": fault_table.LEAD,
            "growth_lead": growth_section.LEAD,
            "claims": held,
        },
        before=(
            "## Comparison",
            markdown.table(contents["comparison"]),
            "## Each variant in detail",
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
            *fault_table.in_markdown(contents),
            *growth_section.in_markdown(contents),
        ),
    )
