"""One approach by hand: deployed, seeded, and recorded for other terminals."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.campaign import world
from harness.campaign.reset import reset
from harness.campaign.systems import Request, without_case
from harness.errors import UsageError
from harness.runtimes import (
    Addresses,
    Deployment,
    DeploymentRecord,
    OnProgress,
    RunningDeployment,
    Runtime,
    beside_no_measurement,
)
from harness.scenario.model import Scenario
from harness.topology import Topology, discover


@contextmanager
def keep_up(
    request: Request, root: Path, runtime: Runtime, port: int, on_progress: OnProgress
) -> Iterator[tuple[Deployment, RunningDeployment]]:
    """Keep the one approach of a request up and seeded while the block lasts.

    Raises UsageError if it is up already or the runtime cannot have it, InfrastructureError if it
    does not come up or somebody measures; then, as after the block, nothing is left.
    """
    (approach,) = request.approaches
    scenario, seed = request.scenario, request.seed
    variables = world.variables(scenario, seed, port=port)
    topology = without_case(request, root)[approach].with_variables(variables)
    runtime.check(topology, ())
    with beside_no_measurement():
        stated = scenario.model_dump(mode="json")
        announcement = DeploymentRecord(approach, runtime.name, stated, seed)
        try:
            deployment = runtime.up(topology, on_progress=on_progress)
            try:
                reset(deployment, scenario, scenario.sales(seed))
                yield deployment, announcement.ready(deployment)
            finally:
                deployment.down()
        finally:
            announcement.withdraw()


def reset_kept(one: RunningDeployment, root: Path) -> dict[str, Any]:
    """Empty and seed a deployment that another process keeps up, and return the proof.

    Raises UsageError if it is still coming up or its compose file is gone, InfrastructureError if
    a store does not answer.
    """
    addresses = one.reachable_at()
    topologies = discover(root)
    if one.approach not in topologies:
        raise UsageError(f"{root} has no compose file of {one.approach}", "run it in the project")
    scenario = Scenario.model_validate(one.scenario)
    found = _Elsewhere(topologies[one.approach], addresses)
    return reset(found, scenario, scenario.sales(one.seed))


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A deployment of another process, by its addresses."""

    topology: Topology
    _addresses: Addresses

    @property
    def address(self) -> str:
        return self._addresses.shop

    def dsn(self) -> str:
        return self._addresses.dsn

    def redis_url(self) -> str | None:
        return self._addresses.redis_url
