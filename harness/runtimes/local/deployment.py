"""A topology that runs as processes of this machine."""

import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from signal import Signals
from typing import Any

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import stores
from harness.runtimes.local import nginx, postgres, valkey
from harness.runtimes.local.health import probe_of
from harness.runtimes.local.launch import Launch, Probe, Site, python_service, tail
from harness.runtimes.local.replica import Replica
from harness.runtimes.local.usage import Meter
from harness.runtimes.ports import LOOPBACK, image_kind
from harness.runtimes.processes import interrupts_deferred
from harness.runtimes.protocol import Usage, limits_of
from harness.runtimes.start import Cancelled
from harness.topology import Condition, Service, Topology

THROWAWAY_GRACE_S = 1.5
"""The most that a service is waited for when its data will be removed anyway, in seconds."""

_SERVERS = {
    "nginx": nginx.launch,
    "postgres": postgres.launch,
    "redis": valkey.launch,
    "valkey": valkey.launch,
}
_POLL_S = 0.05
_PROBE_LIMIT_S = 2.0
_LISTEN_LIMIT_S = 60.0


def no_networks(what: str) -> UsageError:
    """Return the complaint that nothing can be taken off a network here."""
    return UsageError(
        f"{what} cannot be cut off: processes of one machine have no network of their own",
        "use --runtime docker, or kill, stop or pause it",
    )


