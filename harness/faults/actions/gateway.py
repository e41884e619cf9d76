"""Faults that the payment gateway makes on request, and ends by itself."""

import httpx

from harness.faults.actions.base import FaultAction
from harness.runtimes import Deployment
from harness.scenario.faults import Fault

_ANSWER_LIMIT_S = 5.0


class GatewayAction(FaultAction):
    """Asks the payment gateway to misbehave for a while; it ends that by itself."""

    def __init__(self, fault: Fault, deployment: Deployment) -> None:
        self._wanted = {"kind": fault.kind, "for_s": fault.lasts_s}
        if fault.slowness is not None:
            self._wanted["factor"] = fault.slowness
        self._deployment = deployment

    def inject(self) -> None:
        """Tell the gateway."""
        url = self._deployment.urls(self._deployment.topology.gateway)[0]
        answer = httpx.put(f"{url}/faults", json=self._wanted, timeout=_ANSWER_LIMIT_S)
        answer.raise_for_status()

    def undo(self) -> None:
        """Leave it to the gateway, which knows for how long."""

    def recover(self) -> None:
        """Leave it to the gateway, whose process was well all the time."""
