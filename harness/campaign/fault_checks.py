"""Whether the faults of a case can be carried out: what they hit must be there."""

from collections.abc import Iterable, Iterator

from harness.errors import UsageError
from harness.results.outages import hits_accounts
from harness.scenario.cases import Case
from harness.scenario.faults import Fault
from harness.topology import Topology


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
        _check_accounts(where, fault, topology)
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
    _check_store(where, fault, service, topology)
    redis = topology.redis
    if fault.process is not None and (redis is None or redis.leader is None):
        raise UsageError(
            f'{where}.process = "{fault.process}": {topology.approach} has no leader\'s lock',
            "state its key as x-harness.redis.leader in the compose file",
        )


def _check_store(where: str, fault: Fault, service: str, topology: Topology) -> None:
    """Refuse a service that is none of the stores which this kind of fault may hit."""
    only = fault.declared.only
    stores = {"ledger": topology.ledger, "redis": topology.redis and topology.redis.service}
    if only and service not in [stores[name] for name in only]:
        refusal = fault.declared.refusal.format(approach=topology.approach, ledger=topology.ledger)
        keys = " or ".join(f"x-harness.{name}" for name in only)
        raise UsageError(
            f'{where}: kind = "{fault.kind}", service = "{service}": {refusal}',
            f"name the service under {keys} of the compose file",
        )


def _check_accounts(where: str, fault: Fault, topology: Topology) -> None:
    """Refuse to delete accounts of a ledger that does not say how."""
    sql = topology.ledger_sql
    if hits_accounts(fault.kind) and topology.contract:
        raise UsageError(
            f'{where}: kind = "{fault.kind}": its accounts buy by our own contract, and '
            f"{topology.approach} declares another",
            "leave the fault out of what this approach is measured with",
        )
    if hits_accounts(fault.kind) and not {"account", "delete_accounts"} <= set(sql.statements):
        raise UsageError(
            f'{where}: kind = "{fault.kind}": {sql.file} does not say how {topology.approach} '
            "deletes an account",
            "write its statements `-- name: account` and `-- name: delete_accounts`",
        )


def _listed_faults(place: str, case: Case) -> Iterator[tuple[str, Fault]]:
    """Yield each fault that a case lists, with its place in the file."""
    separator = "." if place.endswith("]") else ": "
    key = "faults" if case.random_faults is None else "random_faults.draw_from"
    for number, fault in enumerate(case.listed_faults, start=1):
        yield f"{place}{separator}{key}[{number}]", fault
