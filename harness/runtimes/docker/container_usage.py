"""What the containers of a deployment use, by the engine's statistics.

The engine reads its control groups once a second, and a reading waits for that: it takes up to a
second, and costs the engine 12 ms of CPU per container. So readings are taken side by side, and as
seldom as memory is. A container that is started again begins to count from zero; what it had used
by the last reading is kept, what it used since then until its end is lost.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.runtimes.deployment import Usage
from harness.runtimes.docker.container_replica import ContainerReplica
from harness.runtimes.docker.engine import in_parallel

_NANOSECONDS = 1e9


@dataclass(slots=True)
class _Counters:
    """What a container used: before its last start, and since then."""

    retired_s: float = 0.0
    seen_s: float = 0.0
    memory_bytes: int = 0
    tasks: int = 0
    starts: int = 0


class Meter:
    """Reads the statistics of containers, and remembers them over restarts."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Counters] = {}
        self._lock = threading.Lock()

    def started(self, replica: ContainerReplica) -> None:
        """Close the account of a replica's last start: its counters begin anew."""
        with self._lock:
            account = self._accounts.setdefault(replica.id, _Counters())
            account.retired_s += account.seen_s
            account.seen_s = 0.0
            account.starts += 1

    def measure(self, groups: Mapping[str, Iterable[ContainerReplica]]) -> dict[str, Usage]:
        """Return what each group of replicas used; those of several groups are read once."""
        listed = {name: list(replicas) for name, replicas in groups.items()}
        replicas = {one.id: one for group in listed.values() for one in group}
        in_parallel(self._read, replicas.values())
        with self._lock:
            return {name: self._sum(group) for name, group in listed.items()}

    def _read(self, replica: ContainerReplica) -> None:
        with self._lock:
            starts = self._accounts.setdefault(replica.id, _Counters()).starts
        if replica.node.is_away:
            return  # nobody would answer
        reading = replica.node.engine.statistics(replica.id)
        with self._lock:
            account = self._accounts[replica.id]
            if account.starts != starts:
                return  # it was started again meanwhile: whose reading is this?
            account.memory_bytes = _memory_bytes(reading)
            account.tasks = int(reading.get("pids_stats", {}).get("current", 0))
            account.seen_s = max(account.seen_s, _cpu_s(reading))

    def _sum(self, replicas: Iterable[ContainerReplica]) -> Usage:
        accounts = [self._accounts[replica.id] for replica in replicas]
        return Usage(
            cpu_s=sum(one.retired_s + one.seen_s for one in accounts),
            memory_bytes=sum(one.memory_bytes for one in accounts),
            processes=sum(one.tasks for one in accounts),
        )


def _cpu_s(reading: Mapping[str, Any]) -> float:
    usage = reading.get("cpu_stats", {}).get("cpu_usage", {})
    return float(usage.get("total_usage", 0)) / _NANOSECONDS


def _memory_bytes(reading: Mapping[str, Any]) -> int:
    """Return what is in use: without the file cache that could be dropped (cgroup v1, v2)."""
    memory = reading.get("memory_stats", {})
    details = memory.get("stats", {})
    dropped = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(memory.get("usage", 0)) - int(dropped))
