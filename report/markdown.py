"""The report as Markdown: the same words, tables and figures, for a code host or an editor."""

from collections.abc import Mapping, Sequence

from report import effects, facts, published, words
from report.charts import Chart, Section
from report.evidence import Evidence
from report.tables import Cell, Table


def render(
    evidence: Evidence, tables: Mapping[str, Table], picture: Chart, sections: Sequence[Section]
) -> str:
    """Return the whole report as Markdown."""
    said = words.headline(evidence)
    figures = {section.id: section for section in sections}
    parts = [
        f"# {evidence.campaign['title']}: {said.title}",
        *(f"> **{problem}**" for problem in said.problems),
        *said.sentences,
        image(picture),
        f"All figures: {evidence.workload}.",
        "## Comparison",
        *(table(found) for name, found in tables.items() if name.startswith("comparison")),
        "## Each approach in detail",
        *(table(tables[f"details-{approach.name}"]) for approach in evidence.approaches),
        "## Graphs",
        *(figure(section) for section in sections if section.id != "funnel"),
        "## Order funnel",
        figure(figures["funnel"], title=False),
        table(tables["funnel"]),
        "## Stages",
        table(tables["stages"]),
        table(tables["responses"]),
        "## Queue depth and processing delay",
        table(tables["backlog"]),
        *(["## Faults", effects.LEAD, table(tables["faults"])] if "faults" in tables else []),
        "## Audit",
        table(tables["audit"]),
        "The findings of each run: [tables/audit-runs.csv](tables/audit-runs.csv).",
        "## Laws and validity",
        table(tables["runs"]),
        table(tables["laws"]),
        "## Beside the published figures",
        table(tables["published"]),
        f"What the published report ({published.SOURCE}) says of itself:",
        "\n".join(f"- {line}" for line in published.CONTRADICTIONS),
        "## How it was measured",
        "\n".join(f"- **{name}:** {text}" for name, text in facts.method(evidence)),
        "## What the numbers mean",
        "\n".join(f"- **{name}** {text}" for name, text in facts.THREATS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(content: Table) -> str:
    """Return a table as pipes, its notes numbered below."""
    head = [column.title for column in content.columns]
    rule = ["---:" if column.numeric else "---" for column in content.columns]
    lines = [_pipes(head), _pipes(rule)]
    group = ""
    for row in content.rows:
        if row.group != group:
            group = row.group
            lines.append(_pipes([f"**{group}**", *[""] * (len(head) - 1)]))
        lines.append(_pipes([_cell(content, cell) for cell in row.cells]))
    notes = [f"{number}. {note}" for number, note in enumerate(content.notes, start=1)]
    body = "\n".join(lines)
    below = f"\n\n{content.footer}" if content.footer else ""
    below += "\n\nNotes:\n\n" + "\n".join(notes) if notes else ""
    return f"*{content.caption}*\n\n{body}{below}"


def _cell(content: Table, cell: Cell) -> str:
    number = content.note_number(cell)
    return f"{cell.text} ({number})" if number else cell.text


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def figure(section: Section, *, title: bool = True) -> str:
    """Return the figures of one kind with what they show."""
    head = f"### {section.title}\n\n" if title else ""
    return f"{head}{section.lead}\n\n" + "\n".join(image(chart) for chart in section.charts)


def image(chart: Chart) -> str:
    """Return a figure as an image with its text alternative."""
    alt = chart.alt.replace("[", "(").replace("]", ")")
    return f"![{alt}](figures/{chart.name}.png)"
