"""What the services of a deployment use: CPU, memory, processes.

Memory is PSS from ``smaps_rollup`` (proc_pid_smaps(5)), which divides a shared page among those who
map it, so forked workers and PostgreSQL's shared buffers are not counted many times. The kernel
walks a process's page tables for it, so it may be left out of a measurement. Where it cannot be
read, RSS stands in, and the source says so.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.runtimes.local.replica import Replica
from harness.runtimes.processes import ProcessTable, Stat
from harness.runtimes.protocol import Usage

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"(?m)^Pss:\s+(\d+) kB")


class Meter:
    """Measures replicas, and remembers the newest memory of each service."""

    def __init__(self) -> None:
        self._memory: dict[str, tuple[int, str]] = {}

    def measure(
        self, services: Mapping[str, Iterable[Replica]], *, memory: bool
    ) -> dict[str, Usage]:
        """Return the usage of each service, with memory measured anew or as it last was."""
        table = ProcessTable()
        usage = {}
        for name, listed in services.items():
            replicas = list(listed)
            family = [
                stat
                for replica in replicas
                if (pid := replica.pid) is not None
                for stat in table.family(pid)
            ]
            if memory:
                self._memory[name] = _memory(family)
            memory_bytes, source = self._memory.get(name, (0, "pss"))
            usage[name] = Usage(
                cpu_s=sum(replica.cpu_s(table) for replica in replicas),
                memory_bytes=memory_bytes,
                processes=len(family),
                memory_source=source,
            )
        return usage


def _memory(family: Iterable[Stat]) -> tuple[int, str]:
    """Return the bytes of a family and their source: pss, or rss if one tells no PSS."""
    total_bytes, source = 0, "pss"
    for stat in family:
        pss_bytes = _pss_bytes(stat.pid)
        if pss_bytes is None:
            source = "rss"
            pss_bytes = stat.rss_pages * _PAGE_BYTES
        total_bytes += pss_bytes
    return total_bytes, source


def _pss_bytes(pid: int) -> int | None:
    """Return a process's PSS; 0 if it has ended meanwhile, None if the kernel does not tell."""
    try:
        match = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
    except (ProcessLookupError, FileNotFoundError):
        return None if Path(f"/proc/{pid}").exists() else 0
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None
