"""What was brought up by hand: the process that owns it, and where it can be reached.

The record is in a state folder of the owner, whatever the runtime, so it is removed when the owner
ends, and by `clean` if the owner was killed. It has passwords in it: only its user may read it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.runtimes.deployment import Deployment
from harness.runtimes.processes import is_running, read_stat
from harness.runtimes.state import StateFolder, default_state_root

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a deployment can be reached: the shop, each replica by HTTP, and the stores."""

    shop: str
    services: Mapping[str, list[str]]
    dsn: str
    redis_url: str | None


@dataclass(frozen=True, slots=True)
class RunningDeployment:
    """A deployment that was brought up by hand; without addresses it is still coming up.

    With `start_ticks` the owner is not confused with a later process of its `pid`; `scenario` (as
    JSON) and `seed` are those of what was put on sale.
    """

    approach: str
    runtime: str
    scenario: Mapping[str, Any]
    seed: int
    pid: int
    start_ticks: int
    folder: str
    addresses: Addresses | None = None

    @property
    def file(self) -> Path:
        """Return the record."""
        return Path(self.folder) / _FILE

    @property
    def log(self) -> Path:
        """Return what an owner without a terminal writes to."""
        return Path(self.folder) / "logs" / "owner.log"

    def reachable_at(self) -> Addresses:
        """Return the addresses (UsageError: it is still coming up)."""
        if self.addresses is None:
            raise UsageError(f"{self.approach} is still coming up", "wait until it is")
        return self.addresses


class DeploymentRecord:
    """The record of a deployment that this process owns."""

    def __init__(
        self,
        approach: str,
        runtime: str,
        scenario: Mapping[str, Any],
        seed: int,
        state_root: Path | None = None,
    ) -> None:
        """Record that an approach is coming up (UsageError: it is up already).

        Two that record the same at once see each other, because each looks after it has written.
        """
        root = state_root or default_state_root()
        me = read_stat(os.getpid())
        self._state = StateFolder(root, approach)
        self.deployment = RunningDeployment(
            approach=approach,
            runtime=runtime,
            scenario=scenario,
            seed=seed,
            pid=os.getpid(),
            start_ticks=me.start_ticks if me else 0,
            folder=str(self._state.path),
        )
        self._write()
        others = [
            one
            for one in list_running(root)
            if one.approach == approach and one.folder != self.deployment.folder
        ]
        if others:
            self.withdraw()
            raise UsageError(
                f"{approach} is up already: {describe_running(others)}",
                f"take it down first: harness down {approach}",
            )

    def ready(self, deployment: Deployment) -> RunningDeployment:
        """Record where the deployment can be reached."""
        topology = deployment.topology
        stores = {topology.ledger, topology.redis.service if topology.redis else None}
        addresses = Addresses(
            shop=deployment.address,
            services={
                name: deployment.urls(name)
                for name, service in topology.services.items()
                if service.ports and name not in stores
            },
            dsn=deployment.dsn(),
            redis_url=deployment.redis_url(),
        )
        self.deployment = replace(self.deployment, addresses=addresses)
        self._write()
        return self.deployment

    def withdraw(self) -> None:
        """Remove the record, and the folder that it is in."""
        self._state.remove()

    def _write(self) -> None:
        fresh = self.deployment.file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self.deployment), file)
        fresh.replace(self.deployment.file)


def list_running(state_root: Path | None = None) -> list[RunningDeployment]:
    """Return what this user has up on this machine, or is bringing up, by approach."""
    root = state_root or default_state_root()
    try:
        read = [_read(path) for path in root.glob(f"*/{_FILE}")]
    except FileNotFoundError:  # the folder goes with whoever was last in it
        return []
    living = [one for one in read if one is not None and is_running(one.pid, one.start_ticks)]
    return sorted(living, key=lambda one: one.approach)


def describe_running(found: list[RunningDeployment]) -> str:
    """Return deployments in words, each with its owner."""
    return ", ".join(f"{one.approach} ({one.runtime}, pid {one.pid})" for one in found)


def _read(path: Path) -> RunningDeployment | None:
    """Read a record; None if it was removed meanwhile."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    addresses = stored.pop("addresses")
    return RunningDeployment(**stored, addresses=Addresses(**addresses) if addresses else None)
