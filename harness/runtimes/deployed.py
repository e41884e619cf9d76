"""A deployment as every runtime has it: replicas by service, and what can be done with them."""

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from signal import Signals
from typing import Any, Generic, TypeVar

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import store_urls
from harness.runtimes.ports import LOOPBACK
from harness.runtimes.protocol import Deployment
from harness.runtimes.replica import Replica
from harness.runtimes.state import StateFolder
from harness.topology import Condition, Topology


class Cancelled(Exception):
    """Bringing the deployment up was given up elsewhere."""


AnyReplica = TypeVar("AnyReplica", bound=Replica)


class Deployed(Deployment, Generic[AnyReplica]):
    """What a runtime has deployed; see `Deployment` for what the methods do."""

    runtime: str
    poll_s: float
    """The time between two questions whether a replica is healthy, in seconds."""
    doctor: str
    """What checks that the runtime works here, for the hint of an error."""

    def __init__(self, topology: Topology, state: StateFolder) -> None:
        self._topology = topology
        self._state = state
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._replicas: dict[str, list[AnyReplica]] = {}

    @abstractmethod
    def _start(self, replicas: Iterable[AnyReplica]) -> None:
        """Start replicas, until each counts as started (Cancelled)."""

    @abstractmethod
    def _port(self, replica: AnyReplica, container_port: int | None = None) -> int:
        """Return the port here of a replica; by default of its first port (UsageError: none)."""

    @abstractmethod
    def _dead(self) -> list[AnyReplica]:
        """Return the replicas that ended although nobody asked them to."""

    @property
    @override
    def topology(self) -> Topology:
        return self._topology

    @property
    @override
    def address(self) -> str:
        return self.urls(self._topology.entry)[0]

    @property
    @override
    def scratch(self) -> Path:
        return self._state.folder("scratch")

    def describe(self, images: Mapping[str, Any], *, enforced: bool) -> dict[str, Any]:
        """Return what a run records of its deployment, and whether limits were `enforced`."""
        stated = {name: one.limits.describe() for name, one in self._topology.services.items()}
        limits = {
            name: {**limit, "enforced": enforced}
            for name, limit in stated.items()
            if any(value is not None for value in limit.values())
        }
        return {"runtime": self.runtime, "images": dict(images), "limits": limits}

    @override
    def urls(self, service: str, port: int | None = None) -> list[str]:
        return [f"http://{LOOPBACK}:{self._port(one, port)}" for one in self.replicas_of(service)]

    @override
    def dsn(self) -> str:
        (ledger,) = self.replicas_of(self._topology.ledger)
        return store_urls.dsn(ledger.service, self._port(ledger))

    @override
    def redis_url(self) -> str | None:
        facts = self._topology.redis
        if facts is None:
            return None
        (store,) = self.replicas_of(facts.service)
        return store_urls.redis_url(store.service, self._port(store))

    @override
    def unexpected_exits(self) -> list[str]:
        return [replica.name for replica in self._dead()]

    @override
    def kill(self, service: str, replica: int, sig: Signals) -> None:
        self._running(service, replica).signal(sig)

    @override
    def kill_process(self, service: str, replica: int, pid: int, sig: Signals) -> None:
        self._running(service, replica).signal_process(pid, sig)

    @override
    def stop(self, service: str, replica: int) -> bool:
        return self._running(service, replica).stop()

    @override
    def wipe(self, service: str, replica: int) -> None:
        self._ended(service, replica).wipe()

    @override
    def save_data(self, service: str, replica: int) -> None:
        self._one(service, replica).save_data()

    @override
    def restore_data(self, service: str, replica: int) -> None:
        self._ended(service, replica).restore_data()

    @override
    def partition(self, service: str, replica: int) -> None:
        self._one(service, replica).partition()

    @override
    def heal(self, service: str, replica: int) -> None:
        self._one(service, replica).heal()

    @override
    def start(self, service: str, replica: int) -> None:
        one = self._ended(service, replica)
        self._start([one])
        self._wait_healthy(one)

    @override
    def wait_ready(self, service: str, replica: int) -> None:
        self._wait_healthy(self._one(service, replica))

    def start_service(self, name: str) -> None:
        """Start all replicas of a service, until each counts as started (Cancelled)."""
        self._start(self.replicas_of(name))

    def wait_service(self, name: str, condition: Condition) -> None:
        """Wait until a service is healthy or has completed (InfrastructureError; Cancelled)."""
        wait = self._wait_completed if condition is Condition.COMPLETED else self._wait_healthy
        for replica in self.replicas_of(name):
            wait(replica)

    def _wait_completed(self, replica: AnyReplica) -> None:
        while (code := replica.exit_code()) is None:
            self._pause()
        if code != 0:
            raise self._death_of(replica)

    def _wait_healthy(self, replica: AnyReplica) -> None:
        check = replica.service.healthcheck
        self._wait(replica, replica.is_healthy, check.longest_wait_s if check else 0.0)

    def _wait(self, replica: AnyReplica, is_ready: Callable[[], bool], limit_s: float) -> None:
        """Wait until a replica is ready (InfrastructureError: it ends, or takes too long)."""
        deadline_s = time.monotonic() + limit_s
        while not is_ready():
            if replica.exit_code() is not None:
                raise self._death_of(replica)
            if time.monotonic() >= deadline_s:
                raise InfrastructureError(
                    f"{self._topology.approach}: {replica.name} is not healthy after "
                    f"{limit_s:g} s; its last lines:\n{replica.last_lines()}",
                    "a slow machine needs a longer start_period in the compose file",
                )
            self._pause()

    def _pause(self) -> None:
        self._closing.wait(self.poll_s)
        self.check_not_closing()

    def raise_if_died(self) -> None:
        """Raise InfrastructureError, with its last lines, if a replica ended unasked."""
        for replica in self._dead():
            raise self._death_of(replica)

    def _death_of(self, replica: AnyReplica) -> InfrastructureError:
        return InfrastructureError(
            f"{self._topology.approach}: {replica.name} ended with {replica.how_it_ended()}; "
            f"its last lines:\n{replica.last_lines()}",
            f"everything was taken down; {self.doctor}",
        )

    def check_not_closing(self) -> None:
        """Raise Cancelled once the deployment is going down."""
        if self._closing.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Let every start and wait that is under way end with Cancelled."""
        self._closing.set()

    def _all(self) -> list[AnyReplica]:
        return [replica for replicas in self._replicas.values() for replica in replicas]

    def replicas_of(self, service: str) -> list[AnyReplica]:
        """Return the replicas of a service (UsageError: there is no such service)."""
        if service not in self._replicas:
            raise UsageError(
                f"{self._topology.approach}: there is no service {service!r}",
                f"services: {', '.join(self._replicas)}",
            )
        return self._replicas[service]

    def _one(self, service: str, number: int) -> AnyReplica:
        replicas = self.replicas_of(service)
        if not 1 <= number <= len(replicas):
            raise UsageError(
                f"{self._topology.approach}: there is no {service}-{number}",
                f"{service} has the replicas 1 to {len(replicas)}",
            )
        return replicas[number - 1]

    def _running(self, service: str, number: int) -> AnyReplica:
        one = self._one(service, number)
        if not one.is_up:
            raise InfrastructureError(f"{one.name} does not run", "start it first")
        return one

    def _ended(self, service: str, number: int) -> AnyReplica:
        one = self._one(service, number)
        if one.is_up:
            raise InfrastructureError(f"{one.name} still runs", "kill it first")
        return one
