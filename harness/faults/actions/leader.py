"""A fault of the one process that leads, wherever it is."""

import time
from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals
from threading import Event

import redis

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction, carries_out
from harness.runtimes import Deployment
from harness.scenario.fault_kinds import OfProcess
from harness.scenario.faults import Fault

POLL_S = 0.05
LEADER_LIMIT_S = 30.0
"""The longest that a new process, or a new leader, is waited for."""
_ANSWER_LIMIT_S = 5.0


@carries_out("kill", "pause", of_process=True)
class LeaderAction(FaultAction):
    """Hits the one process that holds the leader's lock; its supervisor starts another."""

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        super().__init__(fault, deployment, giving_up)
        assert fault.replica != "all"  # noqa: S101 - the scenario refuses it
        self._replica = fault.replica
        self._is_replaced = fault.declared.of_process is OfProcess.IS_REPLACED
        self._token = ""
        self._processes = 0

    @property
    def _pid(self) -> int:
        """Return the leader's process: a lock's value begins with it."""
        pid = self._token.partition("-")[0]
        if not pid.isdecimal():
            raise InfrastructureError(
                f"the leader's lock holds {self._token!r}, which names no process",
                "an approach writes <pid>-<anything>",
            )
        return int(pid)

    def inject(self) -> None:
        """Kill or pause the process that leads now."""
        self._until(self._find_leader, "nobody holds the leader's lock")
        self._processes = self._count()
        self._signal(SIGKILL if self._is_replaced else SIGSTOP)

    def undo(self) -> None:
        """Let it go on, or wait until another process is there in its place."""
        if not self._is_replaced:
            self._signal(SIGCONT)
            return
        self._until(lambda: self._count() >= self._processes, "no process came in its place")

    def recover(self) -> None:
        """Wait until the replica is healthy and somebody leads, not the one that was killed."""
        self._deployment.wait_ready(self._service, self._replica)
        self._until(self._is_led, "nobody took over the leader's lock")

    def _signal(self, sig: Signals) -> None:
        self._deployment.kill_process(self._service, self._replica, self._pid, sig)

    def _count(self) -> int:
        return self._deployment.processes(self._service)

    def _find_leader(self) -> bool:
        self._token = self._leader()
        return bool(self._token)

    def _is_led(self) -> bool:
        leader = self._leader()
        return bool(leader) and not (self._is_replaced and leader == self._token)

    def _leader(self) -> str:
        facts, url = self._deployment.topology.redis, self._deployment.redis_url()
        if not (facts and facts.leader and url):
            raise InfrastructureError("there is no leader's lock", "state x-harness.redis.leader")
        limits = {"socket_timeout": _ANSWER_LIMIT_S, "socket_connect_timeout": _ANSWER_LIMIT_S}
        with redis.Redis.from_url(url, decode_responses=True, **limits) as store:
            return str(store.get(facts.leader) or "")

    def _until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline_s = time.monotonic() + LEADER_LIMIT_S
        while not condition():
            if self._giving_up.wait(POLL_S) or time.monotonic() > deadline_s:
                raise InfrastructureError(
                    f"{self._service}-{self._replica}: {complaint}", "see its log"
                )
