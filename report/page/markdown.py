"""The report as Markdown: the same words, tables and figures, for a code host or an editor.

Names come from scenarios, compose files and systems under test. Here they are text on one line:
never HTML, never the end of a heading, a cell or a block of code.
"""

import re
from collections.abc import Iterable, Sequence

from report import method
from report.charts.figures import MULTIPLES, Figure, Picture, Section
from report.document import Code, Content, Document, Facts, Fold, Part, Stored
from report.tables import footnotes, judgements
from report.tables.cells import Cell, Table


def render(document: Document) -> str:
    """Return the whole report as Markdown."""
    evidence, said = document.evidence, document.said
    parts = [
        plain(f"# {evidence.campaign['title']}: {said.title}"),
        plain(said.uncertainty),
        " · ".join(f"**{plain(text)}**" for _, text in judgements.badges(evidence)),
        plain(method.measured_on(evidence)),
        *(plain(f"> **{problem}**") for problem in said.problems),
        *([image(document.picture)] if document.picture else []),
        *(plain(f"**{figure.title}.** {figure.caption}") for figure in document.hero),
        "\n".join(plain(f"- {sentence}") for sentence in said.sentences),
        plain(f"All figures: {evidence.workload}."),
        *map(_part, document.before),
        "## Graphs",
        document.graphs_lead,
        *(figure(section) for section in document.sections),
        *map(_part, document.between),
        "## Audit",
        document.audit_lead,
        table(document.audit[0]),
        *_offences(document),
        unfolded("Every finding of every run", table(document.audit[1])),
        *map(_part, document.after),
        "## Files",
        _files(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _part(part: Part) -> str:
    said = [plain(part.result)] if part.result else []
    return "\n\n".join([f"## {part.title}", *said, *map(_content, part.content)])


def _content(content: Content) -> str:
    match content:
        case str():
            text = plain(content)
        case tuple():
            text = "\n".join(plain(f"- {line}") for line in content)
        case Facts(pairs):
            text = listed(pairs)
        case Code(lines):
            text = _code(lines)
        case Table():
            text = table(content)
        case Fold(summary, folded):
            text = unfolded(summary, "\n\n".join(map(_content, folded)))
        case Stored(said, stored):
            text = f"{plain(said)}: [{stored.name}.csv](tables/{stored.name}.csv)."
    return text


def _offences(document: Document) -> list[str]:
    """Return the offending orders, as they are in the audit."""
    return [
        plain(f"{where}: {finding.id}, {finding.title}:")
        + f"\n\n{_code(judgements.examples(finding))}"
        for invariant in document.invariants
        for where, finding in invariant.offences
        if finding.examples
    ]


def _files(document: Document) -> str:
    lines = [
        "- [index.html](index.html): this report with interactive figures",
        "- [summary.json](../summary.json), [campaign.json](../campaign.json)",
        "- Tables: " + ", ".join(f"[{n}](tables/{n}.csv)" for n in document.tables),
    ]
    for run in document.raw:
        links = ", ".join(f"[{name}]({path})" for name, path, _ in run.files)
        lines.append(f"- [Run {run.index}, {run.variant}]({run.folder}): {links}")
    return "\n".join(lines)


_LINE_BREAK = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*")


def plain(text: str) -> str:
    """Return a text on one line in which no HTML begins."""
    return _LINE_BREAK.sub(" ", text).replace("<", "&lt;")


def _code(lines: Iterable[str]) -> str:
    """Return lines as a block of code, which none of them can end."""
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    return f"{fence}\n{body}\n{fence}"


def listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a name and a text as a list."""
    named = ((name if name.endswith(".") else f"{name}:", text) for name, text in pairs)
    return "\n".join(plain(f"- **{name}** {text}") for name, text in named)


def unfolded(summary: str, body: str) -> str:
    """Return something long behind a line that unfolds it."""
    return f"<details><summary>{plain(summary)}</summary>\n\n{body}\n\n</details>"


def table(content: Table) -> str:
    """Return a table as pipes, what its marks mean below."""
    head = [column.title for column in content.columns]
    rule = ["---:" if column.numeric else "---" for column in content.columns]
    lines = [_pipes(head), _pipes(rule)]
    legend = footnotes.legend(content)
    group = ""
    for number, row in enumerate(content.rows):
        if row.group != group:
            group = row.group
            lines.append(_pipes([f"**{group}**", *[""] * (len(head) - 1)]))
        cells = (_cell(cell, legend, number, column) for column, cell in enumerate(row.cells))
        lines.append(f"| {' | '.join(cells)} |")
    body = "\n".join(lines)
    below = f"\n\n{plain(content.footer)}" if content.footer else ""
    below += "\n\n" + "\n".join(map(_note, legend.notes)) if legend.notes else ""
    return f"*{plain(content.caption)}*\n\n{body}{below}"


def _note(note: footnotes.Note) -> str:
    """Return a mark's meaning, and what its cells say if they say more."""
    cells = [f"\n  {plain(f'- {where}: {remark}')}" for where, remark in note.cells]
    return "".join((plain(f"- ({note.letter}) {note.reason}"), *cells))


def _cell(cell: Cell, legend: footnotes.Legend, row: int, column: int) -> str:
    """Return a cell with its marks, what stands below it on lines of its own."""
    marks = (legend.at(row, column, below) for below in range(len(cell.parts)))
    texts = (
        _linked(part, f"{part.text} ({mark})" if mark else part.text)
        for part, mark in zip(cell.parts, marks, strict=True)
    )
    return "<br>".join(text for text in texts if text)


def _linked(cell: Cell, text: str) -> str:
    """Return the text of a cell, as a link if another report says more."""
    return f"[{_escaped(text)}]({cell.link}/report.md)" if cell.link else _escaped(text)


def _escaped(text: str) -> str:
    return plain(text).replace("|", "&#124;")


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def figure(section: Section) -> str:
    """Return the figures of one kind with what they show."""
    return "\n\n".join(
        [
            plain(f"### {section.title}"),
            plain(section.lead),
            *(_figure(figure) for figure in section.figures),
        ]
    )


def _figure(figure: Figure) -> str:
    folded = [unfolded("Values", table(figure.values))] if figure.values else []
    if figure.multiples:
        folded.append(unfolded(MULTIPLES, "\n\n".join(map(_figure, figure.multiples))))
    images = "\n".join(image(picture) for picture in figure.pictures)
    return "\n\n".join(part for part in (images, plain(figure.caption), *folded) if part)


def image(picture: Picture) -> str:
    """Return a figure as an image with its text alternative."""
    alt = plain(picture.alt).replace("[", "(").replace("]", ")")
    suffix = "png" if picture.png else "svg"
    return f"![{alt}](figures/{picture.name}.{suffix})"
