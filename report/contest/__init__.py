"""The report of a contest: how many sales, how many oversold, and what that allows to say.

It has no ranking, no stages and no comparison, so it is a page of its own; its parts are those of
the other page. Like that one it is a pure function of the campaign's folder.
"""

from collections.abc import Mapping
from pathlib import Path

from harness.findings import Verdict
from report import facts, judgements, markdown, page, tables, theme, words
from report.charts import Chart, Section
from report.contest import charts, rows
from report.contest.evidence import ContestEvidence, read
from report.tables import Table
from report.words import Headline

__all__ = ["compose"]

THREATS = (
    (
        "What the bound means.",
        "If an oversell were more likely than the bound, so few oversold sales would be seen in "
        "less than 5 % of such contests (Clopper and Pearson, one-sided, exact). It speaks of "
        "sales like these: this code, this machine, this crowd.",
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
        "Latencies are those of a crowd at one bell. An acceptance is not an outcome, and nobody "
        "wins here.",
    ),
    (
        "Late units.",
        "A buyer tries once. A unit that a declined payment gives back after the last try stays "
        "unsold; that is no fault.",
    ),
)


def compose(campaign_dir: Path) -> tuple[dict[str, str], list[Chart]]:
    """Return the report's texts by file name, and its figures."""
    evidence = read(campaign_dir)
    found = [
        rows.contest(evidence),
        rows.by_stock(evidence),
        rows.sales(evidence),
        judgements.audit(evidence),
        judgements.audit_runs(evidence),
        judgements.runs(evidence),
        judgements.laws(evidence),
    ]
    contents = {table.name: table for table in found}
    with theme.style():
        sections = charts.sections(evidence)
    drawn = [chart for section in sections for chart in section.charts]
    said = headline(evidence)
    texts = {
        "index.html": _page(evidence, said, contents, sections),
        "report.md": _markdown(evidence, said, contents, sections),
        **{f"tables/{name}.csv": tables.to_csv(table) for name, table in contents.items()},
        **{f"figures/{chart.name}.svg": theme.standalone(chart.svg) for chart in drawn},
    }
    return texts, drawn


def headline(evidence: ContestEvidence) -> Headline:
    """Say in words what the contests came to; each approach has its statement in the summary."""
    return Headline(
        title=_title(evidence),
        problems=tuple(words.troubles(evidence)),
        sentences=tuple(f"{approach.facts['statement']}." for approach in evidence.approaches),
    )


def _title(evidence: ContestEvidence) -> str:
    every = [row for of in evidence.summary["sales"].values() for row in of]
    oversold = sum(row["oversold"] == Verdict.FAIL for row in every)
    if oversold:
        return f"{oversold} of {len(every):,} sales oversold"
    verdicts = {approach.facts["audit_verdict"] for approach in evidence.approaches}
    if Verdict.FAIL in verdicts:
        return "The audit failed"
    if Verdict.UNKNOWN in verdicts or not all(run.counts for run in evidence.runs):
        return "No statement: a contest is invalid or unaudited"
    return f"0 of {len(every):,} sales oversold"


def _page(
    evidence: ContestEvidence,
    said: Headline,
    contents: Mapping[str, Table],
    sections: tuple[Section, ...],
) -> str:
    template = page.environment().get_template("contest/page.html.j2")
    return template.render(
        evidence=evidence,
        said=said,
        tables=contents,
        sections=sections,
        offences=judgements.offences(evidence),
        method=facts.method(evidence),
        threats=THREATS,
        warnings=evidence.summary["warnings"],
    )


def _markdown(
    evidence: ContestEvidence,
    said: Headline,
    contents: Mapping[str, Table],
    sections: tuple[Section, ...],
) -> str:
    parts = [
        f"# {evidence.campaign['title']}: {said.title}",
        *(f"> **{problem}**" for problem in said.problems),
        *said.sentences,
        f"All figures: {evidence.workload}. Nothing is ranked.",
        "## The contest",
        markdown.table(contents["contest"]),
        markdown.table(contents["by-stock"]),
        "Every sale: [tables/sales.csv](tables/sales.csv).",
        "## Graphs",
        *(markdown.figure(section) for section in sections),
        "## Audit",
        markdown.table(contents["audit"]),
        *_offences(evidence),
        "The findings of each run: [tables/audit-runs.csv](tables/audit-runs.csv).",
        "## Laws and validity",
        markdown.table(contents["runs"]),
        markdown.table(contents["laws"]),
        "## How it was measured",
        "\n".join(f"- **{name}:** {text}" for name, text in facts.method(evidence)),
        "## What the numbers mean",
        "\n".join(f"- **{name}** {text}" for name, text in THREATS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _offences(evidence: ContestEvidence) -> list[str]:
    """Return the offending orders, as they are in the audit."""
    return [
        f"{where}: {finding.id}, {finding.title}:\n\n```\n" + "\n".join(examples) + "\n```"
        for where, finding, examples in judgements.offences(evidence)
        if examples
    ]
