"""A topology that is up, whatever runs it: replicas by service, and what can be done with them."""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import Signals
from typing import Any, Generic

from typing_extensions import TypeVar

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import store_urls
from harness.runtimes.ports import LOOPBACK
from harness.runtimes.replica import Replica
from harness.runtimes.state import StateFolder
from harness.scenario.sales import Sale
from harness.topology import Condition, Limits, Topology


class Cancelled(Exception):
    """Bringing the deployment up was given up elsewhere."""


AnyReplica = TypeVar("AnyReplica", bound=Replica, default=Any)

UNCHECKED_S = 3.0
"""How long a replica without a health check must have run to count as ready."""

OnProgress = Callable[[str], None]
"""Takes a sentence about every service that becomes ready."""


def no_nodes(node: str) -> UsageError:
    """Return the error that there is no node of a name because there are none at all."""
    return UsageError(
        f"there is no node {node}: everything runs on this machine",
        "use --runtime docker, and name the machines by --nodes",
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What the replicas of one service used.

    `cpu_s` is cumulative since the deployment came up, with the children that ended, and never goes
    back. `memory_bytes` is the newest measurement, 0 before the first: of processes PSS (shared
    pages are divided among those who share them), or RSS where the kernel does not count that; of
    containers what they are charged with, less the file cache that is not in use (`processes` then
    counts threads as well).

    None is what the runtime cannot read: `private_bytes` is the memory that no file and no other
    process shares, `largest_private_bytes` that of the process that has most of it; `open_files`
    counts every open descriptor, `sockets` those that are sockets. They are as new as
    `memory_bytes`.
    """

    cpu_s: float | None
    memory_bytes: int | None
    processes: int | None
    private_bytes: int | None = None
    largest_private_bytes: int | None = None
    open_files: int | None = None
    sockets: int | None = None


class Deployment(ABC, Generic[AnyReplica]):
    """A topology that is up. Replicas count from 1."""

    runtime: str
    is_ours: bool = True
    """Whether this process brought it up; what is not ours may refuse what is asked of it."""
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
    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a run records of its deployment: runtime, images, limits.

        ``images`` has the image and its digest by service, ``limits`` the CPUs and bytes by service
        and whether they were enforced.
        """

    @abstractmethod
    def logs(self) -> Mapping[str, Path]:
        """Return the log of each replica, by its name, such as ``api-1``."""

    @abstractmethod
    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used; without `memory`, that stays what it last was.

        A runtime whose readings are costly takes them with `memory` only, and else returns none.
        """

    @abstractmethod
    def processes(self, service: str) -> int:
        """Return how many processes a service has now."""

    @abstractmethod
    def down(self) -> None:
        """Stop everything and remove it; the second call does nothing."""

    @abstractmethod
    def _start(self, replicas: Iterable[AnyReplica]) -> None:
        """Start replicas, until each counts as started (Cancelled)."""

    @abstractmethod
    def _port(self, replica: AnyReplica, container_port: int | None = None) -> int:
        """Return the port here of a replica; by default of its first port (UsageError: none)."""

    @abstractmethod
    def _dead(self) -> list[AnyReplica]:
        """Return the replicas that ended although nobody asked them to."""

    def _host(self, replica: AnyReplica) -> str:
        """Return the address at which this machine reaches a replica's ports."""
        return LOOPBACK

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        """Return by how much each node's clock is ahead, and how sure that is, both in s.

        Nothing if all runs on this machine.
        """
        return {}

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

    def describe(self, images: Mapping[str, Any], *, enforced: bool) -> dict[str, Any]:
        """Return what a run records of its deployment, and whether limits were `enforced`."""
        limits = {
            name: {**asdict(one.limits), "enforced": enforced}
            for name, one in self._topology.services.items()
            if one.limits != Limits()
        }
        return {"runtime": self.runtime, "images": dict(images), "limits": limits}

    def urls(self, service: str, port: int | None = None) -> list[str]:
        """Return the HTTP base URL of each replica of a service; by default of its first port."""
        return [f"http://{self._place(one, port)}" for one in self.replicas_of(service)]

    def dsn(self) -> str:
        """Return the superuser's connection string of the ledger."""
        (ledger,) = self.replicas_of(self._topology.ledger)
        return store_urls.dsn(ledger.service, self._place(ledger))

    def redis_url(self) -> str | None:
        """Return the URL of Redis, or None if the approach has none."""
        facts = self._topology.redis
        if facts is None:
            return None
        (store,) = self.replicas_of(facts.service)
        return store_urls.redis_url(store.service, self._place(store))

    def _place(self, replica: AnyReplica, container_port: int | None = None) -> str:
        """Return ``<address>:<port>`` of a replica's port, by default of its first."""
        return f"{self._host(replica)}:{self._port(replica, container_port)}"

    def payment_seed(self, seed: int) -> str | None:
        """Return what the payment gateway draws from in a run of this seed; None: not known."""
        return str(seed)

    def empty_and_seed(self, price_cents: int, sales: Sequence[Sale], warm_up_product: int) -> bool:
        """Empty and seed the stores, if the deployment has a way of its own; return whether.

        Raises InfrastructureError if that fails.
        """
        return False

    def unexpected_exits(self) -> list[str]:
        """Return the names of the replicas that ended although nobody asked them to."""
        return [replica.name for replica in self._dead()]

    def kill(self, service: str, replica: int, sig: Signals) -> None:
        """Send a signal to a replica; that it ends afterwards is expected.

        Raises InfrastructureError if it does not run.
        """
        self._running(service, replica).signal(sig)

    def kill_process(self, service: str, replica: int, pid: int, sig: Signals) -> None:
        """Send a signal to one process of a replica (InfrastructureError: it has no such one)."""
        self._running(service, replica).signal_process(pid, sig)

    def stop(self, service: str, replica: int) -> bool:
        """Send a replica its stop signal, and wait until it has ended; after its grace, kill it.

        Returns True if it ended by itself.
        """
        return self._running(service, replica).stop()

    def wipe(self, service: str, replica: int) -> None:
        """Delete the data of a replica that is down: it starts as new.

        Raises UsageError if it has none, InfrastructureError if it runs.
        """
        self._ended(service, replica).wipe()

    def save_data(self, service: str, replica: int) -> None:
        """Copy the data of a replica, which may run, in place of an earlier copy.

        Files that are only appended to are copied up to some moment of the call.
        Raises UsageError if it has no data.
        """
        self._one(service, replica).save_data()

    def restore_data(self, service: str, replica: int) -> None:
        """Put what was copied in place of the data of a replica that is down.

        Raises UsageError if it has no data, InfrastructureError if it runs or nothing was copied.
        """
        self._ended(service, replica).restore_data()

    def partition(self, service: str, replica: int) -> None:
        """Take a replica off its network (UsageError: it has none of its own)."""
        self._one(service, replica).partition()

    def heal(self, service: str, replica: int) -> None:
        """Put a replica that was taken off back on its network, at the address that it had."""
        self._one(service, replica).heal()

    def partition_node(self, node: str) -> None:
        """Take a node off the network (UsageError: there is none, or no command for it)."""
        raise no_nodes(node)

    def stop_node(self, node: str) -> None:
        """Stop the engine of a node, and with it all replicas on it (UsageError: as above)."""
        raise no_nodes(node)

    def bring_back_node(self, node: str) -> None:
        """Undo what was done to a node, until its engine is there again."""
        raise no_nodes(node)

    def revive_node(self, node: str) -> None:
        """Start the replicas on a node that ended, and wait until all on it are healthy."""
        raise no_nodes(node)

    def services_on(self, node: str) -> list[str]:
        """Return the services of which a node runs a replica (UsageError: there is none)."""
        raise no_nodes(node)

    def start(self, service: str, replica: int) -> None:
        """Start a replica that has ended, with the same port and data, until it is healthy."""
        one = self._ended(service, replica)
        self._start([one])
        self._wait_healthy(one)

    def wait_ready(self, service: str, replica: int) -> None:
        """Wait until a replica is healthy (InfrastructureError: not in its time)."""
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
        if check is None:
            settled_s = time.monotonic() + UNCHECKED_S
            self._wait(replica, lambda: time.monotonic() >= settled_s, math.inf)
        else:
            self._wait(replica, replica.is_healthy, check.longest_wait_s)

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
