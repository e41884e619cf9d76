"""What the harness asks of a runtime: a small protocol, so that a fake is a page long."""

from collections.abc import Iterable
from typing import Any, Protocol

from harness.runtimes.deployment import Deployment, OnProgress
from harness.scenario.faults import Fault
from harness.topology import Topology


class Runtime(Protocol):
    """Brings topologies up."""

    @property
    def name(self) -> str:
        """Return the name under which campaigns record it."""

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a campaign records of the runtime: its name and versions."""

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for what is asked and this runtime cannot do; nothing is deployed."""

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> Deployment:
        """Bring a topology up, until every service is ready.

        Raises InfrastructureError, with the last lines of what failed, after removing everything.
        """
