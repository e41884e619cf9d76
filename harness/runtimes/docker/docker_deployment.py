"""A topology that runs as containers."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.deployment import Deployment, OnProgress, Usage
from harness.runtimes.docker import images
from harness.runtimes.docker.compose import Compose
from harness.runtimes.docker.compose_override import Allocation, compose_override
from harness.runtimes.docker.container_replica import RUNNING, ContainerReplica, NetworkEndpoint
from harness.runtimes.docker.container_usage import Meter
from harness.runtimes.docker.engine import Engine, in_parallel
from harness.runtimes.docker.ownership import labels_of, remove_all
from harness.runtimes.ports import container_ports, hold_for
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.state import StateFolder
from harness.topology import Topology

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"
_FIRST_ADDRESS = 10
"""The first replica's number in the subnet; the addresses before it belong to the engine."""


class DockerDeployment(Deployment[ContainerReplica]):
    """The containers of a topology, and what is known of their addresses."""

    runtime = "docker"
    poll_s = 0.25  # each question starts a process in the container
    doctor = "`harness doctor --runtime docker` checks the engine"

    def __init__(self, topology: Topology, engine: Engine, state: StateFolder) -> None:
        super().__init__(topology, state)
        self._engine = engine
        self._labels = labels_of(state.identity)
        self._project = f"flashsale-{state.identity}"
        self._images = images.names(topology)
        self._meter = Meter(engine)
        self._is_down = False
        self._held: dict[tuple[str, int], socket.socket] = {}
        self._ports: dict[tuple[str, int], int] = {}

    def prepare(self, on_progress: OnProgress) -> None:
        """Hold ports, build and fetch images, make the containers and give them addresses."""
        self._hold_ports()
        override = self._state.path / "override.yml"
        files = (self._topology.path, override)
        compose = Compose(self._project, files, self._topology.variables, self._state)
        with self._engine.held_subnet(self._labels, f"{self._project}-subnet") as subnet:
            allocation = Allocation(self._labels, subnet, self._ports, self._images)
            override.write_text(compose_override(self._topology, allocation), encoding="utf-8")
            on_progress("building the image")
            images.build(self._topology, compose, self._engine, self._images)
            images.pull(self._topology, compose, self._engine, self._images)
        on_progress("making the containers")
        services = sorted(self._topology.services)
        compose.run("create", "--no-build", *services, what="cannot make the containers")
        self._find_replicas(ipaddress.ip_network(subnet))

    def _hold_ports(self) -> None:
        """Hold a port for each port of a single replica; others get theirs from the engine."""
        for service in self._topology.services.values():
            for port in container_ports(service) if service.replicas == 1 else ():
                held = hold_for(service, port)
                self._held[service.name, port] = held
                self._ports[service.name, port] = held.getsockname()[1]

    def _find_replicas(self, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        made = sorted(
            (one["Labels"][_SERVICE], int(one["Labels"][_NUMBER]), str(one["Id"]))
            for one in self._engine.containers(f"{_PROJECT}={self._project}")
        )
        for host, (name, number, container) in enumerate(made, _FIRST_ADDRESS):
            service = self._topology.services[name]
            endpoint = NetworkEndpoint(f"{self._project}_default", str(subnet[host]), (name,))
            replica = ContainerReplica(
                self._engine, service, number, container, endpoint, self._labels
            )
            replica.is_job = self._topology.runs_once(name)
            self._replicas.setdefault(name, []).append(replica)
        in_parallel(ContainerReplica.prepare, self._all())

    @override
    def facts(self) -> dict[str, Any]:
        return self.describe(images.facts(self._engine, self._images), enforced=True)

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
        served = self._engine.inspect(replica.id)["NetworkSettings"]["Ports"]
        bindings = served.get(f"{inside}/tcp")
        if not bindings:
            raise InfrastructureError(f"{replica.name} does not run", "start it first")
        return int(bindings[0]["HostPort"])

    @override
    def logs(self) -> Mapping[str, Path]:
        """Write what each replica printed into a file, and return these; `down` removes them."""
        return dict(in_parallel(self._write_log, self._all()))

    def _write_log(self, replica: ContainerReplica) -> tuple[str, Path]:
        path = self._state.logs / f"{replica.name}.log"
        path.write_bytes(self._engine.logs(replica.id))
        return replica.name, path

    @override
    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used; without `memory`, nothing: a reading takes a second."""
        return self._meter.measure(self._replicas) if memory else {}

    @override
    def processes(self, service: str) -> int:
        return sum(self._engine.processes(one.id) for one in self.replicas_of(service))

    def _dead(self) -> list[ContainerReplica]:
        """Return who should have run when the engine was asked, should still, and does not."""
        expected = [one for one in self._all() if one.should_run]
        listed = self._engine.containers(f"{_PROJECT}={self._project}")
        status = {one["Id"]: one["State"] for one in listed}
        return [one for one in expected if one.should_run and status.get(one.id) not in RUNNING]

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
            remove_all(self._engine, self._state.identity)
            self._state.remove()
            self._engine.close()
            self._is_down = True
