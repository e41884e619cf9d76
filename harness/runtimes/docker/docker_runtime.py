"""Brings a topology up as containers, with Docker Compose and the engines of one or more nodes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.runtimes.bring_up import bring_up, no_progress
from harness.runtimes.deployment import OnProgress, no_nodes
from harness.runtimes.docker import ownership
from harness.runtimes.docker.cluster import Cluster
from harness.runtimes.docker.compose import compose_version
from harness.runtimes.docker.docker_deployment import DockerDeployment
from harness.runtimes.docker.images import with_images_of_the_environment
from harness.runtimes.docker.nodes_file import NodesFile
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.state import StateFolder, clean, default_state_root
from harness.scenario.faults import Fault
from harness.topology import Topology


class DockerRuntime:
    """Deploys topologies as projects of Docker Compose, each under a name of its own.

    `nodes` names the engines; without it there is that of this machine.
    """

    name = "docker"

    def __init__(self, state_root: Path | None = None, nodes: NodesFile | None = None) -> None:
        self._state_root = state_root or default_state_root()
        self._nodes = nodes

    def facts(self) -> dict[str, Any]:
        """Return what a campaign records: the versions of Compose and engines, and the nodes.

        Raises InfrastructureError if one of them is missing, not running, or too old, and if
        several engines are not one swarm.
        """
        compose = compose_version()
        cluster = Cluster.connected(self._nodes)
        try:
            return {"name": self.name, "compose": compose, **cluster.facts()}
        finally:
            cluster.close()

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for a service that nodes name and no approach has.

        So for a fault of a node that is not there, or has no command for it; all others can be
        injected into a container.
        """
        if self._nodes is not None:
            self._nodes.check_services(topology)
        for fault in faults:
            if fault.node is not None:
                if self._nodes is None:
                    raise no_nodes(fault.node)
                self._nodes.node(fault.node).check_breakable(fault.kind)

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> DockerDeployment:
        """Bring a topology up, until every service is ready.

        Removes first what killed harnesses left. Raises UsageError for a replica that no node can
        take, and InfrastructureError with the last lines of what failed; then, as after Ctrl-C,
        everything is removed.
        """
        compose_version()
        clean(self._state_root)
        cluster = Cluster.connected(self._nodes)
        deployment = None
        progress = on_progress or no_progress
        try:
            ownership.clean(cluster.engines)
            chosen = with_images_of_the_environment(topology)
            placement = cluster.place(chosen)
            with interrupts_deferred():  # a Ctrl-C meanwhile is raised at the end of this block
                state = StateFolder(self._state_root, topology.approach)
                deployment = DockerDeployment(chosen, cluster, placement, state)
            deployment.prepare(progress)
            bring_up(deployment, progress)
        except BaseException:
            try:
                if deployment is not None:
                    deployment.down()
            finally:
                cluster.close()
            raise
        return deployment
