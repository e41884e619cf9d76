"""`harness baseline`: what comparing needs of a campaign, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import CI, examples


@app.command(
    rich_help_panel=CI,
    epilog=examples(
        "harness baseline results/nightly", "harness gate --baseline results/baseline.json"
    ),
)
def baseline(
    campaign: Annotated[Path, typer.Argument(help="Folder of a campaign: valid, and clean.")],
    out: Annotated[Path | None, typer.Option(help="File. [results/baseline.json]")] = None,
) -> None:
    """Keep what comparing needs of a campaign in one file, for `harness gate --baseline`."""
    from harness.gate.stored_baseline import write
    from harness.project import results_root

    file = out or results_root() / "results" / "baseline.json"
    kept = write(campaign, file)
    console.print(f"{file}: {', '.join(kept.changes)} of {campaign}", markup=False)