class LocalDeployment:
    """The replicas of a topology, and what is known of their addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._meter = Meter()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._replicas: dict[str, list[Replica]] = {
            service.name: [self._make(service, n) for n in range(1, service.replicas + 1)]
            for service in site.topology.services.values()
        }

    def _make(self, service: Service, number: int) -> Replica:
        self._site.write_configs(service, number)
        launch = self._launch(service, number)
        replica = Replica(self._site, service, number, launch)
        replica.health = probe_of(self._site, service, number, launch)
        return replica

    def _launch(self, service: Service, number: int) -> Launch:
        if service.built:
            return python_service(self._site, service, number)
        server = _SERVERS.get(image_kind(service) or "")
        if server is None:
            raise UsageError(
                f"{self.topology.path.name}: services.{service.name}.image: {service.image}: "
                "the local runtime has no such server",
                f"it has {', '.join(_SERVERS)}; anything else needs `build:`",
            )
        return server(self._site, service, number)

    @property
    def topology(self) -> Topology:
        """Return what was deployed."""
        return self._site.topology

    @property
    def address(self) -> str:
        """Return the base URL of the service that takes the load."""
        return self.urls(self.topology.entry)[0]

    @property
    def scratch(self) -> Path:
        """Return a folder for temporary files of the measurement; `down` removes it."""
        folder = self._site.state.path / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def facts(self) -> dict[str, Any]:
        """Return what a run records of its deployment: processes have no images."""
        limits = limits_of(self.topology, enforced=False)
        return {"runtime": "local", "images": {}, "limits": limits}

    def urls(self, service: str, port: int | None = None) -> list[str]:
        """Return the HTTP base URL of each replica of a service (UsageError: unknown)."""
        return [
            f"http://{LOOPBACK}:{self._site.addresses.port(service, replica.number, port)}"
            for replica in self.replicas_of(service)
        ]

    def dsn(self) -> str:
        """Return the superuser's connection string of the ledger."""
        ledger = self.topology.ledger
        port = self._site.addresses.port(ledger, 1)
        return stores.dsn(self.topology.services[ledger], port)

    def redis_url(self) -> str | None:
        """Return the URL of Redis, or None if the approach has none."""
        facts = self.topology.redis
        if facts is None:
            return None
        port = self._site.addresses.port(facts.service, 1)
        return stores.redis_url(self.topology.services[facts.service], port)

    def logs(self) -> Mapping[str, Path]:
        """Return the log of each replica; `down` removes them."""
        return {replica.name: replica.log for replica in self._all()}

    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what each service used; without `memory`, that stays what it last was."""
        return self._meter.measure(self._replicas, memory=memory)

    def processes(self, service: str) -> int:
        """Return how many processes a service has now."""
        return self.usage(memory=False)[service].processes

    def alive(self) -> list[str]:
        """Return the names of the replicas that ended although nobody asked them to."""
        return [replica.name for replica in self._all() if replica.died()]

    def kill(self, service: str, replica: int, sig: Signals) -> None:
        """Send a signal to a replica; SIGKILL ends all its processes before this returns.

        Raises InfrastructureError if it does not run.
        """
        self._running(service, replica).signal(sig)

    def kill_process(self, service: str, replica: int, pid: int, sig: Signals) -> None:
        """Send a signal to one process of a replica; after SIGKILL it is gone on return.

        Raises InfrastructureError if the replica has no such process.
        """
        self._running(service, replica).signal_process(pid, sig)

    def stop(self, service: str, replica: int) -> bool:
        """Send a replica its stop signal, and wait until it has ended; after its grace, kill it.

        Returns True if it ended by itself. Raises InfrastructureError if it does not run.
        """
        one = self._running(service, replica)
        one.ask_to_stop()
        return one.wait_stopped(one.service.stop_grace_period_s)

    def wipe(self, service: str, replica: int) -> None:
        """Delete the data of a replica that is down: it starts as new.

        Raises UsageError if it has none, InfrastructureError if it runs.
        """
        shutil.rmtree(self._data(self._ended(service, replica)))

    def save_data(self, service: str, replica: int) -> None:
        """Copy the data of a replica, which may run, in place of an earlier copy.

        Raises UsageError if it has no data, InfrastructureError if the copy fails.
        """
        one = self._one(service, replica)
        data, copy = self._data(one), self._copy_of(one)
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(data, copy)
        except (OSError, shutil.Error) as error:
            raise InfrastructureError(
                f"the data of {one.name} cannot be copied: {error}", "it may have been rewritten"
            ) from error

    def restore_data(self, service: str, replica: int) -> None:
        """Put what was copied in place of the data of a replica that is down.

        Raises UsageError if it has no data, InfrastructureError if it runs or nothing was copied.
        """
        one = self._ended(service, replica)
        data, copy = self._data(one), self._copy_of(one)
        if not copy.is_dir():
            raise InfrastructureError(f"the data of {one.name} was never copied", "copy it first")
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(copy, data)

    def _copy_of(self, replica: Replica) -> Path:
        return self._site.state.path / "copies" / replica.name

    def _data(self, replica: Replica) -> Path:
        if replica.launch.data is None:
            raise UsageError(f"{replica.name} has no data", "choose a store")
        return replica.launch.data

    def cut(self, service: str, replica: int) -> None:
        """Raise UsageError: processes of one machine share its loopback."""
        raise no_networks(f"{service}-{replica}")

    def join(self, service: str, replica: int) -> None:
        """Raise UsageError, as `cut` does."""
        raise no_networks(f"{service}-{replica}")

    def wait_ready(self, service: str, replica: int) -> None:
        """Wait until a replica is healthy, as long as its health check allows.

        Raises InfrastructureError if it does not become healthy, or ends.
        """
        self.wait_healthy([self._one(service, replica)])

    def start(self, service: str, replica: int) -> None:
        """Start a replica that has ended, and wait until it is healthy.

        Raises InfrastructureError if it still runs, or does not become healthy in its time.
        """
        one = self._ended(service, replica)
        self.launch([one])
        self.wait_healthy([one])

    def launch(self, replicas: Iterable[Replica]) -> None:
        """Start replicas, until each has what it needs to count as started (Cancelled)."""
        replicas = list(replicas)
        for replica in replicas:
            self.check_not_closing()
            replica.launch.prepare()
            with self._starting:
                self.check_not_closing()
                replica.start()
        for replica in replicas:
            if replica.launch.listens is not None:
                self._wait(replica, replica.launch.listens, _LISTEN_LIMIT_S)
            replica.launch.initialise()

    def start_service(self, name: str) -> None:
        """Start all replicas of a service, until each counts as started (Cancelled)."""
        self.launch(self.replicas_of(name))

    def wait_service(self, name: str, condition: Condition) -> None:
        """Wait until a service is healthy or has completed (InfrastructureError; Cancelled)."""
        if condition is Condition.COMPLETED:
            self.wait_completed(self.replicas_of(name))
        else:
            self.wait_healthy(self.replicas_of(name))

    def raise_if_died(self) -> None:
        """Raise InfrastructureError, with its last words, if a replica ended unasked."""
        for replica in self._all():
            if replica.died():
                raise self.death_of(replica)

    def wait_healthy(self, replicas: Iterable[Replica]) -> None:
        """Wait until replicas are healthy, as long as their health checks allow (Cancelled)."""
        for replica in replicas:
            check = replica.service.healthcheck
            if check is not None and replica.health is not None:
                self._wait(replica, replica.health, check.patience_s)

    def wait_completed(self, replicas: Iterable[Replica]) -> None:
        """Wait until jobs have ended well (InfrastructureError: one failed; Cancelled)."""
        for replica in replicas:
            while replica.exit_code is None:
                self.check_not_closing()
                time.sleep(_POLL_S)
            if replica.exit_code != 0:
                raise self.death_of(replica)

    def death_of(self, replica: Replica) -> InfrastructureError:
        """Return the error that a replica has ended, with its last words."""
        return InfrastructureError(
            f"{self.topology.approach}: {replica.how_it_ended()}; its last words:\n"
            f"{tail(replica.log)}",
            "everything was taken down; `harness doctor` checks the machine",
        )

    def _wait(self, replica: Replica, probe: Probe, limit_s: float) -> None:
        deadline_s = time.monotonic() + limit_s
        while not probe(_PROBE_LIMIT_S):
            self.check_not_closing()
            if replica.exit_code is not None:
                raise self.death_of(replica)
            if time.monotonic() >= deadline_s:
                raise InfrastructureError(
                    f"{self.topology.approach}: {replica.name} is not healthy after "
                    f"{limit_s:g} s; its last words:\n{tail(replica.log)}",
                    "a slow machine needs a longer start_period in the compose file",
                )
            self._closing.wait(_POLL_S)

    def check_not_closing(self) -> None:
        """Raise Cancelled once the deployment is going down."""
        if self._closing.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Let every start and wait that is under way end with Cancelled."""
        self._closing.set()

    def down(self, *, grace_limit_s: float = THROWAWAY_GRACE_S) -> None:
        """Stop everything, dependants first, and remove it; the second call does nothing.

        Each service gets its stop signal and its grace period, but no more than `grace_limit_s`:
        what it would still write is removed. Raises InfrastructureError if a process survives.
        """
        self.cancel()
        with interrupts_deferred(), self._starting:
            for layer in reversed(self.topology.start_order()):
                self._stop(
                    [replica for name in layer for replica in self.replicas_of(name)], grace_limit_s
                )
            self._site.addresses.release_all()
            remaining = self._site.state.remove()
        if remaining:
            raise InfrastructureError(
                f"{self.topology.approach}: cannot end the processes {remaining}",
                "end them by hand; they may wait for a disk",
            )

    def _stop(self, replicas: list[Replica], grace_limit_s: float) -> None:
        for replica in replicas:
            replica.ask_to_stop()
        begun_s = time.monotonic()
        for replica in replicas:
            grace_s = min(replica.service.stop_grace_period_s, grace_limit_s)
            replica.wait_stopped(max(0.0, begun_s + grace_s - time.monotonic()))

    def _all(self) -> Iterable[Replica]:
        return (replica for replicas in self._replicas.values() for replica in replicas)

    def replicas_of(self, service: str) -> list[Replica]:
        """Return the replicas of a service (UsageError: there is no such service)."""
        if service not in self._replicas:
            raise UsageError(
                f"{self.topology.approach}: there is no service {service!r}",
                f"services: {', '.join(self._replicas)}",
            )
        return self._replicas[service]

    def _running(self, service: str, number: int) -> Replica:
        one = self._one(service, number)
        if one.pid is None:
            raise InfrastructureError(f"{one.name} does not run", "start it first")
        return one

    def _ended(self, service: str, number: int) -> Replica:
        one = self._one(service, number)
        if one.pid is not None:
            raise InfrastructureError(f"{one.name} still runs", "kill it first")
        return one

    def _one(self, service: str, number: int) -> Replica:
        replicas = self.replicas_of(service)
        if not 1 <= number <= len(replicas):
            raise UsageError(
                f"{self.topology.approach}: there is no {service}-{number}",
                f"{service} has the replicas 1 to {len(replicas)}",
            )
        return replicas[number - 1]
