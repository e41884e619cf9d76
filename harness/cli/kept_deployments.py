"""What `harness up` keeps up, as the commands find it that are about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.runtimes import Kept
    from harness.topology import Topology

KeptArgument = Annotated[
    str | None, typer.Argument(help="The approach; may be left out if only one is up.")
]


def kept_deployment(approach: str | None) -> "Kept | None":
    """Return the deployment that is meant; None if nothing is up, or that one is not."""
    from harness.runtimes import kept
    from harness.runtimes.kept import words
    from harness.topology import discover, project_root

    found = kept()
    if approach is None:
        if len(found) > 1:
            raise UsageError(f"several are up: {words(found)}", "say which one")
        return found[0] if found else None
    one = next((one for one in found if one.approach == approach), None)
    if one is None:
        known_approach(approach, discover(project_root()))
    return one


def known_approach(approach: str, topologies: "Mapping[str, Topology]") -> "Topology":
    """Return an approach by its name (UsageError: there is none)."""
    if approach not in topologies:
        known = ", ".join(sorted(topologies))
        raise UsageError(f"there is no approach named {approach!r}", f"known approaches: {known}")
    return topologies[approach]
