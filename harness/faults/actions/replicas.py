"""Faults of replicas: they are ended, paused, emptied, or taken off their network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCONT, SIGKILL, SIGSTOP
from threading import Event

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction, carries_out
from harness.runtimes import Deployment
from harness.scenario.faults import Fault


class ReplicaAction(FaultAction, ABC):
    """Hits one replica of a service, or all of them at once."""

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        super().__init__(fault, deployment, giving_up)
        replicas = deployment.topology.services[self._service].replicas
        self._targets = range(1, replicas + 1) if fault.replica == "all" else [fault.replica]
        self._injected: list[int] = []

    def inject(self) -> None:
        """Hit the replicas; what fails after one was hit is undone like the rest."""
        self._each(self._targets, self._hit)

    def undo(self) -> None:
        """Let what runs on go on."""
        self._each(self._injected, self._let_go)

    def recover(self) -> None:
        """Start what ended, and wait until it is healthy."""
        self._each(self._injected, self._revive)

    def _hit(self, number: int) -> None:
        if self._deployment.is_ours:
            self._break(number)
            self._injected.append(number)
        else:  # by a command that may do half of it and fail
            self._injected.append(number)
            self._break(number)

    @abstractmethod
    def _break(self, number: int) -> None:
        """Hit a replica."""

    def _let_go(self, number: int) -> None:
        """Undo what keeps a replica from going on."""

    def _revive(self, number: int) -> None:
        """Start a replica that ended, and wait until it is healthy."""
        self._deployment.start(self._service, number)

    def _each(self, numbers: Iterable[int], action: Callable[[int], None]) -> None:
        """Do something to several replicas at once."""
        if numbers := list(numbers):
            with ThreadPoolExecutor(len(numbers), thread_name_prefix="fault") as pool:
                list(pool.map(action, numbers))


@carries_out("kill")
class Kill(ReplicaAction):
    """Kills replicas."""

    def _break(self, number: int) -> None:
        self._deployment.kill(self._service, number, SIGKILL)


@carries_out("wipe")
class Wipe(Kill):
    """Kills replicas, and deletes what they held."""

    def inject(self) -> None:
        """Kill, and delete."""
        super().inject()
        self._each(self._injected, lambda number: self._deployment.wipe(self._service, number))


@carries_out("restore_old")
class RestoreOld(Kill):
    """Kills replicas, and puts a copy from some time before in place of what they held."""

    def prepare(self) -> None:
        """Copy the data that will be put back."""
        self._each(self._targets, lambda n: self._deployment.save_data(self._service, n))

    def inject(self) -> None:
        """Kill, and put the copy in place."""
        super().inject()
        self._each(self._injected, lambda n: self._deployment.restore_data(self._service, n))


@carries_out("stop", "restart")
class Stop(ReplicaAction):
    """Asks replicas to stop; one that does not within its grace is killed."""

    def _break(self, number: int) -> None:
        self._deployment.stop(self._service, number)


@carries_out("drain")
class Drain(ReplicaAction):
    """Asks replicas to stop, which they must do by themselves."""

    def inject(self) -> None:
        """Stop them; raise InfrastructureError if one had to be killed."""
        self._killed: list[int] = []
        super().inject()
        if self._killed:
            raise InfrastructureError(
                f"{self._service}-{self._killed[0]} was killed: it did not end within its grace",
                "a drain is a stop that ends by itself; see the log of the replica",
            )

    def _break(self, number: int) -> None:
        if not self._deployment.stop(self._service, number):
            self._killed.append(number)


@carries_out("pause")
class Pause(ReplicaAction):
    """Stops replicas in the middle of whatever they do, and lets them go on."""

    def _break(self, number: int) -> None:
        self._deployment.kill(self._service, number, SIGSTOP)

    def _let_go(self, number: int) -> None:
        self._deployment.kill(self._service, number, SIGCONT)

    def _revive(self, number: int) -> None:
        self._deployment.wait_ready(self._service, number)


@carries_out("partition")
class Partition(ReplicaAction):
    """Takes replicas off their network, and puts them back; their processes run on."""

    def _break(self, number: int) -> None:
        self._deployment.partition(self._service, number)

    def _let_go(self, number: int) -> None:
        self._deployment.heal(self._service, number)

    def _revive(self, number: int) -> None:
        self._deployment.wait_ready(self._service, number)
