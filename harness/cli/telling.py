"""`harness history`: the campaigns of many nights as one page, with where the numbers changed."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.app import app, console
from harness.errors import ExitCode, UsageError


@app.command()
def history(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the campaigns.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page. [history/ in FOLDER]")
    ] = None,
) -> ExitCode:
    """Tell the trend of every metric over many campaigns of one scenario; nothing fails by it."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the campaigns")

    from harness import campaign
    from report import history as page

    told = campaign.history(folder)
    console.print(page.answer(told), markup=False)
    for sentence in page.changes(told):
        console.print(f"- {sentence}", markup=False)
    if told.left_out:
        console.print(f"{page.left_out(told)}; the page says why")
    console.print(f"history: {page.publish(told, out or folder / 'history')}")
    return ExitCode.OK
