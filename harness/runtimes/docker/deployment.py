"""A topology that runs as containers."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from signal import Signals
from typing import Any

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import stores
from harness.runtimes.docker import images
from harness.runtimes.docker.compose import Compose
from harness.runtimes.docker.engine import Engine, at_once
from harness.runtimes.docker.override import Site, override
from harness.runtimes.docker.ownership import labels_of, remove_all
from harness.runtimes.docker.replica import RUNNING, Place, Replica
from harness.runtimes.docker.usage import Meter
from harness.runtimes.ports import LOOPBACK, container_ports, hold, hold_any
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.protocol import OnProgress, Usage, limits_of
from harness.runtimes.start import Cancelled
from harness.runtimes.state import StateFolder
from harness.topology import Condition, Topology

_POLL_S = 0.25
"""Between two questions whether a replica is healthy: each starts a process in its container."""

_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"
_FIRST_ADDRESS = 10
"""The place of the first replica in the subnet; those before it belong to the engine."""


class DockerDeployment:
    """The containers of a topology, and what is known of their addresses."""

    def __init__(self, topology: Topology, engine: Engine, state: StateFolder) -> None:
        self._topology = topology
        self._engine = engine
        self._state = state
        self._labels = labels_of(state.identity)
        self._network = f"flashsale-{state.identity}"
        self._images = images.names(topology)
        self._meter = Meter(engine)
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._is_down = False
        self._held: dict[tuple[str, int], socket.socket] = {}
        self._ports: dict[tuple[str, int], int] = {}
        self._replicas: dict[str, list[Replica]] = {}

    def prepare(self, on_progress: OnProgress) -> None:
        """Hold ports, build and fetch images, make the containers and give them addresses."""
        self._hold_ports()
        laid_over = self._state.path / "override.yml"
        project = self._network
        files = (self._topology.path, laid_over)
        compose = Compose(project, files, self._topology.variables, self._state)
        with self._engine.held_subnet(self._labels, f"{project}-subnet") as subnet:
            site = Site(self._labels, subnet, self._ports, self._images)
            laid_over.write_text(override(self._topology, site), encoding="utf-8")
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
            published = {one.container: one.host for one in service.published}
            for port in container_ports(service) if service.replicas == 1 else ():
                wanted = published.get(port, 0)
                held = hold(wanted, service.name) if wanted else hold_any()
                self._held[service.name, port] = held
                self._ports[service.name, port] = held.getsockname()[1]

    def _find_replicas(self, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        made = sorted(
            (one["Labels"][_SERVICE], int(one["Labels"][_NUMBER]), str(one["Id"]))
            for one in self._engine.containers(f"com.docker.compose.project={self._network}")
        )
        for place, (name, number, container) in enumerate(made, _FIRST_ADDRESS):
            service = self._topology.services[name]
            network = Place(f"{self._network}_default", str(subnet[place]), (name,))
            replica = Replica(self._engine, service, number, container, network)
            self._replicas.setdefault(name, []).append(replica)
        at_once(lambda one: one.settle(), self._all())

    @property
    def topology(self) -> Topology:
        """Return what was deployed."""
        return self._topology

    @property
    def address(self) -> str:
        """Return the base URL of the service that takes the load."""
        return self.urls(self._topology.entry)[0]

    @property
    def scratch(self) -> Path:
        """Return a folder for temporary files of the measurement; `down` removes it."""
        return self._state.folder("scratch")

    def facts(self) -> dict[str, Any]:
        """Return what a run records of its deployment: the images with digests, the limits."""
        return {
            "runtime": "docker",
            "images": images.facts(self._engine, self._images),
            "limits": limits_of(self._topology, enforced=True),
        }

    def urls(self, service: str, port: int | None = None) -> list[str]:
        """Return the HTTP base URL of each replica of a service.

        Raises UsageError if it is unknown or listens nowhere, InfrastructureError if one is down.
        """
        return [f"http://{LOOPBACK}:{self._port(one, port)}" for one in self._of(service)]

    def _port(self, replica: Replica, container_port: int | None = None) -> int:
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

    def dsn(self) -> str:
        """Return the superuser's connection string of the ledger."""
        ledger = self._of(self._topology.ledger)[0]
        return stores.dsn(ledger.service, self._port(ledger))

    def redis_url(self) -> str | None:
        """Return the URL of Redis, or None if the approach has none."""
        facts = self._topology.redis
        if facts is None:
            return None
        store = self._of(facts.service)[0]
        return stores.redis_url(store.service, self._port(store))

    def logs(self) -> Mapping[str, Path]:
        """Write what each replica printed into a file, and return these; `down` removes them."""
        return dict(at_once(self._write_log, self._all()))

    def _write_log(self, replica: Replica) -> tuple[str, Path]:
        path = self._state.logs / f"{replica.name}.log"
        path.write_bytes(self._engine.logs(replica.id))
        return replica.name, path

    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used; without `memory`, nothing: a reading takes a second."""
        return self._meter.measure(self._replicas) if memory else {}

    def processes(self, service: str) -> int:
        """Return how many processes a service has now."""
        return sum(self._engine.processes(one.id) for one in self._of(service))

    def alive(self) -> list[str]:
        """Return the names of the replicas that ended although nobody asked them to."""
        return [replica.name for replica in self._dead()]

    def _dead(self) -> list[Replica]:
        """Return who should have run when the engine was asked, should still, and does not."""
        expected = [one for one in self._all() if one.should_run]
        label = f"com.docker.compose.project={self._network}"
        status = {one["Id"]: one["State"] for one in self._engine.containers(label)}
        return [one for one in expected if one.should_run and status.get(one.id) not in RUNNING]

    def kill(self, service: str, replica: int, sig: Signals) -> None:
        """Send a signal to a replica; SIGKILL ends all its processes before this returns.

        Raises InfrastructureError if it does not run.
        """
        self._running(service, replica).signal(sig)

    def kill_process(self, service: str, replica: int, pid: int, sig: Signals) -> None:
        """Send a signal to one process of a replica, by its id there (InfrastructureError)."""
        self._running(service, replica).signal_process(pid, sig)

    def stop(self, service: str, replica: int) -> bool:
        """Send a replica its stop signal, and wait until it has ended; after its grace, kill it.

        Returns True if it ended by itself.
        """
        return self._running(service, replica).stop()

    def wipe(self, service: str, replica: int) -> None:
        """Delete the data of a replica that is down: it starts as new."""
        self._ended(service, replica).wipe(self._labels)

    def save_data(self, service: str, replica: int) -> None:
        """Copy the data of a replica that runs, in place of an earlier copy."""
        self._running(service, replica).save_data()

    def restore_data(self, service: str, replica: int) -> None:
        """Put what was copied in place of the data of a replica that is down."""
        self._ended(service, replica).restore_data(self._labels)

    def cut(self, service: str, replica: int) -> None:
        """Take a replica off its network; what it holds open is not closed, it falls silent."""
        self._one(service, replica).cut()

    def join(self, service: str, replica: int) -> None:
        """Put a replica that was cut off back on its network, at the address that it had."""
        self._one(service, replica).join()

    def start(self, service: str, replica: int) -> None:
        """Start a replica that has ended, with its data and address, until it is healthy."""
        one = self._ended(service, replica)
        self._start([one])
        self._wait_healthy(one)

    def wait_ready(self, service: str, replica: int) -> None:
        """Wait until a replica is healthy (InfrastructureError: not in its time)."""
        self._wait_healthy(self._one(service, replica))

    def start_service(self, name: str) -> None:
        """Start all replicas of a service (Cancelled)."""
        for (service, _), held in self._held.items():
            if service == name:
                held.close()
        self._start(self._of(name))

    def _start(self, replicas: Iterable[Replica]) -> None:
        for replica in replicas:
            with self._starting:
                self.check_not_closing()
                self._meter.started(replica)
                replica.start()

    def wait_service(self, name: str, condition: Condition) -> None:
        """Wait until a service is healthy or has completed (InfrastructureError; Cancelled)."""
        for replica in self._of(name):
            if condition is Condition.COMPLETED:
                self._wait_completed(replica)
            else:
                self._wait_healthy(replica)

    def _wait_completed(self, replica: Replica) -> None:
        replica.should_run = False  # its end is no death: it is a job
        while replica.exit_code() is None:
            self._pause()
        if replica.exit_code() != 0:
            raise self._death_of(replica)

    def _wait_healthy(self, replica: Replica) -> None:
        check = replica.service.healthcheck
        limit_s = check.patience_s if check else 0.0
        deadline_s = time.monotonic() + limit_s
        while not self._asked(replica, replica.is_healthy):
            if replica.exit_code() is not None:
                raise self._death_of(replica)
            if time.monotonic() >= deadline_s:
                raise InfrastructureError(
                    f"{self._topology.approach}: {replica.name} is not healthy after "
                    f"{limit_s:g} s; its last words:\n{replica.last_words()}",
                    "a slow machine needs a longer start_period in the compose file",
                )
            self._pause()

    def _asked(self, replica: Replica, question: Callable[[], bool]) -> bool:
        """Return the answer; no command can be run in a container that ends just now."""
        try:
            return question()
        except InfrastructureError:
            if replica.exit_code() is not None:
                return False
            raise

    def _pause(self) -> None:
        self._closing.wait(_POLL_S)
        self.check_not_closing()

    def raise_if_died(self) -> None:
        """Raise InfrastructureError, with its last words, if a replica ended unasked."""
        for replica in self._dead():
            raise self._death_of(replica)

    def _death_of(self, replica: Replica) -> InfrastructureError:
        return InfrastructureError(
            f"{self._topology.approach}: {replica.how_it_ended()}",
            "everything was taken down; `harness doctor --runtime docker` checks the engine",
        )

    def check_not_closing(self) -> None:
        """Raise Cancelled once the deployment is going down."""
        if self._closing.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Let every start and wait that is under way end with Cancelled."""
        self._closing.set()

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

    def _all(self) -> list[Replica]:
        return [replica for replicas in self._replicas.values() for replica in replicas]

    def _of(self, service: str) -> list[Replica]:
        if service not in self._replicas:
            raise UsageError(
                f"{self._topology.approach}: there is no service {service!r}",
                f"services: {', '.join(self._replicas)}",
            )
        return self._replicas[service]

    def _one(self, service: str, number: int) -> Replica:
        replicas = self._of(service)
        if not 1 <= number <= len(replicas):
            raise UsageError(
                f"{self._topology.approach}: there is no {service}-{number}",
                f"{service} has the replicas 1 to {len(replicas)}",
            )
        return replicas[number - 1]

    def _running(self, service: str, number: int) -> Replica:
        one = self._one(service, number)
        if not one.runs():
            raise InfrastructureError(f"{one.name} does not run", "start it first")
        return one

    def _ended(self, service: str, number: int) -> Replica:
        one = self._one(service, number)
        if one.runs():
            raise InfrastructureError(f"{one.name} still runs", "kill it first")
        return one
