"""Connections to a store that freeze: they stop without being closed."""

from signal import SIGUSR1, SIGUSR2
from threading import Event

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction, carries_out
from harness.runtimes import Deployment
from harness.scenario.faults import Fault


@carries_out("freeze")
class FreezeConnections(FaultAction):
    """Freezes the proxy between the services and a store (see `harness.runtimes.tcp_proxy`).

    Connections of before the end of the fault stay frozen for good; new ones work after it. Store
    and proxy are well all the time, so there is nothing to wait for.
    """

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        super().__init__(fault, deployment, giving_up)
        proxy = deployment.topology.proxies.get(self._service)
        if proxy is None:
            raise InfrastructureError(
                f"there is no proxy before {self._service}",
                "deploy it with one, as a campaign does",
            )
        self._proxy = proxy

    def inject(self) -> None:
        """Forward nothing from now on."""
        self._deployment.kill(self._proxy, 1, SIGUSR1)

    def undo(self) -> None:
        """Forward what comes over new connections."""
        self._deployment.kill(self._proxy, 1, SIGUSR2)
