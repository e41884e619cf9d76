"""The command line's application, and how its commands print."""

from typing import Annotated

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

app = typer.Typer(
    name="harness",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True)

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


@app.callback()
def harness(
    _: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Say which version, and end."
        ),
    ] = False,
) -> None:
    """Would a queue have saved the sale? Measures both, and audits what it measured."""


def print_table(table: Table) -> None:
    """Print a table; what is not a terminal gets every cell as a whole, on one line."""
    wide = Console(highlight=False, markup=False)
    if not wide.is_terminal:
        room = wide.options.update(width=_WIDEST)
        wide.width = Measurement.get(wide, room, table).maximum
    wide.print(table)
