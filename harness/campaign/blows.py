"""What a fault does to a deployment: to replicas, to the process that leads, or to the gateway.

A blow is struck, undone when its time is over, and recovered from. What was struck half (one
replica of three had ended already) is undone as far as it was struck.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals
from threading import Event
from typing import Protocol

import httpx
import redis

from harness.errors import InfrastructureError
from harness.faults import Fault
from harness.runtimes import Deployment

POLL_S = 0.05
LEADER_LIMIT_S = 30.0
"""The longest that a new process, or a new leader, is waited for."""
_ANSWER_LIMIT_S = 5.0


class Blow(Protocol):
    """A fault in terms of the deployment."""

    def strike(self) -> None:
        """Break what is to be broken."""

    def undo(self) -> None:
        """Stop breaking it; what was paused goes on."""

    def recover(self) -> None:
        """Wait until all that was struck is healthy; what was ended is started again."""


def blow_of(fault: Fault, deployment: Deployment, giving_up: Event) -> Blow:
    """Return how a fault is carried out; waits end early once `giving_up` is set."""
    if fault.service is None:
        return GatewayBlow(fault, deployment)
    if fault.process is not None:
        return LeaderBlow(fault, fault.service, deployment, giving_up)
    return ReplicaBlow(fault, fault.service, deployment)


class ReplicaBlow:
    """Hits one replica of a service, or all of them at once."""

    def __init__(self, fault: Fault, service: str, deployment: Deployment) -> None:
        replicas = deployment.topology.services[service].replicas
        self._kind = fault.kind
        self._service = service
        self._deployment = deployment
        self._targets = range(1, replicas + 1) if fault.replica == "all" else [fault.replica]
        self._struck: list[int] = []

    def strike(self) -> None:
        """Kill, stop, pause, wipe or cut off the replicas."""
        self._each(self._targets, self._strike)

    def undo(self) -> None:
        """Let what was paused go on, and put what was cut off back on its network."""
        if self._kind == "pause":
            self._each(self._struck, lambda n: self._deployment.kill(self._service, n, SIGCONT))
        elif self._kind == "cut":
            self._each(self._struck, lambda n: self._deployment.join(self._service, n))

    def recover(self) -> None:
        """Start what ended, and wait until it is healthy."""
        runs_on = self._kind in ("pause", "cut")
        again = self._deployment.wait_ready if runs_on else self._deployment.start
        self._each(self._struck, lambda number: again(self._service, number))

    def _strike(self, number: int) -> None:
        if self._kind in ("stop", "restart"):
            self._deployment.stop(self._service, number)
        elif self._kind == "cut":
            self._deployment.cut(self._service, number)
        else:
            sig = SIGSTOP if self._kind == "pause" else SIGKILL
            self._deployment.kill(self._service, number, sig)
        self._struck.append(number)
        if self._kind == "wipe":
            self._deployment.wipe(self._service, number)

    def _each(self, numbers: "range | list[int]", action: Callable[[int], None]) -> None:
        if numbers:
            with ThreadPoolExecutor(len(numbers), thread_name_prefix="fault") as pool:
                list(pool.map(action, list(numbers)))


class LeaderBlow:
    """Hits the one process that holds the leader's lock; its supervisor starts another."""

    def __init__(
        self, fault: Fault, service: str, deployment: Deployment, giving_up: Event
    ) -> None:
        assert fault.replica != "all"  # noqa: S101 - the scenario refuses it
        self._is_kill = fault.kind == "kill"
        self._service = service
        self._replica = fault.replica
        self._deployment = deployment
        self._giving_up = giving_up
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

    def strike(self) -> None:
        """Kill or pause the process that leads now."""
        self._until(self._find_leader, "nobody holds the leader's lock")
        self._processes = self._count()
        self._signal(SIGKILL if self._is_kill else SIGSTOP)

    def undo(self) -> None:
        """Let it go on, or wait until another process is there in its place."""
        if not self._is_kill:
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
        return bool(leader) and not (self._is_kill and leader == self._token)

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


class GatewayBlow:
    """Asks the payment gateway to misbehave for a while; it ends that by itself."""

    def __init__(self, fault: Fault, deployment: Deployment) -> None:
        self._wanted = {"kind": fault.kind, "for_s": fault.lasts_s}
        if fault.slowness is not None:
            self._wanted["factor"] = fault.slowness
        self._deployment = deployment

    def strike(self) -> None:
        """Tell the gateway."""
        url = self._deployment.urls(self._deployment.topology.gateway)[0]
        answer = httpx.put(f"{url}/faults", json=self._wanted, timeout=_ANSWER_LIMIT_S)
        answer.raise_for_status()

    def undo(self) -> None:
        """Leave it to the gateway, which knows for how long."""

    def recover(self) -> None:
        """Leave it to the gateway, whose process was well all the time."""
