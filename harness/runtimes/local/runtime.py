"""Brings a topology up as processes of this machine.

Each service is started by a thread of its own as soon as what it depends on is ready, so services
that are independent start side by side. Ctrl-C reaches only the main thread, which starts nothing:
whenever it comes, every process that was started is known.
"""

import resource
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from harness.faults import Fault
from harness.runtimes.local.addresses import AddressBook
from harness.runtimes.local.deployment import LocalDeployment, no_networks
from harness.runtimes.local.launch import Site
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.protocol import OnProgress
from harness.runtimes.state import StateFolder, clean, default_state_root
from harness.topology import Condition, Topology

_POLL_S = 0.1
_NETWORK_KINDS: tuple[str, ...] = ("cut",)


class LocalRuntime:
    """Deploys topologies as processes of this machine, below a folder for temporary files."""

    name = "local"

    def __init__(self, state_root: Path | None = None) -> None:
        self._state_root = state_root or default_state_root()

    def facts(self) -> dict[str, Any]:
        """Return what a campaign records: the versions are those of the locked packages."""
        return {"name": self.name}

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        """Raise UsageError for a fault that cannot be made here."""
        for fault in faults:
            if fault.kind in _NETWORK_KINDS:
                raise no_networks(f"{topology.approach}: {fault.service}")

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> LocalDeployment:
        """Bring a topology up, until every service is ready.

        Removes first what killed harnesses left. Raises InfrastructureError with the last words of
        what failed, and UsageError for what the compose file asks and this runtime has not; then,
        as after Ctrl-C, everything is removed.
        """
        clean(self._state_root)
        _allow_open_files()
        deployment = None
        try:
            with interrupts_deferred():  # a Ctrl-C meanwhile is raised at the end of this block
                deployment = self._prepare(topology)
            _bring_up(deployment, on_progress or _say_nothing)
        except BaseException:
            if deployment is not None:
                deployment.down()
            raise
        return deployment

    def _prepare(self, topology: Topology) -> LocalDeployment:
        addresses = AddressBook(topology)
        state = None
        try:
            state = StateFolder(self._state_root, topology.approach)
            return LocalDeployment(Site(topology, state, addresses))
        except BaseException:
            addresses.release_all()
            if state is not None:
                state.remove()
            raise


def _allow_open_files() -> None:
    """Raise the soft limit of open files, which services inherit, to the hard one.

    An ordinary user's is often 1,024; a container's is not, and each buyer is a connection.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Milestones:
    """What every service has reached; threads wait here for what they depend on."""

    def __init__(self) -> None:
        self._reached: set[tuple[str, Condition]] = set()
        self._changed = threading.Condition()

    def reach(self, service: str, condition: Condition) -> None:
        with self._changed:
            self._reached.add((service, condition))
            self._changed.notify_all()

    def wait_for(self, needed: Mapping[str, Condition], deployment: LocalDeployment) -> None:
        with self._changed:
            while not self._reached.issuperset(needed.items()):
                deployment.check_not_closing()
                self._changed.wait(_POLL_S)


def _bring_up(deployment: LocalDeployment, on_progress: OnProgress) -> None:
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


def _watch(deployment: LocalDeployment, futures: set[Future[str]], on_progress: OnProgress) -> None:
    """Wait until every service is ready; give up at the first failure or death."""
    total, waiting = len(futures), futures
    while waiting:
        done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            on_progress(f"{future.result()} is ready ({total - len(waiting)} of {total})")
        for name in deployment.topology.services:
            for replica in deployment.replicas_of(name):
                if replica.died():
                    raise deployment.death_of(replica)


def _start_service(deployment: LocalDeployment, name: str, milestones: _Milestones) -> str:
    topology = deployment.topology
    service, replicas = topology.services[name], deployment.replicas_of(name)
    milestones.wait_for(service.depends_on, deployment)
    deployment.launch(replicas)
    milestones.reach(name, Condition.STARTED)
    if topology.runs_once(name):
        deployment.wait_completed(replicas)
        milestones.reach(name, Condition.COMPLETED)
    elif service.healthcheck is not None:
        deployment.wait_healthy(replicas)
        milestones.reach(name, Condition.HEALTHY)
    return name


def _say_nothing(_: str) -> None:
    """Tell nobody."""
