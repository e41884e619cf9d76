"""Faults that the payment gateway makes on request, and ends by itself."""

import httpx

from harness.faults.actions.base import FaultAction, carries_out

_ANSWER_LIMIT_S = 5.0


@carries_out("unavailable", "hang", "slow")
class GatewayAction(FaultAction):
    """Asks the payment gateway to misbehave for a while.

    The gateway ends that by itself, and its process is well all the time: there is nothing to undo
    and nothing to wait for.
    """

    def inject(self) -> None:
        """Send the fault to the gateway."""
        wanted = {"kind": self._fault.kind, "for_s": self._fault.lasts_s}
        if self._fault.slowness is not None:
            wanted["factor"] = self._fault.slowness
        url = self._deployment.urls(self._deployment.topology.gateway)[0]
        answer = httpx.put(f"{url}/faults", json=wanted, timeout=_ANSWER_LIMIT_S)
        answer.raise_for_status()
