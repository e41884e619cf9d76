"""The runtime that deploys nothing: it measures what its endpoints say is there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from harness.errors import UsageError
from harness.runtime_names import ATTACHED
from harness.runtimes.attached.attached_deployment import AttachedDeployment
from harness.runtimes.attached.endpoints import load_endpoints
from harness.runtimes.bring_up import no_progress
from harness.runtimes.deployment import OnProgress
from harness.runtimes.state import StateFolder, clean, default_state_root
from harness.scenario.fault_kinds import Hits
from harness.scenario.faults import Fault
from harness.topology import Topology

NEEDS: Final = {
    "kill": ("kill",),
    "stop": ("stop",),
    "restart": ("stop",),
    "pause": ("pause", "resume"),
    "partition": ("partition", "heal"),
    "wipe": ("kill", "wipe"),
    "refuse_writes": (),
}
"""The commands that a kind of fault takes, of those that hit a replica or a store; of others it is
not known how they would be made (drain: nobody says whether a replica ended by itself; throttle,
freeze, restore_old, and whatever hits a single process)."""


class AttachedRuntime:
    """Measures one deployment, as it is: what is varied must have been varied by its owner."""

    name = ATTACHED

    def __init__(self, file: Path, state_root: Path | None = None) -> None:
        """Read the file of endpoints (UsageError)."""
        self._file = file
        self._endpoints = load_endpoints(file)
        self._state_root = state_root or default_state_root()
        self._measured: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """Return what a campaign records: what could be asked and done, and no address."""
        known = self._endpoints
        commands = known.faults.model_dump()
        return {
            "name": self.name,
            "gateway": known.gateway is not None,
            "payment_draws": known.gateway is not None and known.gateway.seed is not None,
            "metrics": sorted(known.metrics),
            "prometheus": known.prometheus is not None,
            "reset": "the harness" if known.reset is None else "a command",
            "fault_commands": sorted(name for name, text in commands.items() if text is not None),
        }

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for what the endpoints do not reach, or give no command for."""
        described = topology.describe()
        if self._measured not in (None, described):
            raise UsageError(
                f"{self._file}: it is one deployment, and more than one is to be measured",
                "say which with --approach, and how it is deployed with --scale and --set",
            )
        self._measured = described
        self._endpoints.check(topology, self._file)
        for fault in faults:
            self._check_fault(topology, fault)

    def up(
        self, topology: Topology, *, on_progress: OnProgress | None = None
    ) -> AttachedDeployment:
        """Find the deployment where the endpoints say (InfrastructureError: something is not)."""
        clean(self._state_root)
        state = StateFolder(self._state_root, topology.approach)
        deployment = AttachedDeployment(topology, state, self._endpoints)
        try:
            deployment.check_reachable(on_progress or no_progress)
        except BaseException:
            deployment.down()
            raise
        return deployment

    def _check_fault(self, topology: Topology, fault: Fault) -> None:
        what = f"{topology.approach}: {fault.kind} {fault.target}"
        hits = fault.declared.hits
        if hits is Hits.GATEWAY:
            if self._endpoints.gateway is None:
                raise UsageError(f"{what}: {self._file} names no gateway", "add gateway.url")
            return
        if hits is Hits.ACCOUNTS:
            return
        if fault.process is not None or fault.kind not in NEEDS:
            raise UsageError(
                f"{what}: the attached runtime cannot do that",
                f"it can do {', '.join(NEEDS)}, and what the gateway does; leave the fault out",
            )
        for command in NEEDS[fault.kind]:
            if getattr(self._endpoints.faults, command) is None:
                raise UsageError(
                    f"{what}: {self._file} has no command for it", f"add faults.{command}"
                )
        if fault.service is not None and not self._has_health(topology, fault.service):
            raise UsageError(
                f"{what}: nobody could say when {fault.service} is healthy again",
                f"add health.{fault.service} to {self._file}",
            )

    def _has_health(self, topology: Topology, service: str) -> bool:
        stores = {topology.ledger, topology.redis.service if topology.redis else None}
        return service in stores or service in self._endpoints.health
