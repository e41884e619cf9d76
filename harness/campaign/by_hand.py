"""One approach by hand: deployed, seeded, and recorded for other terminals."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.campaign import compose_variables
from harness.campaign.store_reset import reset, reset_stores
from harness.campaign.topologies import Request, without_case
from harness.errors import UsageError
from harness.results.record import ResetProof
from harness.runtimes import (
    Deployment,
    DeploymentRecord,
    OnProgress,
    RunningDeployment,
    Runtime,
    beside_no_measurement,
)
from harness.scenario.model import Scenario
from harness.topology import discover


@contextmanager
def keep_up(
    request: Request, root: Path, runtime: Runtime, port: int, on_progress: OnProgress
) -> Iterator[tuple[Deployment, RunningDeployment]]:
    """Keep the one variant of a request up and seeded while the block lasts.

    Raises UsageError if it is up already or the runtime cannot have it, InfrastructureError if it
    does not come up or somebody measures; then, as after the block, nothing is left.
    """
    (variant,) = request.variants
    scenario, seed = request.scenario, request.seed
    variables = compose_variables.variables(scenario, seed, port=port)
    topology = without_case(request, root)[variant.name].with_variables(variables)
    runtime.check(topology, ())
    with beside_no_measurement():
        stated = scenario.model_dump(mode="json")
        record = DeploymentRecord(variant.approach, runtime.name, stated, seed)
        try:
            deployment = runtime.up(topology, on_progress=on_progress)
            try:
                reset(deployment, scenario, scenario.sales(seed))
                yield deployment, record.ready(deployment)
            finally:
                deployment.down()
        finally:
            record.withdraw()


def reset_kept(one: RunningDeployment, root: Path) -> ResetProof:
    """Empty and seed a deployment that another process keeps up, and return the proof.

    Raises UsageError if it is still coming up or its compose file is gone, InfrastructureError if
    a store does not answer.
    """
    addresses = one.reachable_at()
    topologies = discover(root)
    if one.approach not in topologies:
        raise UsageError(f"{root} has no compose file of {one.approach}", "run it in the project")
    scenario = Scenario.model_validate(one.scenario)
    return reset_stores(topologies[one.approach], addresses, scenario, scenario.sales(one.seed))
