"""What a fault does to a deployment, one kind of target in each module."""

from threading import Event

from harness.campaign.fault_actions.accounts import DeleteAccounts
from harness.campaign.fault_actions.base import FaultAction
from harness.campaign.fault_actions.freeze import FreezeConnections
from harness.campaign.fault_actions.gateway import GatewayAction
from harness.campaign.fault_actions.leader import LeaderAction
from harness.campaign.fault_actions.ledger import RefuseWrites
from harness.campaign.fault_actions.replicas import ReplicaAction
from harness.faults import Fault
from harness.outages import DELETE_ACCOUNT, FREEZE
from harness.runtimes import Deployment

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
