"""The ledger's statements: each a whole step, each safe to repeat.

A worker that lost its connection in COMMIT does not know whether the step was taken. So every step
is one statement (one transaction, one round trip, and the hot row of the product is locked only
for its commit) whose effects hang on rows that it really inserted or really moved.

Orders are taken only from the present life of Redis. A worker may hold orders that a Redis accepted
which has lost its data since; once the rebuild has read what the ledger holds, their units are on
sale again. So a rebuild after such a loss begins a new epoch in the ledger *before* it reads, waits
thereby for the inserts under way, and those that come later are refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, IsolationLevel

from approaches.queue.drift import LedgerStock
from approaches.queue.order import Order, from_microseconds, to_microseconds
from approaches.queue.store import Settlement
from approaches.shop.catalogue import Product
from approaches.shop.order_metrics import count_settled
from approaches.shop.orders import Status
from approaches.shop.stocktaking import STOCKTAKING_SQL, Stock

Connection = AsyncConnection[tuple[Any, ...]]

_INSERT = """
WITH incoming AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(users)s::bigint[], %(products)s::int[],
                         %(quantities)s::int[], %(keys)s::text[], %(amounts)s::bigint[],
                         %(instants)s::timestamptz[], %(epochs)s::bigint[])
        AS t (id, user_id, product_id, quantity, key, amount_cents, accepted_at, epoch)
), present AS (
    SELECT epoch FROM mirror_life FOR SHARE
), inserted AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    SELECT id, user_id, product_id, quantity, key, amount_cents, 'awaiting_payment', 2, accepted_at
    FROM incoming JOIN present USING (epoch)
    ON CONFLICT DO NOTHING
    RETURNING id, product_id, quantity, accepted_at
), events AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT id, 1, 'accepted', accepted_at FROM inserted
    UNION ALL
    SELECT id, 2, 'awaiting_payment', greatest(accepted_at, clock_timestamp()) FROM inserted
), moves AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at)
    SELECT id, 'reserve', quantity, accepted_at FROM inserted
), held AS (
    UPDATE products p SET reserved = p.reserved + h.units
    FROM (SELECT product_id, sum(quantity) AS units FROM inserted GROUP BY product_id) h
    WHERE p.id = h.product_id
)
SELECT id::text FROM inserted
"""

_SETTLE = """
WITH results AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(charges)s::text[])
        AS t (order_id, status, charge_id)
), changed AS (
    UPDATE orders o
    SET status = r.status, version = o.version + 1,
        settled_at = CASE WHEN r.status = 'unknown' THEN NULL ELSE clock_timestamp() END
    FROM results r
    WHERE o.id = r.order_id
      AND (o.status = 'awaiting_payment' OR (o.status = 'unknown' AND r.status <> 'unknown'))
    RETURNING o.id, o.product_id, o.quantity, o.amount_cents, o.status, o.version, o.settled_at,
              r.charge_id, extract(epoch FROM o.settled_at - o.accepted_at)::float8 AS duration_s
), events AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT id, version, status, coalesce(settled_at, clock_timestamp()) FROM changed
), paid AS (
    INSERT INTO payments (order_id, charge_id, outcome, amount_cents, at)
    SELECT id, charge_id, CASE status WHEN 'confirmed' THEN 'approved' ELSE 'declined' END,
           amount_cents, settled_at
    FROM changed WHERE status <> 'unknown'
), moves AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at)
    SELECT id, CASE status WHEN 'confirmed' THEN 'sell' ELSE 'release' END, quantity, settled_at
    FROM changed WHERE status <> 'unknown'
), counted AS (
    UPDATE products p SET reserved = p.reserved - c.units, sold = p.sold + c.sold
    FROM (SELECT product_id, sum(quantity) AS units,
                 coalesce(sum(quantity) FILTER (WHERE status = 'confirmed'), 0) AS sold
          FROM changed WHERE status <> 'unknown' GROUP BY product_id) c
    WHERE p.id = c.product_id
)
SELECT id::text, product_id, status, version, settled_at, duration_s FROM changed
"""

_STATES = """
SELECT id::text, product_id, status, version, settled_at FROM orders WHERE id = ANY(%s::uuid[])
"""

_ORDER_COLUMNS = """
SELECT id::text, user_id, idempotency_key, product_id, quantity, amount_cents, status, version,
       accepted_at, settled_at
