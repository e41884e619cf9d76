"""Empties the stores, seeds the stock, and proves both.

Stores are emptied from outside, by the schema that every approach shares; how an approach then
learns of its stock is its own affair, so the last proof is asked over HTTP, where a buyer would.
"""

import time
from typing import Any

import httpx
import psycopg
import redis

from harness.errors import InfrastructureError
from harness.runtimes import Deployment
from harness.scenario import Scenario
from harness.telemetry import SALE_PRODUCT

WARM_UP_PRODUCT = 2
WARM_UP_STOCK = 1_000_000
TABLES = (
    "users",
    "orders",
    "payments",
    "stock_moves",
    "order_events",
    "purchase_counts",
    "products",
)
STOCK_VISIBLE_LIMIT_S = 15.0


def reset(deployment: Deployment, scenario: Scenario) -> dict[str, Any]:
    """Empty PostgreSQL and Redis, seed the sale and the warm-up product, and return the proof.

    The proof is what was counted afterwards; its ``clean`` says whether all of it is as it must be.
    Raises InfrastructureError if a store does not answer or the stock does not become visible.
    """
    try:
        with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
            _empty_and_seed(ledger, scenario)
            _flush_redis(deployment)
            seen = _wait_until_visible(deployment, scenario.product.stock)
            proof = _prove(ledger, deployment) | {"stock_over_http": seen}
    except (psycopg.Error, redis.RedisError) as error:
        raise InfrastructureError(
            f"{deployment.topology.approach}: cannot reset the stores: {error}",
            "see the stores' logs; `harness doctor` checks the machine",
        ) from error
    proof["clean"] = _is_clean(proof, scenario.product.stock)
    return proof


def settle_stores(deployment: Deployment) -> None:
    """Bring PostgreSQL to the same physical state before every load (VACUUM, CHECKPOINT)."""
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        ledger.execute("VACUUM ANALYZE")
        ledger.execute("CHECKPOINT")
        ledger.execute("SELECT pg_stat_statements_reset()")


def _empty_and_seed(ledger: psycopg.Connection[Any], scenario: Scenario) -> None:
    product = scenario.product
    with ledger.transaction():
        ledger.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY CASCADE")
        insert = (
            "INSERT INTO products (id, name, price_cents, initial_stock, per_user_limit)"
            " VALUES (%s, %s, %s, %s, %s)"
        )
        ledger.execute(
            insert,
            (
                SALE_PRODUCT,
                product.name,
                product.price_cents,
                product.stock,
                product.per_user_limit,
            ),
        )
        ledger.execute(insert, (WARM_UP_PRODUCT, "Warm-up", 100, WARM_UP_STOCK, None))


def _flush_redis(deployment: Deployment) -> None:
    url = deployment.redis_url()
    if url:
        with redis.Redis.from_url(url, socket_timeout=5) as store:
            store.flushall()


def _wait_until_visible(deployment: Deployment, stock: int) -> int:
    """Ask the shop for its stock, as a buyer would, until it is the seeded one."""
    deadline_s = time.monotonic() + STOCK_VISIBLE_LIMIT_S
    answer = ""
    with httpx.Client(base_url=deployment.address, timeout=5) as shop:
        while time.monotonic() < deadline_s:
            try:
                response = shop.get(f"/products/{SALE_PRODUCT}")
                answer = f"{response.status_code} {response.text[:200]}"
                if response.status_code == 200 and response.json()["stock"] == stock:
                    return stock
            except (httpx.HTTPError, ValueError, KeyError) as error:
                answer = repr(error)
            time.sleep(0.05)
    raise InfrastructureError(
        f"{deployment.topology.approach}: the shop does not offer the {stock} seeded units; "
        f"its last answer was: {answer}",
        "see the logs of the service that takes the load",
    )


def _prove(ledger: psycopg.Connection[Any], deployment: Deployment) -> dict[str, Any]:
    rows = {
        table: ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]  # noqa: S608
        for table in TABLES
    }
    stock = ledger.execute(
        "SELECT initial_stock, reserved, sold FROM products WHERE id = %s", (SALE_PRODUCT,)
    ).fetchone()
    assert stock is not None  # noqa: S101 - seeded a moment ago
    proof: dict[str, Any] = {
        "rows": rows,
        "product": {"initial_stock": stock[0], "reserved": stock[1], "sold": stock[2]},
        "redis": None,
    }
    facts, url = deployment.topology.redis, deployment.redis_url()
    if facts and url:
        with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
            proof["redis"] = {
                "stock": int(str(store.get(facts.stock % SALE_PRODUCT) or -1)),
                "stream_lengths": {name: store.xlen(name) for name in facts.streams},
                "dead_letters": store.xlen(facts.dead_letters),
                "configuration": {
                    key: store.config_get(key)[key]
                    for key in ("appendonly", "appendfsync", "maxmemory-policy")
                },
            }
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    proof["postgres"] = {
        name: ledger.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]  # type: ignore[index]
        for name in settings
    }
    return proof


def _is_clean(proof: dict[str, Any], stock: int) -> bool:
    rows = proof["rows"]
    clean: bool = (
        all(count == 0 for table, count in rows.items() if table != "products")
        and rows["products"] == 2
        and proof["product"] == {"initial_stock": stock, "reserved": 0, "sold": 0}
        and proof["stock_over_http"] == stock
    )
    if proof["redis"] is not None:
        found = proof["redis"]
        clean = clean and found["stock"] == stock and found["dead_letters"] == 0
        clean = clean and not any(found["stream_lengths"].values())
    return clean
