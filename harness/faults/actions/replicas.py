"""Faults of replicas: they are ended, paused, emptied, or taken off their network."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCONT, SIGKILL, SIGSTOP

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction
from harness.runtimes import Deployment
from harness.scenario.fault_kinds import DRAIN, RESTORE_OLD
from harness.scenario.faults import Fault


class ReplicaAction(FaultAction):
    """Hits one replica of a service, or all of them at once."""

    def __init__(self, fault: Fault, service: str, deployment: Deployment) -> None:
        replicas = deployment.topology.services[service].replicas
        self._kind = fault.kind
        self._service = service
        self._deployment = deployment
        self._targets = range(1, replicas + 1) if fault.replica == "all" else [fault.replica]
        self._injected: list[int] = []

    def prepare(self) -> None:
        """Copy the data that will be put back."""
        if self._kind == RESTORE_OLD:
            self._each(self._targets, lambda n: self._deployment.save_data(self._service, n))

    def inject(self) -> None:
        """Kill, stop, drain, pause, cut off the replicas; wipe or put back the data of the killed.

        What fails after a replica has ended is undone by starting it again.
        """
        self._each(self._targets, self._inject)

    def undo(self) -> None:
        """Let what was paused go on, and put what was cut off back on its network."""
        if self._kind == "pause":
            self._each(self._injected, lambda n: self._deployment.kill(self._service, n, SIGCONT))
        elif self._kind == "cut":
            self._each(self._injected, lambda n: self._deployment.heal(self._service, n))

    def recover(self) -> None:
        """Start what ended, and wait until it is healthy."""
        runs_on = self._kind in ("pause", "cut")
        again = self._deployment.wait_ready if runs_on else self._deployment.start
        self._each(self._injected, lambda number: again(self._service, number))

    def _inject(self, number: int) -> None:
        by_itself = True
        if self._kind in ("stop", "restart", DRAIN):
            by_itself = self._deployment.stop(self._service, number)
        elif self._kind == "cut":
            self._deployment.partition(self._service, number)
        else:
            sig = SIGSTOP if self._kind == "pause" else SIGKILL
            self._deployment.kill(self._service, number, sig)
        self._injected.append(number)
        if self._kind == "wipe":
            self._deployment.wipe(self._service, number)
        if self._kind == RESTORE_OLD:
            self._deployment.restore_data(self._service, number)
        if self._kind == DRAIN and not by_itself:
            raise InfrastructureError(
                f"{self._service}-{number} was killed: it did not end within its grace",
                "a drain is a stop that ends by itself; see the log of the replica",
            )

    def _each(self, numbers: "range | list[int]", action: Callable[[int], None]) -> None:
        if numbers:
            with ThreadPoolExecutor(len(numbers), thread_name_prefix="fault") as pool:
                list(pool.map(action, list(numbers)))