FROM orders
"""

_PRODUCTS = """
SELECT id, name, price_cents, initial_stock, reserved, sold, per_user_limit FROM products
"""

_STOCKS = """
SELECT p.id, p.initial_stock - p.reserved - p.sold, p.sold,
       coalesce((SELECT sum(m.quantity)::int
                 FROM stock_moves m JOIN orders o ON o.id = m.order_id
                 WHERE o.product_id = p.id AND m.kind = 'release' AND m.relayed_at IS NULL), 0)
FROM products p
"""

_UNRELAYED = """
SELECT o.id::text, o.product_id, o.status, o.version, o.settled_at
FROM stock_moves m JOIN orders o ON o.id = m.order_id
WHERE m.kind = 'release' AND m.relayed_at IS NULL
  AND m.at < clock_timestamp() - %s * interval '1 second'
ORDER BY m.at LIMIT %s
"""

_RELAYED = """
UPDATE stock_moves SET relayed_at = clock_timestamp()
WHERE order_id = ANY(%s::uuid[]) AND kind = 'release' AND relayed_at IS NULL
"""


_EPOCH = "SELECT epoch FROM mirror_life"

_BEGIN_EPOCH = """
UPDATE mirror_life SET epoch = epoch + 1 WHERE epoch = %s RETURNING epoch
"""


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of orders that were to be recorded, by id; the others met another order's key."""

    recorded: set[str]
    outlived: set[str]
    """Accepted by a Redis that has lost its data since: not recorded."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the payment gateway said about an order: confirmed, declined or unknown."""

    order_id: str
    status: Status
    charge_id: str | None


async def insert_orders(connection: Connection, orders: Sequence[Order]) -> Intake:
    """Record accepted orders as awaiting payment and hold their stock; say which are on record.

    Raises psycopg.IntegrityError, with nothing recorded, if the ledger's constraints refuse one.
    """
    parameters = {
        "ids": [order.id for order in orders],
        "users": [order.user_id for order in orders],
        "products": [order.product_id for order in orders],
        "quantities": [order.quantity for order in orders],
        "keys": [order.key for order in orders],
        "amounts": [order.amount_cents for order in orders],
        "instants": [from_microseconds(order.accepted_at_us) for order in orders],
        "epochs": [order.epoch for order in orders],
    }
    cursor = await connection.execute(_INSERT, parameters)
    recorded = {row[0] for row in await cursor.fetchall()}
    missing = [order.id for order in orders if order.id not in recorded]
    if not missing:
        return Intake(recorded, set())
    # a redo, a conflict, or too late: a fresh snapshot tells which
    cursor = await connection.execute(_STATES, [missing])
    recorded |= {row[0] for row in await cursor.fetchall()}
    present = await read_epoch(connection)
    late = {order.id for order in orders if order.epoch != present}
    return Intake(recorded, late - recorded)


async def read_epoch(connection: Connection) -> int:
    """Read which life of Redis orders are taken from."""
    cursor = await connection.execute(_EPOCH)
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def begin_epoch(connection: Connection, *, after: int) -> int | None:
    """Take no more orders of the life `after`; return the new one, None if somebody was faster."""
    cursor = await connection.execute(_BEGIN_EPOCH, [after])
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def settle_orders(connection: Connection, results: Sequence[Result]) -> dict[str, Settlement]:
    """Record payment outcomes; return the state now on record of each order, by id.

    Conditional on the order's status, so whoever comes second changes nothing and learns what the
    first one recorded. An order that is missing from the answer is not in the ledger. What ended
    by this very statement is counted.
    """
    parameters = {
        "ids": [result.order_id for result in results],
        "statuses": [str(result.status) for result in results],
        "charges": [result.charge_id for result in results],
    }
    cursor = await connection.execute(_SETTLE, parameters)
    changed = await cursor.fetchall()
    for *_, status, _, _, duration_s in changed:
        if duration_s is not None:
            count_settled(status, duration_s)
    settled = _settlements(row[:-1] for row in changed)
    others = [result.order_id for result in results if result.order_id not in settled]
    if others:  # a fresh snapshot: the statement's own does not see who came first
        cursor = await connection.execute(_STATES, [others])
        settled |= _settlements(await cursor.fetchall())
    return settled


