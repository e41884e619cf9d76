"""Brings a topology up as containers, with Docker Compose and the engine of this machine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.runtimes.bring_up import bring_up, no_progress
from harness.runtimes.deployment import OnProgress
from harness.runtimes.docker import ownership
from harness.runtimes.docker.compose import compose_version
from harness.runtimes.docker.docker_deployment import DockerDeployment
from harness.runtimes.docker.engine import Engine
from harness.runtimes.docker.images import with_images_of_the_environment
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.state import StateFolder, clean, default_state_root
from harness.scenario.faults import Fault
from harness.topology import Topology


class DockerRuntime:
    """Deploys topologies as projects of Docker Compose, each under a name of its own."""

    name = "docker"

    def __init__(self, state_root: Path | None = None) -> None:
        self._state_root = state_root or default_state_root()

    def facts(self) -> dict[str, Any]:
        """Return what a campaign records: the versions of engine and Compose.

        Raises InfrastructureError if one of them is missing, not running, or too old.
        """
        compose = compose_version()
        engine = Engine()
        try:
            return {"name": self.name, "compose": compose, **engine.facts()}
        finally:
            engine.close()

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Accept every fault: all of them can be injected into a container."""

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> DockerDeployment:
        """Bring a topology up, until every service is ready.

        Removes first what killed harnesses left. Raises InfrastructureError, with the last lines of
        what failed; then, as after Ctrl-C, everything is removed.
        """
        compose_version()
        clean(self._state_root)
        engine = Engine()
        deployment = None
        progress = on_progress or no_progress
        try:
            ownership.clean(engine)
            with interrupts_deferred():  # a Ctrl-C meanwhile is raised at the end of this block
                state = StateFolder(self._state_root, topology.approach)
                deployment = DockerDeployment(
                    with_images_of_the_environment(topology), engine, state
                )
            deployment.prepare(progress)
            bring_up(deployment, progress)
        except BaseException:
            if deployment is not None:
                deployment.down()
            engine.close()
            raise
        return deployment
