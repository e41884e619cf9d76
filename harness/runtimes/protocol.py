"""What the harness asks of a runtime: small protocols, so that a fake is a page long."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

from harness.scenario.faults import Fault
from harness.topology import Topology

OnProgress = Callable[[str], None]
"""Takes a sentence about every service that becomes ready."""


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

    cpu_s: float
    memory_bytes: int
    processes: int
    private_bytes: int | None = None
    largest_private_bytes: int | None = None
    open_files: int | None = None
    sockets: int | None = None


class Deployment(Protocol):
    """A topology that is up. Replicas count from 1."""

    @property
    def topology(self) -> Topology:
        """Return what was deployed."""

    @property
    def address(self) -> str:
        """Return the base URL of the service that takes the load."""

    @property
    def scratch(self) -> Path:
        """Return a folder for temporary files of the measurement; `down` removes it."""

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a run records of its deployment: runtime, images, limits.

        ``images`` has the image and its digest by service, ``limits`` the CPUs and bytes by service
        and whether they were enforced.
        """

    def urls(self, service: str, port: int | None = None) -> list[str]:
        """Return the HTTP base URL of each replica of a service; by default of its first port."""

    def dsn(self) -> str:
        """Return the superuser's connection string of the ledger."""

    def redis_url(self) -> str | None:
        """Return the URL of Redis, or None if the approach has none."""

    def kill(self, service: str, replica: int, sig: Signals) -> None:
        """Send a signal to a replica; that it ends afterwards is expected.

        Raises InfrastructureError if it does not run.
        """

    def kill_process(self, service: str, replica: int, pid: int, sig: Signals) -> None:
        """Send a signal to one process of a replica (InfrastructureError: it has no such one)."""

    def stop(self, service: str, replica: int) -> bool:
        """Send a replica its stop signal, and wait until it has ended; after its grace, kill it.

        Returns True if it ended by itself.
        """

    def wipe(self, service: str, replica: int) -> None:
        """Delete the data of a replica that is down: it starts as new.

        Raises UsageError if it has none, InfrastructureError if it runs.
        """

    def save_data(self, service: str, replica: int) -> None:
        """Copy the data of a replica, which may run, in place of an earlier copy.

        Files that are only appended to are copied up to some moment of the call.
        Raises UsageError if it has no data.
        """

    def restore_data(self, service: str, replica: int) -> None:
        """Put what was copied in place of the data of a replica that is down.

        Raises UsageError if it has no data, InfrastructureError if it runs or nothing was copied.
        """

    def start(self, service: str, replica: int) -> None:
        """Start a replica that has ended, with the same port and data, until it is healthy."""

    def partition(self, service: str, replica: int) -> None:
        """Take a replica off its network (UsageError: it has none of its own)."""

    def heal(self, service: str, replica: int) -> None:
        """Put a replica that was taken off back on its network, at the address that it had."""

    def wait_ready(self, service: str, replica: int) -> None:
        """Wait until a replica is healthy (InfrastructureError: not in its time)."""

    def logs(self) -> Mapping[str, Path]:
        """Return the log of each replica, by its name, such as ``api-1``."""

    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used; without `memory`, that stays what it last was.

        A runtime whose readings are costly takes them with `memory` only, and else returns none.
        """

    def processes(self, service: str) -> int:
        """Return how many processes a service has now."""

    def unexpected_exits(self) -> list[str]:
        """Return the names of the replicas that ended although nobody asked them to."""

    def down(self) -> None:
        """Stop everything and remove it; the second call does nothing."""


class Runtime(Protocol):
    """Brings topologies up."""

    @property
    def name(self) -> str:
        """Return the name under which campaigns record it."""

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a campaign records of the runtime: its name and versions."""

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for what is asked and this runtime cannot do; nothing is deployed."""

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> Deployment:
        """Bring a topology up, until every service is ready.

        Raises InfrastructureError, with the last lines of what failed, after removing everything.
        """
