"""Replicas that are slow: they are stopped and let go on, in turn."""

from concurrent.futures import Future, ThreadPoolExecutor
from signal import SIGCONT, SIGSTOP
from threading import Event

from harness.faults.actions.base import carries_out
from harness.faults.actions.replicas import ReplicaAction
from harness.runtimes import Deployment
from harness.scenario.faults import Fault

PERIOD_S = 0.2
"""One stop, and one stretch of going on. To signal a replica, all processes are looked through."""


@carries_out("throttle")
class Throttle(ReplicaAction):
    """Lets replicas run one `factor`-th of the time; what they do takes as many times as long.

    A limit of CPU would be one of the whole service, and the local runtime enforces none.
    """

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        super().__init__(fault, deployment, giving_up)
        self._runs_s = PERIOD_S / (fault.slowness or 1.0)
        self._pool = ThreadPoolExecutor(len(self._targets), thread_name_prefix="throttle")
        self._turns: dict[int, Future[None]] = {}
        self._is_over = Event()

    def undo(self) -> None:
        """Let the replicas go on for good; raise what went wrong with one meanwhile."""
        self._is_over.set()
        try:
            super().undo()
        finally:
            self._pool.shutdown()

    def _break(self, number: int) -> None:
        self._deployment.kill(self._service, number, SIGSTOP)
        self._turns[number] = self._pool.submit(self._take_turns, number)

    def _take_turns(self, number: int) -> None:
        """Begin with a replica that is stopped, and leave it going on."""
        while True:
            self._is_over.wait(PERIOD_S - self._runs_s)
            self._deployment.kill(self._service, number, SIGCONT)
            if self._is_over.wait(self._runs_s):
                return
            self._deployment.kill(self._service, number, SIGSTOP)

    def _let_go(self, number: int) -> None:
        self._turns[number].result()

    def _revive(self, number: int) -> None:
        self._deployment.wait_ready(self._service, number)
