"""The command line's application, and how its commands print."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from harness.cli.help_pages import CommandsByPurpose, examples
from harness.project import VARIABLE

app = typer.Typer(
    name="harness",
    cls=CommandsByPurpose,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True, emoji=False)

JSON_SCHEMA_VERSION = 1
"""Version of what `--json` prints; a change is listed in CHANGELOG.md."""
_WIDEST = 10_000
"""Columns of a table of which nothing is cut off, however long its texts are."""


def _say_version(is_asked: bool) -> None:
    if not is_asked:
        return
    from importlib.metadata import version

    from harness.project import revision

    found = revision()
    console.print(f"harness {version('flashsale-harness')}" + (f" ({found})" if found else ""))
    raise typer.Exit


@app.callback(
    epilog=examples(
        "harness run quick          # both approaches, 3 minutes, then a report",
        "harness compare results/a results/b",
        "harness --project ../shop run quick --approach shop",
        "harness COMMAND --help     # the options of a command, with examples",
    )
)
def harness(
    _: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Say which version, and end."
        ),
    ] = False,
    project: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=f"The project that is measured; or {VARIABLE}."),
    ] = None,
) -> None:
    """Would a queue have saved the sale? Measures both, and audits what it measured."""
    if project is not None:
        os.environ[VARIABLE] = str(project)


def print_table(table: Table) -> None:
    """Print a table, with nothing cut off.

    A terminal gets long cells on several lines; what is none gets every cell on one.
    """
    for column in table.columns:
        column.overflow = "fold"
    wide = Console(highlight=False, markup=False)
    if not wide.is_terminal:
        room = wide.options.update(width=_WIDEST)
        wide.width = Measurement.get(wide, room, table).maximum
    wide.print(table)


def print_json(content: Mapping[str, Any]) -> None:
    """Print the one document of `--json`: `json_output.schema.json` beside this file says what.

    An output that cannot encode every character gets those beyond ASCII as escapes.
    """
    document = {"schema_version": JSON_SCHEMA_VERSION, **content}
    is_plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    typer.echo(json.dumps(document, indent=2, ensure_ascii=is_plain, allow_nan=False))
