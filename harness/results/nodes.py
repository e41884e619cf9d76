"""The nodes of a deployment on several machines, as run.json and telemetry record them.

run.json has, by the name of a node, its processors (``cpus``), its ``replicas``, and whether it is
``here``: on the machine of the harness and the load generator. Of a deployment on one machine it
has none.
"""

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "node:"
"""What precedes the name of a node where telemetry names what was sampled."""

CLOCK_OFFSET: Final = "clock_offset_s"
"""By how much the clock of a node is ahead of the harness' machine's."""

CLOCK_UNCERTAINTY: Final = "clock_uncertainty_s"
"""How far that may be from the truth at most."""


def nodes_of(deployment: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the nodes of a recorded deployment by their names; none if it was on one machine."""
    return (deployment or {}).get("nodes") or {}
