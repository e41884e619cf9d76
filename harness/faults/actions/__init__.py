"""What a fault does to a deployment, one kind of target in each module."""

from threading import Event

from harness.faults.actions.accounts import DeleteAccounts
from harness.faults.actions.base import FaultAction
from harness.faults.actions.freeze import FreezeConnections
from harness.faults.actions.gateway import GatewayAction
from harness.faults.actions.leader import LeaderAction
from harness.faults.actions.ledger import RefuseWrites
from harness.faults.actions.replicas import ReplicaAction
from harness.runtimes import Deployment
from harness.scenario.fault_kinds import DELETE_ACCOUNT, FREEZE
from harness.scenario.faults import Fault

__all__ = ["FaultAction", "LeaderAction", "action_of"]


def action_of(fault: Fault, deployment: Deployment, giving_up: Event) -> FaultAction:
    """Return how a fault is injected; waits end early once `giving_up` is set."""
    if fault.kind == DELETE_ACCOUNT:
        return DeleteAccounts(fault, deployment, giving_up)
    if fault.service is None:
        return GatewayAction(fault, deployment)
    if fault.process is not None:
        return LeaderAction(fault, fault.service, deployment, giving_up)
    if fault.kind == "refuse_writes":
        return RefuseWrites(deployment, giving_up)
    if fault.kind == FREEZE:
        return FreezeConnections(fault.service, deployment)
    return ReplicaAction(fault, fault.service, deployment)
