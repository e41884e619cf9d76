"""The CPU time of foreign processes: those that do not belong to the harness.

They explain what the counters of the machine show. It is not exact: a process that began and ended
between two readings is not seen, and neither is one outside of a container that hides it.
Processes in a container are left out, because those of a deployment are accounted for already.
"""

import re
from collections import Counter
from pathlib import Path

from harness.runtimes.processes import CLOCK_TICKS_PER_S, ProcessTable, Stat

NOTABLE_S = 0.5
"""Processes that used less CPU time in all are not reported."""

_IN_CONTAINER = re.compile(r"docker[-/]|libpod-|kubepods")


class ForeignProcesses:
    """Adds up, by name, the CPU time that foreign processes use from reading to reading.

    All processes are foreign but the process `leader` and its descendants.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._seen = {(stat.pid, stat.start_ticks): stat.cpu_ticks for stat in ProcessTable().all()}
        self._used_ticks: Counter[str] = Counter()

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds of notable foreign processes since the first reading, by name."""
        table = ProcessTable()
        ours = {stat.pid for stat in table.family(self._leader)}
        seen = {}
        for stat in table.all():
            identity = (stat.pid, stat.start_ticks)
            seen[identity] = stat.cpu_ticks
            used_ticks = stat.cpu_ticks - self._seen.get(identity, 0)
            if used_ticks > 0 and stat.pid not in ours and not _is_in_container(stat):
                self._used_ticks[_name(stat)] += used_ticks
        self._seen = seen
        used = {name: ticks / CLOCK_TICKS_PER_S for name, ticks in self._used_ticks.items()}
        return {name: used_s for name, used_s in used.items() if used_s >= NOTABLE_S}


def _name(stat: Stat) -> str:
    return _read(stat.pid, "comm").strip() or "unknown"


def _is_in_container(stat: Stat) -> bool:
    return bool(_IN_CONTAINER.search(_read(stat.pid, "cgroup")))


def _read(pid: int, file: str) -> str:
    """Return a file of /proc about a process; "" if it has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
