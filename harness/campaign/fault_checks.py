"""Whether the faults of a case can be carried out: what they hit must be there."""

from collections.abc import Iterable, Iterator

from harness.errors import UsageError
from harness.scenario.cases import Case
from harness.scenario.fault_kinds import FREEZE
from harness.scenario.faults import Fault
from harness.topology import Topology

LOSES_DATA = {"wipe": "wiped", "restore_old": "put back from a copy"}
"""Kinds of faults that only a store may have that the audit does not rely on."""


def check_known(place: str, case: Case, topologies: Iterable[Topology]) -> None:
    """Raise UsageError for a fault of a service that no approach has."""
    services = sorted({name for one in topologies for name in one.services})
    for where, fault in _listed_faults(place, case):
        if fault.service not in (None, *services):
            raise UsageError(
                f'{where}.service = "{fault.service}": no approach has such a service',
                f"services: {', '.join(services)}",
            )


def check_possible(place: str, case: Case, topology: Topology) -> None:
    """Raise UsageError for a fault of something that the topology has not."""
    for where, fault in _listed_faults(place, case):
        is_left_out = case.random_faults is not None and fault.service not in topology.services
        if fault.service is not None and not is_left_out:
            _check_fault(where, fault, fault.service, topology)


def _check_fault(where: str, fault: Fault, service: str, topology: Topology) -> None:
    if service not in topology.services:
        raise UsageError(
            f'{where}.service = "{service}": {topology.approach} has no such service',
            f"its services: {', '.join(topology.services)}; --approach leaves an approach out",
        )
    replicas = topology.services[service].replicas
    if fault.replica != "all" and fault.replica > replicas:
        raise UsageError(
            f"{where}.replica = {fault.replica}: {service} of {topology.approach} has {replicas}",
            f"choose from 1 to {replicas}",
        )
    redis = topology.redis
    if fault.kind in LOSES_DATA and (redis is None or service != redis.service):
        raise UsageError(
            f'{where}: kind = "{fault.kind}", service = "{service}": '
            f"only a Redis can be {LOSES_DATA[fault.kind]}; the ledger is what the audit reads",
            "name the service under x-harness.redis of the compose file",
        )
    if fault.kind == FREEZE and service not in (topology.ledger, redis and redis.service):
        raise UsageError(
            f'{where}: kind = "freeze", service = "{service}": '
            "only connections to a store can be frozen",
            "name the ledger's service or Redis'",
        )
    if fault.kind == "refuse_writes" and service != topology.ledger:
        raise UsageError(
            f'{where}: kind = "refuse_writes", service = "{service}": only the ledger of '
            f"{topology.approach}, {topology.ledger}, can refuse to write",
            "name the service under x-harness.ledger of the compose file",
        )
    if fault.process is not None and (redis is None or redis.leader is None):
        raise UsageError(
            f'{where}.process = "{fault.process}": {topology.approach} has no leader\'s lock',
            "state its key as x-harness.redis.leader in the compose file",
        )


def _listed_faults(place: str, case: Case) -> Iterator[tuple[str, Fault]]:
    """Yield each fault that a case lists, with its place in the file."""
    separator = "." if place.endswith("]") else ": "
    key = "faults" if case.random_faults is None else "random_faults.draw_from"
    for number, fault in enumerate(case.listed_faults, start=1):
        yield f"{place}{separator}{key}[{number}]", fault
