"""The campaigns in results/, and the report of one."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.application import console
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.analysis import Prices
    from harness.capacity.capacity_document import CapacityDocument
    from harness.results.store import Campaign

CampaignArgument = Annotated[
    Path | None, typer.Argument(help="Folder of a campaign; the newest in results/ if left out.")
]


def campaigns(root: Path) -> list[Path]:
    """Return the folders of all campaigns in results/, the newest last."""
    found = (root / "results").glob("*/campaign.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.stat().st_mtime)


def new_folder(kind: str) -> Path:
    """Return where something new is stored if nobody says: by its kind, and the date and time."""
    from harness.project import results_root

    return results_root() / "results" / f"{kind}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


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
    from harness.analysis import derived
    from harness.cli.outcome import campaign_verdict
    from harness.cli.result_lines import print_result

    derived.summarise(stored, prices)
    found = _capacities(stored)
    written = report.write(stored.path)
    if found is None:
        verdict = campaign_verdict(stored, strict=strict)
        print_result(stored, verdict, written.said.in_a_line)
    else:
        from harness.cli.capacity_lines import capacity_verdict, print_capacities

        verdict = capacity_verdict(found)
        print_capacities(found, verdict)
    console.print(f"report: {written.page}", markup=False)
    if opens:
        _open(written.page)
    return verdict.exit_code


def _capacities(stored: "Campaign") -> "CapacityDocument | None":
    """Write capacity.json of a search and return it; None for any other campaign."""
    if "capacity" not in stored.description():
        return None
    from harness import capacity  # all that measures comes with it

    return capacity.derive(stored)


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        console.print("no browser was found: open the report by hand")
