"""`harness clean`: what a killed harness left, removed."""

from contextlib import suppress

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.machines import NodesOption
from harness.errors import UsageError


@app.command(
    rich_help_panel=OPERATE, epilog=examples("harness clean", "harness clean --nodes nodes.toml")
)
def clean(nodes: NodesOption = None) -> None:
    """Remove what a killed harness left: processes, containers, folders and git worktrees."""
    from harness import runtimes
    from harness.gate.worktree import remove_abandoned
    from harness.project import project_root

    removed = runtimes.clean(nodes=nodes)
    with suppress(UsageError):  # run outside of any project
        removed += remove_abandoned(project_root())
    runtimes.remove_abandoned_lock()
    for line in removed:
        console.print(line)
    console.print("nothing is left" if not removed else f"{len(removed)} removed")
