"""What the services of a deployment use: CPU, memory, open files, processes.

Memory is PSS from ``smaps_rollup`` (proc_pid_smaps(5)), which divides a shared page among those who
map it, so forked workers and PostgreSQL's shared buffers are not counted many times. The kernel
walks a process's page tables for it, so it may be left out of a measurement, and open files with
it. Where it cannot be read, RSS stands in.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from harness.runtimes.deployment import Usage
from harness.runtimes.local.process_replica import ProcessReplica
from harness.runtimes.processes import ProcessTable, Stat

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"(?m)^(Pss|Pss_Anon):\s+(\d+) kB")


class Meter:
    """Measures replicas, and remembers what each service held when that was last read."""

    def __init__(self) -> None:
        self._held: dict[str, Usage] = {}

    def measure(
        self, services: Mapping[str, Iterable[ProcessReplica]], *, memory: bool
    ) -> dict[str, Usage]:
        """Return the usage of each service, with memory measured anew or as it last was."""
        table = ProcessTable()
        for name, listed in services.items():
            replicas = list(listed)
            pids = [pid for replica in replicas if (pid := replica.pid) is not None]
            family = [stat for pid in pids for stat in table.family(pid)]
            used = self._held.get(name, Usage(cpu_s=0.0, memory_bytes=0, processes=0))
            if memory:
                used = _held_by(family)
            self._held[name] = replace(
                used,
                cpu_s=sum(replica.cpu_s(table) for replica in replicas),
                processes=len(family),
            )
        return dict(self._held)


def _held_by(family: Iterable[Stat]) -> Usage:
    """Read what a family of processes holds; None is what could not be read of one of them."""
    total_bytes = 0
    private: list[int | None] = []
    files: list[tuple[int, int] | None] = []
    for stat in family:
        read = _pss_bytes(stat.pid)
        total_bytes += stat.rss_pages * _PAGE_BYTES if read is None else read.get(b"Pss", 0)
        private.append(None if read is None else read.get(b"Pss_Anon"))
        files.append(_open_files(stat.pid))
    known = [held for held in private if held is not None]
    counted = [count for count in files if count is not None]
    knows_private = len(known) == len(private)
    knows_files = len(counted) == len(files)
    return Usage(
        cpu_s=0.0,
        memory_bytes=total_bytes,
        processes=len(private),
        private_bytes=sum(known) if knows_private else None,
        largest_private_bytes=max(known, default=0) if knows_private else None,
        open_files=sum(count for count, _ in counted) if knows_files else None,
        sockets=sum(count for _, count in counted) if knows_files else None,
    )


def _pss_bytes(pid: int) -> dict[bytes, int] | None:
    """Return a process's Pss and Pss_Anon; 0 if it has ended, None if it cannot be read."""
    try:
        content = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return None if Path(f"/proc/{pid}").exists() else {b"Pss": 0, b"Pss_Anon": 0}
    except OSError:
        return None
    read = {name: int(size) * 1024 for name, size in _PSS.findall(content)}
    return read if b"Pss" in read else None


def _open_files(pid: int) -> tuple[int, int] | None:
    """Return how many files a process has open, and how many of them are sockets.

    0 if it has ended meanwhile, None if they may not be read.
    """
    count = sockets = 0
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                try:
                    sockets += os.readlink(entry.path).startswith("socket:")
                except FileNotFoundError:
                    continue  # closed meanwhile
                count += 1
    except (ProcessLookupError, FileNotFoundError):
        return 0, 0
    except OSError:
        return None
    return count, sockets
