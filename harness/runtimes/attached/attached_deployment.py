"""A deployment that somebody else keeps up, as far as its endpoints say where it is."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.runtime_names import ATTACHED
from harness.runtimes.attached.attached_replica import AttachedReplica
from harness.runtimes.attached.endpoints import Endpoints
from harness.runtimes.attached.prometheus_queries import PrometheusQueries
from harness.runtimes.deployment import Deployment, OnProgress, Usage
from harness.runtimes.owner_commands import run_owner_command
from harness.runtimes.state import StateFolder
from harness.scenario.sales import Sale
from harness.topology import Topology

HEALTHY_LIMIT_S = 120.0
"""How long whoever keeps it up may take to bring a replica back."""
_ANSWER_LIMIT_S = 5.0


class AttachedDeployment(Deployment[AttachedReplica]):
    """Addresses and commands in place of processes; the replicas are those of the topology."""

    runtime = ATTACHED
    is_ours = False
    poll_s = 0.5
    doctor = "whoever keeps the deployment up knows more"

    def __init__(self, topology: Topology, state: StateFolder, endpoints: Endpoints) -> None:
        super().__init__(topology, state)
        self._endpoints = endpoints
        asked = endpoints.prometheus
        self._queries = PrometheusQueries(asked) if asked is not None else None
        for service in topology.services.values():
            self._replicas[service.name] = [
                AttachedReplica(
                    service, number, endpoints.faults, self._probe(service.name, number)
                )
                for number in range(1, service.replicas + 1)
            ]

    def check_reachable(self, on_progress: OnProgress) -> None:
        """Ask everything once (InfrastructureError: by the key of what does not answer)."""
        for key, ask in self._questions():
            try:
                ask()
            except (psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
                words = str(error).strip().splitlines() or [type(error).__name__]
                raise InfrastructureError(
                    f"{self.topology.approach}: {key} does not answer: {words[0]}",
                    "is the deployment up, and may this machine reach it?",
                ) from None  # what it was asked with has passwords in it
            on_progress(f"{key} answers")

    def _questions(self) -> Iterable[tuple[str, Callable[[], object]]]:
        # a store that was never seeded has no product: whatever the status, the shop answers
        yield "address", partial(_get, f"{self.address}/products/1")
        yield "postgres", self._ledger_answers
        if self.redis_url() is not None:
            yield "redis", self._redis_answers
        if self._endpoints.gateway is not None:
            yield "gateway.url", partial(_get_ok, f"{self._endpoints.gateway.url}/charges")
        for service, urls in self._endpoints.metrics.items():
            for url in urls:
                yield f"metrics.{service}", partial(_get_ok, f"{url}/metrics")
        if self._queries is not None:
            yield "prometheus", self._queries.check

    @property
    @override
    def address(self) -> str:
        return self._endpoints.address

    @override
    def urls(self, service: str, port: int | None = None) -> list[str]:
        """Return what the endpoints name: of the gateway, or where a service has its metrics."""
        gateway = self._endpoints.gateway
        if service == self.topology.gateway and gateway is not None:
            return [gateway.url]
        return list(self._endpoints.metrics.get(service, ()))

    @override
    def dsn(self) -> str:
        return self._endpoints.postgres

    @override
    def redis_url(self) -> str | None:
        return self._endpoints.redis if self.topology.redis is not None else None

    @override
    def payment_seed(self, seed: int) -> str | None:
        gateway = self._endpoints.gateway
        return gateway.seed if gateway is not None else None

    @override
    def empty_and_seed(self, price_cents: int, sales: Sequence[Sale], warm_up_product: int) -> bool:
        if self._endpoints.reset is None:
            return False
        told = {
            "SALE_PRODUCTS": " ".join(f"{sale.product_id}:{sale.stock}" for sale in sales),
            "PRICE_CENTS": str(price_cents),
            "WARM_UP_PRODUCT": str(warm_up_product),
        }
        words = ["/bin/sh", "-c", self._endpoints.reset.command]
        run_owner_command("reset.command", words, {**os.environ, **told})
        return True

    @override
    def facts(self) -> dict[str, Any]:
        return self.describe({}, enforced=False)

    @override
    def logs(self) -> Mapping[str, Path]:
        """Return no log: whoever keeps the deployment up has them."""
        return {}

    @override
    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        """Return what Prometheus says; without `memory` nothing: it scrapes every few seconds."""
        return self._queries.usage() if self._queries is not None and memory else {}

    @override
    def processes(self, service: str) -> int:
        """Refuse: nobody counts them (UsageError)."""
        raise UsageError(
            f"{self.topology.approach}: the processes of {service} are not counted",
            "the attached runtime hits no single process",
        )

    @override
    def down(self) -> None:
        """Undo every fault that is not undone yet, and leave the deployment up.

        Raises InfrastructureError for what could not be undone.
        """
        self.cancel()
        try:
            with ThreadPoolExecutor(thread_name_prefix="undo") as pool:
                undone = [pool.submit(replica.undo_all) for replica in self._all()]
            failed = [error for one in undone if (error := one.exception()) is not None]
        finally:
            self._state.remove()
        if failed:
            raise failed[0]

    def _start(self, replicas: Iterable[AttachedReplica]) -> None:
        for replica in replicas:
            replica.start()

    def _port(self, replica: AttachedReplica, container_port: int | None = None) -> int:
        raise UsageError(f"{replica.name} has no port here", "name its URL among the endpoints")

    def _dead(self) -> list[AttachedReplica]:
        return []

    def _wait_healthy(self, replica: AttachedReplica) -> None:
        self._wait(replica, replica.is_healthy, HEALTHY_LIMIT_S)

    def _probe(self, service: str, number: int) -> Callable[[], bool]:
        """Return what asks whether a replica is healthy."""
        facts = self.topology.redis
        if service == self.topology.ledger:
            return partial(_succeeds, self._ledger_answers)
        if facts is not None and service == facts.service:
            return partial(_succeeds, self._redis_answers)
        urls = self._endpoints.health.get(service, ())
        if not urls:
            return lambda: True  # no fault hits it: `AttachedRuntime.check`
        return partial(_succeeds, partial(_get_ok, urls[number - 1] if len(urls) > 1 else urls[0]))

    def _ledger_answers(self) -> None:
        with psycopg.connect(self.dsn(), connect_timeout=int(_ANSWER_LIMIT_S)) as ledger:
            ledger.execute("SELECT 1")

    def _redis_answers(self) -> None:
        url = self.redis_url() or ""
        with redis.Redis.from_url(
            url, socket_timeout=_ANSWER_LIMIT_S, socket_connect_timeout=_ANSWER_LIMIT_S
        ) as store:
            store.ping()


def _get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=_ANSWER_LIMIT_S)


def _get_ok(url: str) -> None:
    _get(url).raise_for_status()


def _succeeds(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (psycopg.Error, redis.RedisError, httpx.HTTPError):
        return False
    return True
