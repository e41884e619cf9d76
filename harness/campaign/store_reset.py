"""Empties the stores, seeds the stock of every sale, and proves both.

Stores are emptied from outside, by the schema that every approach shares; how an approach then
learns of its stock is its own affair, so the last proof is asked over HTTP, where a buyer would.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, LiteralString

import httpx
import psycopg
import redis
from psycopg.rows import class_row

from harness.errors import InfrastructureError
from harness.results.record import ProductProof, RedisProof, ResetProof, SaleProof
from harness.runtimes import Addresses, Deployment
from harness.runtimes import queue_lengths as queues
from harness.scenario.model import Product, Scenario
from harness.scenario.sales import Sale
from harness.topology import RedisFacts, Topology

WARM_UP_PRODUCT = 2
WARM_UP_STOCK = 1_000_000
TABLES = (
    "users",
    "orders",
    "payments",
    "stock_moves",
    "order_events",
    "purchase_counts",
    "cancelled_orders",
    "products",
)
STOCK_VISIBLE_LIMIT_S = 15.0
_SETTLING: tuple[LiteralString, ...] = (
    "VACUUM ANALYZE",
    "CHECKPOINT",
    "SELECT pg_stat_statements_reset()",
)
NO_STATISTICS = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.ObjectNotInPrerequisiteState,
)
"""What a server says that does not keep statistics of its statements."""
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
_SETTINGS_OF_ROLES = """
SELECT coalesce(rolname, 'every role'), split_part(setting, '=', 1), split_part(setting, '=', 2)
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS setting
WHERE split_part(setting, '=', 1) = ANY(%s)
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY s.setdatabase, 1, 2
"""


def reset(deployment: Deployment, scenario: Scenario, sales: Sequence[Sale]) -> ResetProof:
    """Empty and seed the stores of a deployment of this process, and return the proof.

    A deployment that has a way of its own goes it; the proof is the same. Raises as `reset_stores`.
    """
    shop, dsn, redis_url = deployment.address, deployment.dsn(), deployment.redis_url()
    addresses = Addresses(shop, {}, dsn, redis_url)
    if deployment.empty_and_seed(scenario.product.price_cents, sales, WARM_UP_PRODUCT):
        return prove_stores(deployment.topology, addresses, sales)
    return reset_stores(deployment.topology, addresses, scenario, sales)


def reset_stores(
    topology: Topology, addresses: Addresses, scenario: Scenario, sales: Sequence[Sale]
) -> ResetProof:
    """Empty PostgreSQL and Redis, seed every sale and the warm-up product, and return the proof.

    Raises InfrastructureError as `prove_stores` does.
    """
    try:
        with psycopg.connect(addresses.dsn, autocommit=True, connect_timeout=5) as ledger:
            _empty_and_seed(ledger, scenario.product, sales)
            _flush_redis(addresses.redis_url)
    except (psycopg.Error, redis.RedisError) as error:
        raise _cannot_reset(topology, error) from error
    return prove_stores(topology, addresses, sales)


def prove_stores(topology: Topology, addresses: Addresses, sales: Sequence[Sale]) -> ResetProof:
    """Return what is counted in stores that were emptied and seeded.

    Its `clean` says whether all of it is as it must be. Raises InfrastructureError if a store does
    not answer or the stock does not become visible.
    """
    try:
        with psycopg.connect(addresses.dsn, autocommit=True, connect_timeout=5) as ledger:
            seen = _wait_until_visible(topology, addresses.shop, sales)
            in_redis = _prove_redis(topology, addresses.redis_url, sales)
            return _prove(ledger, sales, seen, *in_redis)
    except (psycopg.Error, redis.RedisError) as error:
        raise _cannot_reset(topology, error) from error


def _cannot_reset(topology: Topology, error: Exception) -> InfrastructureError:
    return InfrastructureError(
        f"{topology.approach}: cannot reset the stores: {error}",
        "see the stores' logs; `harness doctor` checks the machine",
    )


def settle_stores(deployment: Deployment) -> None:
    """Bring PostgreSQL to the same physical state before every load (VACUUM, CHECKPOINT).

    Where the ledger is somebody else's, what we may not do is left out.
    """
    forgiven = () if deployment.is_ours else (psycopg.errors.InsufficientPrivilege, *NO_STATISTICS)
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        for statement in _SETTLING:
            with suppress(*forgiven):
                ledger.execute(statement)


def _empty_and_seed(
    ledger: psycopg.Connection[Any], product: Product, sales: Sequence[Sale]
) -> None:
    facts = (product.name, product.price_cents)
    rows = [(sale.product_id, *facts, sale.stock, product.per_user_limit) for sale in sales]
    rows.append((WARM_UP_PRODUCT, "Warm-up", 100, WARM_UP_STOCK, None))
    with ledger.transaction(), ledger.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY CASCADE")
        cursor.executemany(
            "INSERT INTO products (id, name, price_cents, initial_stock, per_user_limit)"
            " VALUES (%s, %s, %s, %s, %s)",
            rows,
        )


def _flush_redis(url: str | None) -> None:
    if url:
        with redis.Redis.from_url(url, socket_timeout=5) as store:
            store.flushall()


def _wait_until_visible(topology: Topology, address: str, sales: Sequence[Sale]) -> list[int]:
    """Ask the shop for every stock, as a buyer would, until each is the seeded one."""
    deadline_s = time.monotonic() + STOCK_VISIBLE_LIMIT_S
    with httpx.Client(base_url=address, timeout=5) as shop:
        for sale in sales:
            while (answer := _offer(shop, sale)) != sale.stock:
                if time.monotonic() > deadline_s:
                    raise InfrastructureError(
                        f"{topology.approach}: the shop does not offer the "
                        f"{sale.stock} seeded units of product {sale.product_id}; "
                        f"its last answer was: {answer}",
                        "see the logs of the service that takes the load",
                    )
                time.sleep(0.05)
    return [sale.stock for sale in sales]


def _offer(shop: httpx.Client, sale: Sale) -> int | str:
    """Return the stock that the shop shows, or what it said instead."""
    try:
        response = shop.get(f"/products/{sale.product_id}")
        if response.status_code == 200:
            return int(response.json()["stock"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return repr(error)
    return f"{response.status_code} {response.text[:200]}"


def _prove(
    ledger: psycopg.Connection[Any],
    sales: Sequence[Sale],
    seen: Sequence[int],
    in_redis: RedisProof | None,
    counters: Sequence[int | None],
) -> ResetProof:
    rows = {
        table: ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]  # noqa: S608
        for table in TABLES
    }
    cursor = ledger.cursor(row_factory=class_row(ProductProof))
    products = cursor.execute(
        "SELECT initial_stock, reserved, sold FROM products WHERE id = ANY(%s) ORDER BY id",
        ([sale.product_id for sale in sales],),
    ).fetchall()
    proof = ResetProof(
        rows=rows,
        product=products[0],
        stock_over_http=seen[0],
        redis=in_redis,
        sales=[
            SaleProof(
                product_id=sale.product_id,
                product=product,
                stock_over_http=over_http,
                redis_stock=counter,
            )
            for sale, product, over_http, counter in zip(
                sales, products, seen, counters, strict=True
            )
        ],
        postgres={
            name: ledger.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]  # type: ignore[index]
            for name in _DURABILITY
        },
        postgres_roles=settings_of_roles(ledger),
    )
    return proof.model_copy(update={"clean": _is_clean(proof, sales)})


def _prove_redis(
    topology: Topology, url: str | None, sales: Sequence[Sale]
) -> tuple[RedisProof | None, Sequence[int | None]]:
    """Return what Redis holds, and its counter of each sale; of an approach without it, nothing."""
    facts = topology.redis
    if not facts or not url:
        return None, [None] * len(sales)
    with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
        counters = stock_counters(store, facts, [sale.product_id for sale in sales])
        found = queues.sizes(store, (*facts.queues, facts.dead_letters))
        proof = RedisProof(
            stock=counters[0],
            stream_lengths={name: found[name]["length"] for name in facts.queues},
            dead_letters=found[facts.dead_letters]["length"],
            configuration=_configuration(store),
        )
    return proof, counters


def _configuration(store: redis.Redis) -> dict[str, str] | None:
    """Return what decides durability and eviction; None: a provider who does not let us ask."""
    keys = ("appendonly", "appendfsync", "maxmemory-policy")
    try:
        return {key: str(store.config_get(key)[key]) for key in keys}
    except redis.ResponseError:
        return None


def settings_of_roles(ledger: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    """Return what roles have in place of the server's own durability, by role.

    The harness looks with a role of its own, whose sessions would not show what another's get.
    """
    found: dict[str, dict[str, str]] = {}
    for role, name, value in ledger.execute(_SETTINGS_OF_ROLES, [list(_DURABILITY)]):
        found.setdefault(role, {})[name] = value
    return found


def stock_counters(
    store: redis.Redis, facts: RedisFacts, product_ids: Sequence[int]
) -> list[int | None]:
    """Return the units that Redis would still accept of each product; None if it has no counter."""
    found: Any = store.mget([facts.stock % product_id for product_id in product_ids])
    return [None if value is None else int(value) for value in found]


def _is_clean(proof: ResetProof, sales: Sequence[Sale]) -> bool:
    rows, found = proof.rows or {}, proof.redis
    if any(count for table, count in rows.items() if table != "products"):
        return False
    if rows["products"] != len(sales) + 1:
        return False
    for sale, offer in zip(sales, proof.sales or (), strict=True):
        untouched = ProductProof(initial_stock=sale.stock, reserved=0, sold=0)
        if offer.product != untouched or offer.stock_over_http != sale.stock:
            return False
        if found is not None and offer.redis_stock != sale.stock:
            return False
    return found is None or not (found.dead_letters or any((found.stream_lengths or {}).values()))
