"""`harness history`: the campaigns of many nights as one page, with where the numbers changed."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import READ, examples
from harness.errors import ExitCode, UsageError


@app.command(
    rich_help_panel=READ,
    epilog=examples(
        "harness history results/nightly", "harness history results/nightly --out page"
    ),
)
def history(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the campaigns.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page. [history/ in FOLDER]")
    ] = None,
) -> ExitCode:
    """Show the trend of every metric over many campaigns of one scenario; advisory, never fails."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the campaigns")

    from harness.analysis import derived
    from report import history as page

    found = derived.history(folder)
    console.print(page.answer(found), markup=False)
    for sentence in page.changes(found):
        console.print(f"- {sentence}", markup=False)
    if found.left_out:
        console.print(f"{page.left_out(found)}; the page says why")
    console.print(f"history: {page.publish(found, out or folder / 'history')}")
    return ExitCode.OK
