"""What a fault may hit: it is checked against the topology before anything is deployed."""

from harness.errors import UsageError
from harness.scenario.faults import Fault
from harness.topology import Topology


def check_target(where: str, fault: Fault, topology: Topology) -> None:
    """Raise UsageError, by its place in the scenario, for a fault that this topology cannot have.

    A fault without a service hits what every topology has.
    """
    service = fault.service
    if service is None:
        return
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
