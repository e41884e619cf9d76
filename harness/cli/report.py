"""`harness report`: summary and report of a stored campaign, made anew."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.application import app
from harness.cli.help_pages import READ, examples
from harness.cli.options import OpenOption, StrictOption
from harness.cli.stored_campaigns import CampaignArgument, newest, publish
from harness.errors import ExitCode


@app.command(
    rich_help_panel=READ,
    epilog=examples("harness report --open", "harness report results/monday --prices mine.toml"),
)
def report(
    path: CampaignArgument = None,
    prices: Annotated[Path | None, typer.Option(help="Price table for the costs, as TOML.")] = None,
    strict: StrictOption = False,
    opens: OpenOption = False,
) -> ExitCode:
    """Rebuild summary and report of a stored campaign from its runs."""
    from harness.analysis import load_prices
    from harness.results.store import Campaign

    table = load_prices(prices) if prices else None
    return publish(Campaign.open(path or newest()), strict, table, opens=opens)
