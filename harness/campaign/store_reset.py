"""Empties the stores, seeds the stock of every sale, and proves both.

Stores are emptied from outside, by what `x-harness.ledger` says of their schema; how an approach
then learns of its stock is its own affair, so the last proof is asked over HTTP, as a buyer asks.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, LiteralString

import httpx
import psycopg
import redis

from harness.campaign.ledger_reading import among, not_yielded, rows_of
from harness.contract import Contract, Operation, units_in
from harness.errors import InfrastructureError
from harness.results.record import ProductProof, RedisProof, ResetProof, SaleProof
from harness.runtimes import Addresses, Deployment
from harness.runtimes import queue_lengths as queues
from harness.scenario.model import Product, Scenario
from harness.scenario.sales import Sale
from harness.topology import RELATIONS, LedgerSql, RedisFacts, Topology
from harness.topology.ledger_mistakes import blaming, waiting

WARM_UP_PRODUCT = 2
WARM_UP_STOCK = 1_000_000
STOCK_VISIBLE_LIMIT_S = 15.0
NO_STATISTICS = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.ObjectNotInPrerequisiteState,
)
"""What a server says that does not keep statistics of its statements."""
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
_FORGET_STATEMENTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') THEN
        PERFORM pg_stat_statements_reset();
    END IF;
END $$
"""
_SETTLING: tuple[LiteralString, ...] = ("VACUUM ANALYZE", "CHECKPOINT", _FORGET_STATEMENTS)
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

    Raises InfrastructureError as `prove_stores` does, and UsageError for a mistake in the file of
    the ledger.
    """
    try:
        with psycopg.connect(addresses.dsn, autocommit=True, connect_timeout=5) as ledger:
            not_yielded(ledger, topology.ledger_sql)  # refused before the load, not after it
            waiting(ledger, topology.ledger_sql)  # likewise: it is not asked again before the drain
            _empty_and_seed(ledger, topology.ledger_sql, scenario.product, sales)
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
            return _prove(ledger, topology.ledger_sql, sales, seen, *in_redis)
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
    ledger: psycopg.Connection[Any], sql: LedgerSql, product: Product, sales: Sequence[Sale]
) -> None:
    facts = {
        "name": product.name,
        "price_cents": product.price_cents,
        "per_user_limit": product.per_user_limit,
    }
    rows = [{"id": sale.product_id, "stock": sale.stock, **facts} for sale in sales]
    warm_up = {"name": "Warm-up", "price_cents": 100, "per_user_limit": None}
    rows.append({"id": WARM_UP_PRODUCT, "stock": WARM_UP_STOCK, **warm_up})
    with ledger.transaction(), psycopg.ClientCursor(ledger) as cursor:  # takes several statements
        with blaming(sql, "empty"):
            cursor.execute(sql.statement("empty"))
        with blaming(sql, "seed"):
            for row in rows:
                cursor.execute(sql.statement("seed"), row)


def _flush_redis(url: str | None) -> None:
    if url:
        with redis.Redis.from_url(url, socket_timeout=5) as store:
            store.flushall()


def _wait_until_visible(
    topology: Topology, address: str, sales: Sequence[Sale]
) -> list[int | None]:
    """Ask the shop for every stock, as a buyer would, until each is the seeded one.

    None of a shop whose contract says that it does not show it: it must show the product.
    """
    deadline_s = time.monotonic() + STOCK_VISIBLE_LIMIT_S
    page = Contract(topology.contract)["product"]
    with httpx.Client(base_url=address, timeout=5) as shop:
        for sale in sales:
            expected = sale.stock if page.shows("stock") else None
            while (answer := _offer(shop, page, sale, topology.path.name)) != expected:
                if time.monotonic() > deadline_s:
                    raise InfrastructureError(
                        f"{topology.approach}: the shop does not offer the "
                        f"{sale.stock} seeded units of product {sale.product_id}; "
                        f"its last answer was: {answer}",
                        "see the logs of the service that takes the load",
                    )
                time.sleep(0.05)
    return [sale.stock if page.shows("stock") else None for sale in sales]


def _offer(shop: httpx.Client, page: Operation, sale: Sale, file: str) -> int | str | None:
    """Return the stock that the shop shows, None if it shows none, or what it said instead."""
    try:
        path, headers, _ = page.compose({"product_id": sale.product_id, "token": ""})
        response = shop.request(page.method, path, headers=headers)
        status, facts = page.read(response.status_code, _object_in(response))
        if status == 200:
            return units_in(facts, file) if page.shows("stock") else None
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return repr(error)
    return f"{response.status_code} {response.text[:200]}"


def _object_in(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _prove(
    ledger: psycopg.Connection[Any],
    sql: LedgerSql,
    sales: Sequence[Sale],
    seen: Sequence[int | None],
    in_redis: RedisProof | None,
    counters: Sequence[int | None],
) -> ResetProof:
    on_sale = f"{among('id', [sale.product_id for sale in sales])} ORDER BY id"
    of_product = tuple(ProductProof.model_fields)
    products = rows_of(ProductProof, ledger, sql, "products", on_sale, of_product)
    if len(products) != len(sales):
        raise InfrastructureError(
            f"{sql.file}: after `seed` the products are not among those that it yields",
            "the ids that `products` yields must be those that `seed` is given",
        )
    proof = ResetProof(
        rows=_count_rows(ledger, sql),
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


def _count_rows(ledger: psycopg.Connection[Any], sql: LedgerSql) -> dict[str, int]:
    """Return the rows of each relation, and what the ledger's statement ``leftovers`` counts."""
    names = [name for name in RELATIONS if name in sql and name != "password_hashes"]
    rows: dict[str, int] = {}
    for name in names:
        with blaming(sql, name):
            counted = ledger.execute(sql.select("count(*)", name)).fetchone()
        rows[name] = int(counted[0]) if counted else 0
    if "leftovers" in sql:
        with blaming(sql, "leftovers"):
            rows |= {str(what): int(n) for what, n in ledger.execute(sql.statement("leftovers"))}
    return rows


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
        if offer.product != untouched or offer.stock_over_http not in (None, sale.stock):
            return False
        if found is not None and offer.redis_stock != sale.stock:
            return False
    return found is None or not (found.dead_letters or any((found.stream_lengths or {}).values()))
