"""Faults as they were carried out during a run, as run.json records them.

A fault is recorded with its times in ns since the load began. One that could not be carried out has
no begin: it is no outage, and its run is invalid.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from harness.results.record import FaultRecord, RunRecord
from harness.scenario.fault_kinds import FaultKind, Hits, fault_kind

FOREVER_NS: Final = 2**62
"""When a fault is over that nobody undid, or that a service did not recover from."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One fault that was carried out: its kind, its target, when it began and was overcome.

    It has ended when the fault was undone, and is over when all that it hit is healthy again.
    """

    kind: str
    service: str | None
    begun_ns: int
    ended_ns: int
    over_ns: int
    replica: int | str | None = 1
    services: tuple[str, ...] = ()
    """The services of which the node that was hit ran a replica."""

    @classmethod
    def of(cls, fault: FaultRecord) -> Self:
        """Return a recorded fault that has a begin."""
        assert fault.begun_ns is not None  # noqa: S101 - whoever asks has looked
        ended_ns, healthy_ns = (
            FOREVER_NS if at_ns is None else at_ns for at_ns in (fault.ended_ns, fault.healthy_ns)
        )
        over_ns = max(ended_ns, healthy_ns)
        return cls(
            fault.kind,
            fault.service,
            fault.begun_ns,
            ended_ns,
            over_ns,
            fault.replica,
            tuple(fault.services),
        )

    def hits(self, service: str | None) -> bool:
        """Return True if a replica of a service was hit, alone or with its node."""
        return service is not None and service in (self.service, *self.services)

    @property
    def declared(self) -> FaultKind:
        """Return the declaration of its kind: what it holds up, and what it may lose."""
        return fault_kind(self.kind)

    def shifted(self, by_ns: int) -> "Outage":
        """Return the outage on a clock that is `by_ns` ahead."""
        return replace(
            self,
            begun_ns=self.begun_ns + by_ns,
            ended_ns=self.ended_ns + by_ns,
            over_ns=self.over_ns + by_ns,
        )


def outages(record: RunRecord) -> tuple[Outage, ...]:
    """Return the outages of a run in the order of their begin; a run of old records none.

    Accounts that were deleted are no outage, and excuse nothing that others were answered.
    """
    carried_out = [
        Outage.of(fault)
        for fault in record.faults
        if fault.begun_ns is not None and not hits_accounts(fault.kind)
    ]
    return tuple(sorted(carried_out, key=lambda outage: outage.begun_ns))


def hits_accounts(kind: str) -> bool:
    """Return True if faults of a kind hit accounts of their own, and nothing that others use."""
    return fault_kind(kind).hits is Hits.ACCOUNTS


def lost_response_windows(
    found: Iterable[Outage], topology: Mapping[str, Any]
) -> tuple[Outage, ...]:
    """Return the outages in which a service may have counted a request and not answered it.

    A proxy then asks another replica, which counts the request again. That also happens to a proxy
    that is itself off the network for a while.
    """
    counters, entry = topology.get("counters", ()), topology.get("entry")
    return tuple(
        outage
        for outage in found
        if (outage.declared.loses_answers and any(map(outage.hits, counters)))
        or (outage.declared.isolates and outage.hits(entry))
    )


def drains(found: Iterable[Outage], topology: Mapping[str, Any]) -> tuple[Outage, ...]:
    """Return the drains of one replica while another of its service served."""
    services = topology.get("services", {})
    return tuple(
        outage
        for outage in found
        if outage.declared.answers_all
        and outage.replica != "all"
        and services.get(outage.service, {}).get("replicas", 1) > 1
    )


def target(fault: Mapping[str, Any]) -> str:
    """Return in words what a recorded (or summarised) fault hits."""
    service, replica = fault["service"], fault["replica"]
    if fault.get("node"):
        return str(fault["node"])
    if hits_accounts(fault["kind"]):
        return "accounts of its own"
    if service is None:
        return "payment gateway"
    if fault.get("process"):
        return f"{service}, its {fault['process']}"
    return f"every {service}" if replica == "all" else f"{service} {replica}"


def action(fault: Mapping[str, Any]) -> str:
    """Return in words what a recorded (or summarised) fault does: kill, slow ×10."""
    factor = fault.get("factor")
    return f"{fault['kind']} ×{factor:g}" if factor else str(fault["kind"])
