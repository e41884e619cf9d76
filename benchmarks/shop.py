"""The queued shop, or parts of it, deployed as its compose file states, for the benchmarks.

Stores, settings and durability are those of `docker-compose.queue.yml`, by the harness' own local
runtime: what is measured is what a campaign measures, without the services that a subject does not
need.
"""

import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError

import psycopg
import redis

from approaches.shop.accounts import Tokens
from benchmarks.measuring import ROOT, wait_for
from harness.runtimes.local import LocalRuntime
from harness.runtimes.local.local_deployment import LocalDeployment
from harness.topology import Topology, find_approach

SECRET = "a-secret-of-the-benchmarks-with-more-than-32-bytes"  # noqa: S105 - opens nothing
STORES = ("redis", "postgres")
PRODUCT_ID = 1
SOLD_OUT_PRODUCT_ID = 2
PRICE_CENTS = 99_900
UNITS = 100_000_000
TOKEN_TTL_S = 86_400

Settings = Mapping[tuple[str, str], object]


@dataclass(frozen=True, slots=True)
class Shop:
    """A deployment, and how to fill and ask it."""

    deployment: LocalDeployment

    @property
    def ledger_url(self) -> str:
        """Return the superuser's connection string of PostgreSQL."""
        return self.deployment.dsn()

    @property
    def redis_url(self) -> str:
        """Return the URL of Redis."""
        return self.deployment.redis_url() or ""

    def url(self, service: str) -> str:
        """Return the address of the first replica of a service."""
        return self.deployment.urls(service)[0]

    def cpu_s(self, *services: str) -> float:
        """Return the CPU seconds that these services have used since they came up."""
        usage = self.deployment.usage(memory=False)
        return sum(usage[service].cpu_s or 0.0 for service in services)

    def memory_bytes(self, service: str) -> int:
        """Return the PSS of a service."""
        return self.deployment.usage()[service].memory_bytes or 0

    def ledger(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a connection of the superuser that commits each statement."""
        return psycopg.connect(self.ledger_url, autocommit=True)

    def redis(self) -> "redis.Redis":
        """Return a client of Redis."""
        return redis.Redis.from_url(self.redis_url, decode_responses=True)

    def seed(self, users: int) -> None:
        """Put one product with units for ever on sale, one with one unit, and make users.

        Who leads the deployment tells Redis; `wait_on_sale` waits for it.
        """
        with self.ledger() as ledger:
            ledger.execute(
                "INSERT INTO products (id, name, price_cents, initial_stock)"
                " VALUES (%s, 'iPhone', %s, %s), (%s, 'The last one', %s, 1)",
                [PRODUCT_ID, PRICE_CENTS, UNITS, SOLD_OUT_PRODUCT_ID, PRICE_CENTS],
            )
            ledger.execute(
                "INSERT INTO users (email, name, password_hash)"
                " SELECT n || '@example.org', 'n', '-' FROM generate_series(1, %s) n",
                [users],
            )

    def wait_on_sale(self, within_s: float = 60.0) -> float:
        """Wait until both products are offered; return the seconds it took."""
        products = (PRODUCT_ID, SOLD_OUT_PRODUCT_ID)
        return wait_for(lambda: all(map(self._is_on_sale, products)), within_s)

    def _is_on_sale(self, product_id: int) -> bool:
        try:
            address = f"{self.url('api')}/products/{product_id}"
            with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
                return bool(json.load(answer)["stock"] > 0)
        except OSError:
            return False

    def buy(self, token: str, key: str, product_id: int = PRODUCT_ID) -> tuple[int, dict[str, Any]]:
        """Return status and answer of one POST /orders to the API."""
        body = json.dumps({"product_id": product_id, "quantity": 1}).encode()
        request = urllib.request.Request(f"{self.url('api')}/orders", body, method="POST")  # noqa: S310
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Idempotency-Key", key)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)


def tokens(users: int) -> list[str]:
    """Return a token of each of the first users."""
    issuer = Tokens(SECRET, TOKEN_TTL_S)
    return [str(issuer.issue(user)["token"]) for user in range(1, users + 1)]


def topology_of(services: Iterable[str], settings: Settings, scale: Mapping[str, int]) -> Topology:
    """Return the queue's topology with these services alone, and what is changed of them."""
    whole = find_approach(ROOT, "queue").with_variables({"SECRET_KEY": SECRET, "HARNESS_PORT": "0"})
    whole = whole.with_scale(scale)
    whole = whole.with_settings({key: str(value) for key, value in settings.items()})
    wanted = set(services)
    return replace(
        whole,
        services={
            name: replace(
                service,
                depends_on={on: how for on, how in service.depends_on.items() if on in wanted},
            )
            for name, service in whole.services.items()
            if name in wanted
        },
    )


@contextmanager
def deployed(
    services: Sequence[str],
    settings: Settings | None = None,
    scale: Mapping[str, int] | None = None,
) -> Iterator[Shop]:
    """Keep these services and the stores up while the block lasts; nothing is left afterwards."""
    topology = topology_of((*STORES, *services), settings or {}, scale or {})
    deployment = LocalRuntime().up(topology)
    try:
        yield Shop(deployment)
    finally:
        deployment.down()


def stop(shop: Shop, service: str) -> None:
    """Stop every replica of a service, as a container is stopped."""
    for number in range(1, len(shop.deployment.replicas_of(service)) + 1):
        shop.deployment.stop(service, number)
