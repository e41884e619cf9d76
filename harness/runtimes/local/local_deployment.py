"""A topology that runs as processes of this machine."""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.deployment import Deployment, Usage
from harness.runtimes.local import nginx, postgres, valkey
from harness.runtimes.local.health_probes import probe_of
from harness.runtimes.local.launch import PROBE_LIMIT_S, Launch, Site, python_service
from harness.runtimes.local.process_replica import ProcessReplica
from harness.runtimes.local.process_usage import Meter
from harness.runtimes.ports import image_kind
from harness.runtimes.processes import interrupts_deferred
from harness.topology import Service

THROWAWAY_GRACE_S = 1.5
"""The most that a service is waited for when its data will be removed anyway, in seconds."""

_SERVERS = {
    "nginx": nginx.launch,
    "postgres": postgres.launch,
    "redis": valkey.launch,
    "valkey": valkey.launch,
}
_LISTEN_LIMIT_S = 60.0


class LocalDeployment(Deployment[ProcessReplica]):
    """The replicas of a topology, and what is known of their addresses."""

    runtime = "local"
    poll_s = 0.05
    doctor = "`harness doctor` checks the machine"

    def __init__(self, site: Site) -> None:
        super().__init__(site.topology, site.state)
        self._site = site
        self._meter = Meter()
        for service in site.topology.services.values():
            numbers = range(1, service.replicas + 1)
            self._replicas[service.name] = [self._make(service, number) for number in numbers]

    def _make(self, service: Service, number: int) -> ProcessReplica:
        self._site.write_configs(service, number)
        launch = self._launch(service, number)
        probe = probe_of(self._site, service, number, launch)
        return ProcessReplica(self._site, service, number, launch, probe)

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

    @override
    def facts(self) -> dict[str, Any]:
        return self.describe({}, enforced=False)

    def _port(self, replica: ProcessReplica, container_port: int | None = None) -> int:
        return self._site.addresses.port(replica.service.name, replica.number, container_port)

    @override
    def logs(self) -> Mapping[str, Path]:
        return {replica.name: replica.log for replica in self._all()}

    @override
    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        return self._meter.measure(self._replicas, memory=memory)

    @override
    def processes(self, service: str) -> int:
        return self.usage(memory=False)[service].processes or 0

    def _dead(self) -> list[ProcessReplica]:
        return [replica for replica in self._all() if replica.died()]

    def _start(self, replicas: Iterable[ProcessReplica]) -> None:
        replicas = list(replicas)
        for replica in replicas:
            self.check_not_closing()
            replica.launch.prepare()
            with self._starting:
                self.check_not_closing()
                replica.start()
        for replica in replicas:
            if (listens := replica.launch.listens) is not None:
                self._wait(replica, partial(listens, PROBE_LIMIT_S), _LISTEN_LIMIT_S)
            replica.launch.initialise()

    def down(self) -> None:
        """Stop everything, dependants first, and remove it; the second call does nothing.

        Each service gets its stop signal and its grace period, but no more than
        `THROWAWAY_GRACE_S`: what it would still write is removed. Raises InfrastructureError if a
        process survives.
        """
        self.cancel()
        with interrupts_deferred(), self._starting:
            for layer in reversed(self.topology.start_order()):
                replicas = [replica for name in layer for replica in self.replicas_of(name)]
                _stop(replicas)
            self._site.addresses.release_all()
            remaining = self._state.remove()
        if remaining:
            raise InfrastructureError(
                f"{self.topology.approach}: cannot end the processes {remaining}",
                "end them by hand; they may wait for a disk",
            )


def _stop(replicas: Iterable[ProcessReplica]) -> None:
    replicas = list(replicas)
    for replica in replicas:
        replica.ask_to_stop()
    begun_s = time.monotonic()
    for replica in replicas:
        grace_s = min(replica.service.stop_grace_period_s, THROWAWAY_GRACE_S)
        replica.wait_stopped(max(0.0, begun_s + grace_s - time.monotonic()))
