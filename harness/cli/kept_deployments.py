"""What `harness up` keeps up, as the commands find it that are about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.runtimes import RunningDeployment

KeptArgument = Annotated[
    str | None, typer.Argument(help="The approach; may be left out if only one is up.")
]


def kept_deployment(approach: str | None) -> "RunningDeployment | None":
    """Return the deployment that is meant; None if nothing is up, or that one is not."""
    from harness.project import project_root
    from harness.runtimes import list_running
    from harness.runtimes.running_deployments import describe_running
    from harness.topology import find_approach

    found = list_running()
    if approach is None:
        if len(found) > 1:
            raise UsageError(f"several are up: {describe_running(found)}", "say which one")
        return found[0] if found else None
    one = next((one for one in found if one.approach == approach), None)
    if one is None:
        find_approach(project_root(), approach)
    return one
