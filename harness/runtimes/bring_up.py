"""Starts the services of a topology in the order of their dependencies.

Each service is started by a thread of its own as soon as what it depends on is ready, so services
that are independent start side by side. Ctrl-C reaches only the main thread, which starts nothing:
whenever it comes, everything that was started is known.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from harness.runtimes.deployment import Deployment, OnProgress
from harness.runtimes.processes import interrupts_deferred
from harness.topology import Condition

_POLL_S = 0.1


class _Milestones:
    """What every service has reached; threads wait here for what they depend on."""

    def __init__(self) -> None:
        self._reached: set[tuple[str, Condition]] = set()
        self._changed = threading.Condition()

    def reach(self, service: str, condition: Condition) -> None:
        with self._changed:
            self._reached.add((service, condition))
            self._changed.notify_all()

    def wait_for(self, needed: Mapping[str, Condition], deployment: Deployment) -> None:
        with self._changed:
            while not self._reached.issuperset(needed.items()):
                deployment.check_not_closing()
                self._changed.wait(_POLL_S)


def bring_up(deployment: Deployment, on_progress: OnProgress) -> None:
    """Start every service, until each is ready (InfrastructureError: one fails or dies)."""
    services = deployment.topology.services
    milestones = _Milestones()
    pool = ThreadPoolExecutor(max_workers=len(services), thread_name_prefix="up")
    try:
        futures = {pool.submit(_start_service, deployment, name, milestones) for name in services}
        _watch(deployment, futures, on_progress)
    except BaseException:
        deployment.cancel()
        raise
    finally:
        with interrupts_deferred():
            pool.shutdown(wait=True)


def _watch(deployment: Deployment, futures: set[Future[str]], on_progress: OnProgress) -> None:
    """Wait until every service is ready; give up at the first failure or death."""
    total, waiting = len(futures), futures
    while waiting:
        done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            on_progress(f"{future.result()} is ready ({total - len(waiting)} of {total})")
        deployment.raise_if_died()


def _start_service(deployment: Deployment, name: str, milestones: _Milestones) -> str:
    topology = deployment.topology
    milestones.wait_for(topology.services[name].depends_on, deployment)
    deployment.start_service(name)
    milestones.reach(name, Condition.STARTED)
    if topology.runs_once(name):
        deployment.wait_service(name, Condition.COMPLETED)
        milestones.reach(name, Condition.COMPLETED)
    else:
        deployment.wait_service(name, Condition.HEALTHY)
        milestones.reach(name, Condition.HEALTHY)
    return name


def no_progress(_: str) -> None:
    """Ignore the progress."""