async def unrelayed_releases(
    connection: Connection, *, older_than_s: float, limit: int
) -> list[Settlement]:
    """Read declined orders whose stock Redis has not been told to release."""
    cursor = await connection.execute(_UNRELAYED, [older_than_s, limit])
    return list(_settlements(await cursor.fetchall()).values())


async def mark_relayed(connection: Connection, order_ids: Sequence[str]) -> None:
    """Record that Redis has taken these releases over."""
    await connection.execute(_RELAYED, [list(order_ids)])


async def read_order(connection: Connection, order_id: str) -> Order | None:
    """Read one order, or None."""
    cursor = await connection.execute(_ORDER_COLUMNS + "WHERE id = %s::uuid", [order_id])
    row = await cursor.fetchone()
    return None if row is None else _order(row)


async def open_orders(connection: Connection, *, older_than_s: float) -> list[Order]:
    """Read the orders that wait for a payment and were accepted longer ago than that."""
    where = (
        "WHERE status IN ('awaiting_payment', 'unknown')"
        " AND accepted_at < clock_timestamp() - %s * interval '1 second' ORDER BY accepted_at"
    )
    cursor = await connection.execute(_ORDER_COLUMNS + where, [older_than_s])
    return [_order(row) for row in await cursor.fetchall()]


async def ping(connection: Connection) -> None:
    """Ask for nothing."""
    await connection.execute("SELECT 1")


async def has_product(connection: Connection, product_id: int) -> bool:
    """Say whether there is such a product."""
    cursor = await connection.execute("SELECT 1 FROM products WHERE id = %s", [product_id])
    return await cursor.fetchone() is not None


async def stocks(connection: Connection) -> dict[int, LedgerStock]:
    """Read the units of every product, as of one instant."""
    cursor = await connection.execute(_STOCKS)
    return {row[0]: LedgerStock(*row[1:]) for row in await cursor.fetchall()}


async def take_stock(connection: Connection) -> Stock:
    """Count open orders and units, as of one instant."""
    cursor = await connection.execute(STOCKTAKING_SQL)
    return Stock.of_row(await cursor.fetchone())


async def recorded(connection: Connection, order_ids: Sequence[str]) -> set[str]:
    """Say which of these orders the ledger holds."""
    cursor = await connection.execute(_STATES, [list(order_ids)])
    return {row[0] for row in await cursor.fetchall()}


async def read_products(connection: Connection) -> list[Product]:
    """Read every product."""
    cursor = await connection.execute(_PRODUCTS)
    return [Product(*row) for row in await cursor.fetchall()]


async def snapshot(connection: Connection, product_id: int) -> tuple[Product, list[Order]] | None:
    """Read a product and all its orders as they were at one instant, or None if there is none."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        async with connection.transaction():
            cursor = await connection.execute(_PRODUCTS + "WHERE id = %s", [product_id])
            product = await cursor.fetchone()
            cursor = await connection.execute(
                _ORDER_COLUMNS + "WHERE product_id = %s", [product_id]
            )
            orders = [_order(row) for row in await cursor.fetchall()]
    finally:
        await connection.set_isolation_level(None)
    return None if product is None else (Product(*product), orders)


def _order(row: tuple[Any, ...]) -> Order:
    *facts, status, version, accepted_at, settled_at = row
    settled_at_us = None if settled_at is None else to_microseconds(settled_at)
    order_id, user_id, key, product_id, quantity, amount_cents = facts
    return Order(
        id=order_id,
        user_id=user_id,
        key=key,
        product_id=product_id,
        quantity=quantity,
        amount_cents=amount_cents,
        status=Status(status),
        version=version,
        accepted_at_us=to_microseconds(accepted_at),
        settled_at_us=settled_at_us,
    )


def _settlements(rows: Iterable[tuple[Any, ...]]) -> dict[str, Settlement]:
    return {
        order_id: Settlement(
            order_id,
            product_id,
            status,
            version,
            None if settled_at is None else to_microseconds(settled_at),
        )
        for order_id, product_id, status, version, settled_at in rows
    }


def held_units(orders: Iterable[Order]) -> Mapping[int, int]:
    """Count the units each user holds or has bought; a declined order holds nothing."""
    held: dict[int, int] = {}
    for order in orders:
        if order.status is not Status.DECLINED:
            held[order.user_id] = held.get(order.user_id, 0) + order.quantity
    return held
