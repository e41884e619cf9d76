"""`harness compare`: two stored campaigns side by side, for people and for machines."""

from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as Grid
from rich.text import Text

from harness.cli.application import app, console, print_json, print_table
from harness.cli.help_pages import READ, examples
from harness.cli.options import JsonOption
from harness.errors import ExitCode, NotComparable

if TYPE_CHECKING:
    from harness.analysis import Compared
    from report.tables.cells import Cell, Table
    from report.tables.footnotes import Legend


class Format(StrEnum):
    """How a comparison is printed."""

    TEXT = "text"
    MD = "md"
    JSON = "json"


Folder = Annotated[Path, typer.Argument(help="Folder of a campaign.")]


@app.command(
    rich_help_panel=READ,
    epilog=examples(
        "harness compare results/monday results/tuesday",
        "harness compare results/monday results/tuesday --format md > changes.md",
    ),
)
def compare(
    a: Folder,
    b: Folder,
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TEXT,
    as_json: JsonOption = False,
) -> ExitCode:
    """Compare two campaigns of the same scenario, or say why they cannot be compared."""
    from harness.analysis import derived

    compared = derived.compare(a, b)
    if as_json or form is Format.JSON:
        print_json(_document(a, b, compared))
        return ExitCode.NO_BASELINE if compared.reasons else ExitCode.OK
    if compared.reasons:
        raise NotComparable(
            f"A ({a}) and B ({b}) cannot be compared:\n"
            + "\n".join(f"- {reason}" for reason in compared.reasons),
            "compare campaigns that ask the same of the same systems, and that are valid and clean",
        )
    _print(compared, [f"A: {a}", f"B: {b}"], form)
    return ExitCode.OK


def _document(a: Path, b: Path, compared: "Compared") -> dict[str, Any]:
    from harness.analysis.summary import plain

    document: dict[str, Any] = plain(
        {
            "a": str(a),
            "b": str(b),
            "comparable": not compared.reasons,
            **asdict(compared),
        }
    )
    return document


def _print(compared: "Compared", names: list[str], form: Format) -> None:
    from report.page import markdown
    from report.tables import compared_campaigns as shown
    from report.tables import footnotes as marks

    table = shown.table(compared)
    differs = [f"Differs: {one}" for one in (*compared.machines, *compared.differences)]
    below = [*filter(None, [shown.left_out(compared)]), *shown.CAVEATS]
    if form is Format.MD:
        listed = [
            "\n".join(markdown.plain(f"- {line}") for line in lines)
            for lines in ([*names, *differs], below)
        ]
        typer.echo("\n\n".join((listed[0], markdown.table(table), listed[1])))
        return
    legend = marks.legend(table)
    for line in (*names, *differs, table.caption):
        console.print(line, markup=False)
    print_table(_grid(table, legend))
    for line in (*_notes(legend), *below):
        console.print(line, markup=False)


def _grid(table: "Table", legend: "Legend") -> Grid:
    grid = Grid(box=None)
    for column in table.columns:
        grid.add_column(column.title, justify="right" if column.numeric else "left")
    group = ""
    for position, row in enumerate(table.rows):
        if row.group != group:
            group = row.group
            grid.add_row(Text(group, style="bold"))
        places = enumerate(row.cells)
        grid.add_row(*(_cell(cell, legend.at(position, column)) for column, cell in places))
    return grid


def _cell(cell: "Cell", mark: str) -> str:
    return f"{cell.text} ({mark})" if mark else cell.text


def _notes(legend: "Legend") -> Iterator[str]:
    """Yield what each mark means, and what its cells say if they say more."""
    for note in legend.notes:
        yield f"({note.letter}) {note.reason}"
        yield from (f"    {where}: {remark}" for where, remark in note.cells)
