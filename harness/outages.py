"""Faults as they were carried out during a run: what run.json says of them, for whoever judges it.

A fault is recorded with its times in ns since the load began. One that could not be carried out has
no begin: it is no outage, and its run is invalid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

FOREVER_NS: Final = 2**62
"""When a fault is over that nobody undid, or that a service did not recover from."""

PAUSE: Final = "pause"
ENDS_PROCESS: Final = ("kill", "stop", "restart", "wipe")
"""Faults after which another process runs in the place of the first."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One fault that was carried out: its kind, its target, when it began and was overcome."""

    kind: str
    service: str | None
    begun_ns: int
    ended_ns: int
    over_ns: int

    @property
    def ends_process(self) -> bool:
        """Say whether what a process of the service kept to itself was lost."""
        return self.kind in ENDS_PROCESS

    def shifted(self, by_ns: int) -> "Outage":
        """Return the outage on a clock that is `by_ns` ahead."""
        times = (at_ns + by_ns for at_ns in (self.begun_ns, self.ended_ns, self.over_ns))
        return Outage(self.kind, self.service, *times)


def outages(record: Mapping[str, Any]) -> tuple[Outage, ...]:
    """Return the outages of a run in the order of their begin; runs of old have no record of any.

    One has ended when the fault was undone, and is over when all it hit is healthy again.
    """
    found = []
    for fault in record.get("faults") or ():
        if fault["begun_ns"] is None:
            continue
        ended_ns, healthy_ns = (
            FOREVER_NS if fault[name] is None else int(fault[name])
            for name in ("ended_ns", "healthy_ns")
        )
        over_ns = max(ended_ns, healthy_ns)
        found.append(
            Outage(fault["kind"], fault["service"], int(fault["begun_ns"]), ended_ns, over_ns)
        )
    return tuple(sorted(found, key=lambda outage: outage.begun_ns))
