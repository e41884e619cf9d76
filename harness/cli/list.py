"""`harness list`: scenarios, approaches, stored campaigns, and what is up by hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from harness.cli.application import app, print_json, print_table
from harness.cli.help_pages import READ, examples
from harness.cli.options import JsonOption
from harness.cli.stored_campaigns import campaigns
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.results.status import CampaignStatus
    from harness.runtimes import RunningDeployment
    from harness.scenario.model import Scenario
    from harness.topology import Topology


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is; of a campaign that cannot be read, the reason."""

    scenarios: "Mapping[str, Scenario]"
    approaches: "Mapping[str, Topology]"
    campaigns: "Sequence[tuple[Path, CampaignStatus | str]]"
    running: "Sequence[RunningDeployment]"


@app.command(
    "list",
    rich_help_panel=READ,
    epilog=examples("harness list", "harness list --json | jq -r '.campaigns[-1].path'"),
)
def list_command(as_json: JsonOption = False) -> None:
    """List the scenarios, the approaches, the stored campaigns, and what is up by hand."""
    from harness.project import project_root, results_root
    from harness.runtimes import list_running
    from harness.scenario.model import load_scenario
    from harness.scenario.names import known_scenarios
    from harness.topology import discover

    root = project_root()
    found = _Found(
        scenarios={name: load_scenario(name, root) for name in known_scenarios(root)},
        approaches=dict(sorted(discover(root).items())),
        campaigns=list(_statuses(campaigns(results_root()))),
        running=list_running(),
    )
    if as_json:
        print_json(_document(found))
    else:
        print_table(_table(found))


def _statuses(folders: Sequence[Path]) -> "Iterator[tuple[Path, CampaignStatus | str]]":
    from harness.results.status import campaign_status

    for folder in folders:
        try:
            yield folder, campaign_status(folder)
        except UsageError as error:
            yield folder, error.message


def _document(found: _Found) -> dict[str, Any]:
    return {
        "scenarios": [
            {"name": name, "title": one.title, "cases": [case.name for case in one.cases]}
            for name, one in found.scenarios.items()
        ],
        "approaches": [
            {"name": name, "title": one.title, "containers": one.containers}
            for name, one in found.approaches.items()
        ],
        "campaigns": [
            {"path": str(folder), "status": None, "error": status}
            if isinstance(status, str)
            else {"path": str(folder), "status": asdict(status), "error": None}
            for folder, status in found.campaigns
        ],
        "running": [
            {
                "approach": one.approach,
                "runtime": one.runtime,
                "pid": one.pid,
                "shop": one.addresses.shop if one.addresses else None,
            }
            for one in found.running
        ],
    }


def _table(found: _Found) -> Table:
    table = Table("kind", "name", "what it is", box=None)
    for name, scenario in found.scenarios.items():
        cases = f", {len(scenario.cases)} cases" if scenario.cases else ""
        table.add_row("scenario", name, f"{scenario.title}{cases}")
    for name, topology in found.approaches.items():
        table.add_row("approach", name, f"{topology.title}, {topology.containers} containers")
    for folder, status in found.campaigns:
        words = status if isinstance(status, str) else status.words
        table.add_row("campaign", str(folder), words)
    for up in found.running:
        where = up.addresses.shop if up.addresses else "coming up"
        table.add_row("up by hand", up.approach, f"{where}, {up.runtime}, pid {up.pid}")
    return table
