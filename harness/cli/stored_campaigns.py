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


def publish(
    stored: "Campaign", strict: bool, prices: "Prices | None" = None, *, opens: bool = False
) -> ExitCode:
    """Write summary and report, print what the campaign comes to, and return its exit code.

    A search for a capacity has capacity.json as well. `opens` shows the report in the user's
    browser.
    """
    import report
    from harness import capacity
    from harness.analysis import derived
    from harness.cli.capacity_lines import capacity_verdict, print_capacities
    from harness.cli.outcome import campaign_verdict
    from harness.cli.result_lines import print_result

    derived.summarise(stored, prices)
    found = capacity.derive(stored) if "capacity" in stored.description() else None
    written = report.write(stored.path)
    if found is None:
        verdict = campaign_verdict(stored, strict=strict)
        print_result(stored, verdict, written.said.in_a_line)
    else:
        verdict = capacity_verdict(found)
        print_capacities(found, verdict)
    console.print(f"report: {written.page}", markup=False)
    if opens:
        _open(written.page)
    return verdict.exit_code


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        console.print("no browser was found: open the report by hand")
