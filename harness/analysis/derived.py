"""Stored campaigns: what is derived from the runs of one, of two, or of many."""

from pathlib import Path
from typing import Any

from harness import analysis
from harness.analysis import Compared, Prices, Stored
from harness.analysis.trends import Excluded, History
from harness.errors import UsageError
from harness.results.store import Campaign, load_findings, read_json
from harness.results.versions import is_readable

_NAME_IT = "name the folder that holds the campaigns of a scenario, such as results/nightly"


def summarise(campaign: Campaign, prices: Prices | None = None) -> dict[str, Any]:
    """Derive summary.json from the stored runs; costs by another price table if there is one."""
    runs = campaign.load_runs()
    audits = {
        run.index: load_findings(folder)
        for run, folder in zip(runs, campaign.run_folders(), strict=True)
    }
    summary: dict[str, Any] = analysis.summarise(campaign.description(), runs, audits, prices)
    campaign.write_json("summary.json", summary)
    return summary


def compare(first: Path, second: Path) -> Compared:
    """Compare two stored campaigns, A and B; what speaks against it is in the result.

    Raises UsageError for a folder that holds none that can be read.
    """
    files = [read_json(path / "campaign.json") for path in (first, second)]
    reasons = [] if all(map(is_readable, files)) else analysis.different_schemas(*files)
    if reasons:
        return Compared(reasons=tuple(reasons))
    return analysis.compare(stored(first), stored(second))


def history(folder: Path) -> History:
    """Return the history of every campaign below a folder.

    Raises UsageError if none of its own folders is a campaign: what lies deeper in any folder, such
    as that for temporary files, may be of anybody. Raises it as well if no campaign has metrics.
    """
    if not any(folder.glob("*/campaign.json")):
        raise UsageError(f"{folder} holds no campaign: there is no */campaign.json in it", _NAME_IT)
    campaigns: dict[str, Stored] = {}
    unreadable = []
    for path in sorted(folder.rglob("campaign.json")):
        name = path.parent.relative_to(folder).as_posix()
        try:
            campaigns[name] = stored(path.parent)
        except UsageError as error:
            unreadable.append(Excluded(name, (error.message,)))
    found = analysis.history(campaigns, unreadable)
    if found is None:
        few = "; ".join(f"{one.folder}: {one.reasons[0]}" for one in unreadable)
        raise UsageError(
            f"there is no campaign with metrics below {folder}" + (f" ({few})" if few else ""),
            _NAME_IT,
        )
    return found


def stored(path: Path) -> Stored:
    """Read a campaign as far as it is compared; raise UsageError if the folder holds none."""
    campaign = Campaign.open(path)
    records = campaign.records()
    return Stored(
        description=campaign.description(),
        summary=_summary(campaign, {record.index for record in records}),
        deployments=[record.deployment for record in records if record.deployment is not None],
    )


def _summary(campaign: Campaign, runs: set[int]) -> dict[str, Any]:
    """Return summary.json; made anew if it is missing, old, or does not cover the finished runs."""
    path = campaign.path / "summary.json"
    if path.exists() and not analysis.is_outdated(summary := read_json(path)):
        covered = {run["index"] for one in summary["variants"] for run in one["runs"]}
        if covered == runs:
            return summary
    return summarise(campaign)
