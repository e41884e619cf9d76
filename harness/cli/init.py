"""`harness init`: what the package brings along, as files that can be changed."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples


@app.command(
    rich_help_panel=OPERATE, epilog=examples("harness init shop && cd shop && harness run quick")
)
def init(
    folder: Annotated[
        Path, typer.Argument(help="Where to; nothing in it is overwritten. [this folder]")
    ] = Path(),
) -> None:
    """Copy compose files, approaches, scenarios and gate.toml into a folder, to be changed."""
    from harness.project import write_project

    written = write_project(folder)
    console.print(f"{len(written)} files in {folder.resolve()}", markup=False)
    console.print("`harness run quick` there measures what they say")
