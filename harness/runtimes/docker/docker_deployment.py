"""A topology that runs as containers."""

import ipaddress
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.results.nodes import SOURCE
from harness.runtimes.deployment import Deployment, OnProgress, Usage, no_nodes
from harness.runtimes.docker import images
from harness.runtimes.docker.cluster import Cluster
from harness.runtimes.docker.compose import Compose
from harness.runtimes.docker.compose_override import Allocation, Share, compose_override
from harness.runtimes.docker.container_replica import RUNNING, ContainerReplica, NetworkEndpoint
from harness.runtimes.docker.container_usage import Meter
from harness.runtimes.docker.engine import in_parallel
from harness.runtimes.docker.node import Node
from harness.runtimes.docker.ownership import labels_of, remove_all
from harness.runtimes.docker.placement import Placement, replicas_on
from harness.runtimes.ports import LOOPBACK, container_ports, draw_for, hold_for
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.state import StateFolder
from harness.topology import Topology

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"
_FIRST_ADDRESS = 10
"""The first replica's number in the subnet, less one for each node: what lies before it belongs to
the engines, each of which takes one of a network that they share."""


class DockerDeployment(Deployment[ContainerReplica]):
    """The containers of a topology, and what is known of their addresses."""

    runtime = "docker"
    poll_s = 0.25  # each question starts a process in the container
    doctor = "`harness doctor --runtime docker` checks the engine"

    def __init__(
        self, topology: Topology, cluster: Cluster, placement: Placement, state: StateFolder
    ) -> None:
        super().__init__(topology, state)
        self._cluster = cluster
        self._placement = placement
        self._labels = labels_of(state.identity)
        self._project = f"flashsale-{state.identity}"
        self._images = images.names(topology)
        self._meter = Meter()
        self._is_down = False
        self._held: dict[tuple[str, int], socket.socket] = {}
        self._ports: dict[tuple[str, int], int] = {}

    def prepare(self, on_progress: OnProgress) -> None:
        """Hold ports, build and fetch images, make the containers and give them addresses."""
        self._hold_ports()
        with self._cluster.network(f"{self._project}_default", self._labels) as network:
            allocation = Allocation(self._labels, network.description, self._ports, self._images)
            composes = {node.name: self._compose(node, allocation) for node in self._cluster.nodes}
            on_progress("building the image")
            builder, compose = self._cluster.builder, composes[self._cluster.nodes[0].name]
            images.build(self._topology, compose, builder, self._images)
            images.pull(self._topology, compose, builder, self._images)
            for node in self._cluster.nodes:
                needed = {self._images[name] for name in self._numbers_on(node)}
                images.copy(needed, builder, node.engine)
        on_progress("making the containers")
        for node in self._cluster.nodes:
            services = sorted(self._numbers_on(node))
            if services:
                what = "cannot make the containers" + self._on(node)
                composes[node.name].run("create", "--no-build", *services, what=what)
        self._find_replicas(ipaddress.ip_network(network.subnet))

    def _compose(self, node: Node, allocation: Allocation) -> Compose:
        """Return what makes the containers of a node."""
        replicas = {name: len(numbers) for name, numbers in self._numbers_on(node).items()}
        override = self._state.path / f"override-{node.name}.yml"
        share = Share(replicas, node.address)
        override.write_text(compose_override(self._topology, allocation, share), encoding="utf-8")
        files = (self._topology.path, override)
        variables = self._topology.variables
        return Compose(self._project, files, variables, self._state, node.engine.variables)

    def _numbers_on(self, node: Node) -> dict[str, list[int]]:
        return replicas_on(self._placement, node.name)

    def _on(self, node: Node) -> str:
        return f" on {node.name}" if self._cluster.is_named else ""

    def _hold_ports(self) -> None:
        """Hold a port for each port of a single replica; others get theirs from the engine."""
        for service in self._topology.services.values():
            for port in container_ports(service) if service.replicas == 1 else ():
                (name,) = self._placement[service.name]
                if self._cluster.node(name).address == LOOPBACK:
                    held = hold_for(service, port)
                    self._held[service.name, port] = held
                    self._ports[service.name, port] = held.getsockname()[1]
                else:
                    drawn = draw_for(service, port, self._ports.values())
                    self._ports[service.name, port] = drawn

    def _find_replicas(self, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        """Find the containers that were made, and give each its address."""
        made = sorted(
            ((name, number, container, node) for node in self._cluster.nodes
             for name, number, container in self._made_on(node)),
            key=lambda one: one[:2],
        )  # fmt: skip
        first = _FIRST_ADDRESS + len(self._cluster.nodes)
        for host, (name, number, container, node) in enumerate(made, first):
            service = self._topology.services[name]
            endpoint = NetworkEndpoint(f"{self._project}_default", str(subnet[host]), (name,))
            replica = ContainerReplica(node, service, number, container, endpoint, self._labels)
            replica.is_job = self._topology.runs_once(name)
            self._replicas.setdefault(name, []).append(replica)
        in_parallel(ContainerReplica.prepare, self._all())

    def _made_on(self, node: Node) -> Iterator[tuple[str, int, str]]:
        """Yield service, number and id of each container of a node.

        Compose counts the containers of a service from 1 on each engine.
        """
        numbers = self._numbers_on(node)
        for one in node.engine.containers(f"{_PROJECT}={self._project}"):
            name, count = one["Labels"][_SERVICE], int(one["Labels"][_NUMBER])
            yield name, numbers[name][count - 1], str(one["Id"])

    @override
    def facts(self) -> dict[str, Any]:
        facts = self.describe(images.facts(self._cluster.builder, self._images), enforced=True)
        if self._cluster.is_named:
            facts["nodes"] = {
                node.name: {
                    "here": node.engine.address.is_here,
                    "cpus": node.place.cpus,
                    "replicas": [one.name for one in self._replicas_on(node)],
                }
                for node in self._cluster.nodes
            }
        return facts

    def _port(self, replica: ContainerReplica, container_port: int | None = None) -> int:
        """Return the port here of a replica; one of several gets a new one at each start."""
        ports = container_ports(replica.service)
        inside = ports[0] if ports and container_port is None else container_port
        if inside not in ports:
            raise UsageError(
                f"{self._topology.path.name}: {replica.service.name} does not listen there",
                "list the port under `expose:`",
            )
        fixed = self._ports.get((replica.service.name, inside))
        if fixed is not None:
            return fixed
        served = replica.node.engine.inspect(replica.id)["NetworkSettings"]["Ports"]
        bindings = served.get(f"{inside}/tcp")
        if not bindings:
            raise InfrastructureError(f"{replica.name} does not run", "start it first")
        return int(bindings[0]["HostPort"])

    @override
    def _host(self, replica: ContainerReplica) -> str:
        return replica.node.address

    @override
    def logs(self) -> Mapping[str, Path]:
        """Write what each replica printed into a file, and return these; `down` removes them."""
        return dict(in_parallel(self._write_log, self._all()))

    def _write_log(self, replica: ContainerReplica) -> tuple[str, Path]:
        path = self._state.logs / f"{replica.name}.log"
        path.write_bytes(replica.node.engine.logs(replica.id))
        return replica.name, path

    @override
    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used, and each node that a file names (``node:NAME``).

        Without `memory` that is nothing: a reading takes a second. A node that is away has that of
        its last reading.
        """
        if not memory:
            return {}
        groups = dict(self._replicas)
        if self._cluster.is_named:
            for node in self._cluster.nodes:
                groups[f"{SOURCE}{node.name}"] = self._replicas_on(node)
        return self._meter.measure(groups)

    @override
    def clocks(self) -> Mapping[str, tuple[float, float]]:
        nodes = [node for node in self._cluster.nodes if not node.is_away]
        return dict(in_parallel(_clock, nodes)) if self._cluster.is_named else {}

    @override
    def processes(self, service: str) -> int:
        return sum(one.node.engine.processes(one.id) for one in self.replicas_of(service))

    def _replicas_on(self, node: Node) -> list[ContainerReplica]:
        return [one for one in self._all() if one.node is node]

    @override
    def partition_node(self, node: str) -> None:
        self._node_with_replicas(node).break_by("partition")

    @override
    def stop_node(self, node: str) -> None:
        broken = self._node_with_replicas(node)
        for replica in self._replicas_on(broken):
            replica.should_run = False
        broken.break_by("stop")

    @override
    def bring_back_node(self, node: str) -> None:
        self._node(node).bring_back()

    @override
    def revive_node(self, node: str) -> None:
        replicas = [one for one in self._replicas_on(self._node(node)) if not one.is_job]
        for layer in self._topology.start_order():
            due = [one for one in replicas if one.service.name in layer]
            self._start(one for one in due if not one.is_up)
            for one in due:
                self._wait_healthy(one)

    @override
    def services_on(self, node: str) -> list[str]:
        return list(dict.fromkeys(one.service.name for one in self._replicas_on(self._node(node))))

    def _node_with_replicas(self, name: str) -> Node:
        node = self._node(name)
        if not self._replicas_on(node):
            raise InfrastructureError(
                f"{name} runs no replica, so a fault of it would hit nobody",
                "name a service for it in the file of --nodes",
            )
        return node

    def _node(self, name: str) -> Node:
        if not self._cluster.is_named:
            raise no_nodes(name)
        return self._cluster.node(name)

    def _dead(self) -> list[ContainerReplica]:
        """Return who should have run when the engines were asked, should still, and does not.

        Of a node that is away, nobody is asked for.
        """
        expected = [one for one in self._all() if one.should_run and not one.node.is_away]
        asked = [node for node in self._cluster.nodes if not node.is_away]
        status: dict[str, str] = {}
        for listed in in_parallel(self._listed_on, asked):
            status |= {one["Id"]: one["State"] for one in listed}
        return [
            one
            for one in expected
            if one.should_run and not one.node.is_away and status.get(one.id) not in RUNNING
        ]

    def _listed_on(self, node: Node) -> list[dict[str, Any]]:
        try:
            return node.engine.containers(f"{_PROJECT}={self._project}")
        except InfrastructureError:
            if node.is_away:  # by now
                return []
            raise

    def start_service(self, name: str) -> None:
        """Start all replicas of a service (Cancelled)."""
        for (service, _), held in self._held.items():
            if service == name:
                held.close()
        super().start_service(name)

    def _start(self, replicas: Iterable[ContainerReplica]) -> None:
        for replica in replicas:
            with self._starting:
                self.check_not_closing()
                self._meter.started(replica)
                replica.start()

    def down(self) -> None:
        """End and remove everything; the second call does nothing.

        Containers are killed: what they would still write is removed with them.
        """
        self.cancel()
        with interrupts_deferred(), self._starting:
            if self._is_down:
                return
            for held in self._held.values():
                held.close()
            for node in self._cluster.nodes:
                with suppress(InfrastructureError):  # if it stays away, its engine says so next
                    node.bring_back()
            self._is_down = True
            try:
                remove_all(self._cluster.engines, self._state.identity)
            finally:
                self._state.remove()
                self._cluster.close()


def _clock(node: Node) -> tuple[str, tuple[float, float]]:
    return node.name, node.engine.clock()
