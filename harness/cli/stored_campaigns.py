"""The campaigns in results/, and the report of one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.application import console
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.analysis import Prices
    from harness.results.store import Campaign

CampaignArgument = Annotated[
    Path | None, typer.Argument(help="Folder of a campaign; the newest in results/ if left out.")
]


def campaigns(root: Path) -> list[Path]:
    """Return the folders of all campaigns in results/, the newest last."""
    found = (root / "results").glob("*/campaign.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.stat().st_mtime)


def newest() -> Path:
    """Return the folder of the newest campaign (UsageError: there is none)."""
    from harness.project import results_root

    stored = campaigns(results_root())
    if not stored:
        raise UsageError("there is no campaign in results/", "make one with `harness run`")
    return stored[-1]


def publish(stored: "Campaign", strict: bool, prices: "Prices | None" = None) -> ExitCode:
    """Write summary and report, print what the campaign comes to, and return its exit code."""
    import report
    from harness import campaign
    from harness.cli.outcome import campaign_exit_code, print_outcome

    campaign.summarise(stored, prices)
    page = report.build(stored.path)
    print_outcome(console, stored)
    console.print(f"report: {page}")
    return campaign_exit_code(stored, strict=strict)
