"""Brings a topology up as processes of this machine."""

import resource
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.runtimes.bring_up import bring_up, no_progress
from harness.runtimes.deployment import OnProgress, no_nodes
from harness.runtimes.local.addresses import AddressBook
from harness.runtimes.local.launch import Site
from harness.runtimes.local.local_deployment import LocalDeployment
from harness.runtimes.local.process_replica import no_networks
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.state import StateFolder, clean, default_state_root
from harness.scenario.faults import Fault
from harness.topology import Topology


class LocalRuntime:
    """Deploys topologies as processes of this machine, below a folder for temporary files.

    `pythons` has the interpreter of a project by its root; others run on this one.
    """

    name = "local"

    def __init__(
        self, state_root: Path | None = None, pythons: Mapping[Path, Path] | None = None
    ) -> None:
        self._state_root = state_root or default_state_root()
        self._pythons = pythons or {}

    def facts(self) -> dict[str, Any]:
        """Return what a campaign records: the versions are those of the locked packages."""
        return {"name": self.name}

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for a fault that cannot be made here."""
        for fault in faults:
            if fault.node is not None:
                raise no_nodes(fault.node)
            if fault.declared.isolates:
                raise no_networks(f"{topology.approach}: {fault.service}")

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> LocalDeployment:
        """Bring a topology up, until every service is ready.

        Removes first what killed harnesses left. Raises InfrastructureError with the last lines of
        what failed, and UsageError for what the compose file asks and this runtime has not; then,
        as after Ctrl-C, everything is removed.
        """
        clean(self._state_root)
        _allow_open_files()
        deployment = None
        try:
            with interrupts_deferred():  # a Ctrl-C meanwhile is raised at the end of this block
                deployment = self._prepare(topology)
            bring_up(deployment, on_progress or no_progress)
        except BaseException:
            if deployment is not None:
                deployment.down()
            raise
        return deployment

    def _prepare(self, topology: Topology) -> LocalDeployment:
        addresses = AddressBook(topology)
        state = None
        try:
            state = StateFolder(self._state_root, topology.approach)
            python = self._pythons.get(topology.root, Path(sys.executable))
            return LocalDeployment(Site(topology, state, addresses, python))
        except BaseException:
            addresses.release_all()
            if state is not None:
                state.remove()
            raise


def _allow_open_files() -> None:
    """Raise the soft limit of open files, which services inherit, to the hard one.

    An ordinary user's is often 1,024; a container's is not, and each buyer is a connection.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
