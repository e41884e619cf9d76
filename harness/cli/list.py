"""`harness list`: scenarios, approaches, stored campaigns, and what is up by hand."""

from rich.table import Table

from harness.cli.application import app, print_table
from harness.cli.stored_campaigns import campaigns
from harness.errors import UsageError


@app.command("list")
def list_command() -> None:
    """List the scenarios, the approaches, the stored campaigns, and what is up by hand."""
    from harness.project import project_root, results_root
    from harness.results.status import campaign_status
    from harness.runtimes import list_running
    from harness.scenario.model import known_scenarios, load_scenario
    from harness.topology import discover

    root = project_root()
    table = Table("kind", "name", "what it is", box=None)
    for name in known_scenarios(root):
        one = load_scenario(name, root)
        cases = f", {len(one.cases)} cases" if one.cases else ""
        table.add_row("scenario", name, f"{one.title}{cases}")
    for name, topology in sorted(discover(root).items()):
        table.add_row("approach", name, f"{topology.title}, {topology.containers} containers")
    for folder in campaigns(results_root()):
        try:
            words = campaign_status(folder).words
        except UsageError as error:
            words = error.message
        table.add_row("campaign", str(folder), words)
    for up in list_running():
        where = up.addresses.shop if up.addresses else "coming up"
        table.add_row("up by hand", up.approach, f"{where}, {up.runtime}, pid {up.pid}")
    print_table(table)
