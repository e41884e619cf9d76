"""`harness clean`: what a killed harness left, removed."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.machines import NodesOption
from harness.errors import UsageError


@app.command(
    rich_help_panel=OPERATE, epilog=examples("harness clean", "harness clean --nodes nodes.toml")
)
def clean(nodes: NodesOption = None) -> None:
    """Remove what a killed harness left: processes, containers, folders and git worktrees."""
    from harness.runtimes import remove_abandoned_lock

    n_removed = 0
    for line in _removed(nodes):
        console.print(line)
        n_removed += 1
    remove_abandoned_lock()
    console.print(f"{n_removed} removed" if n_removed else "nothing is left")


def _removed(nodes: Path | None) -> Iterator[str]:
    """Remove one thing after the other, and yield each in words when it is gone."""
    from harness import runtimes
    from harness.gate.worktree import remove_abandoned
    from harness.project import project_root

    yield from runtimes.clean(nodes=nodes)
    with suppress(UsageError):  # run outside of any project
        yield from remove_abandoned(project_root())
