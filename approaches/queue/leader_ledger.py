"""The ledger's statements for the leader: what Redis has to know, and what it must have known.

Whatever may be many is read in pages, from one snapshot, so that neither memory nor the leader's
lock depends on how many orders there are.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import IsolationLevel

from approaches.queue.drift import LedgerStock
from approaches.queue.leader_store import EndedKey
from approaches.queue.ledger import (
    ORDER_COLUMNS,
    Connection,
    order_of_row,
    settlements_of_rows,
)
from approaches.queue.order import Order
from approaches.queue.redis_store import Mark, Settlement
from approaches.shop.catalogue import Product
from approaches.shop.inventory_metrics import INVENTORY_SQL, OVERSOLD_SQL, Inventory

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

# What a rebuild writes back: open orders, and ends that a hash in Redis may not have reached yet.
_UNFINISHED = (
    ORDER_COLUMNS
    + """
WHERE product_id = %(product)s AND status IN ('awaiting_payment', 'unknown')
UNION ALL
SELECT o.id::text, o.user_id, o.idempotency_key, o.product_id, o.quantity, o.amount_cents,
       o.status, o.version, o.accepted_at, o.settled_at
FROM stock_moves m JOIN orders o ON o.id = m.order_id
WHERE m.kind = 'release' AND m.relayed_at IS NULL AND o.product_id = %(product)s
"""
)

_HOLDINGS = """
SELECT user_id, sum(quantity)::int FROM orders
WHERE product_id = %(product)s AND status <> 'declined' GROUP BY user_id
"""

_ENDED = """
FROM orders
WHERE product_id = ANY(%(products)s) AND settled_at > now() - %(ttl_s)s * interval '1 second'
"""

_HAS_ENDED = f"SELECT EXISTS (SELECT {_ENDED})"

_ENDED_KEYS = f"""
SELECT user_id || '|' || idempotency_key, id || '|' || product_id || '|' || quantity,
       ceil(1000 * (%(ttl_s)s - extract(epoch FROM now() - settled_at)))::bigint::text
{_ENDED}
"""  # noqa: S608

# The statuses as the index of open orders has them.
_OPEN_BEFORE = """
WHERE status IN ('accepted', 'awaiting_payment', 'unknown')
  AND accepted_at < clock_timestamp() - %s * interval '1 second'
"""

_COUNT_OPEN = (
    """
SELECT count(*) FROM orders
"""
    + _OPEN_BEFORE
)

_OPEN_IDS = (
    """
SELECT id::text FROM orders
"""
    + _OPEN_BEFORE
)

_MARK = """
SELECT l.epoch, coalesce(m.seq, 0), coalesce(m.beat, 0)
FROM redis_epoch l LEFT JOIN redis_progress m USING (epoch)
"""

_BEGIN_EPOCH = """
WITH begun AS (
    UPDATE redis_epoch SET epoch = greatest(epoch, %(at_least)s) + 1 WHERE epoch = %(after)s
    RETURNING epoch
), marked AS (
    UPDATE redis_progress SET epoch = begun.epoch, seq = 0, beat = 0 FROM begun
)
SELECT epoch FROM begun
"""

_RAISE_MARK = """
UPDATE redis_progress SET seq = greatest(seq, %s), beat = greatest(beat, %s) WHERE epoch = %s
"""


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """What a Redis must at least know to be the one that this ledger has seen."""

    mark: Mark
    beat: int


async def read_mark(connection: Connection) -> LedgerMark:
    """Read how far Redis must have come."""
    cursor = await connection.execute(_MARK)
    row = await cursor.fetchone()
    epoch, seq, beat = row or (0, 0, 0)
    return LedgerMark(Mark(epoch, seq), beat)


async def raise_mark(connection: Connection, mark: Mark, beat: int) -> None:
    """Record that Redis has come this far, if its epoch is still the present one."""
    await connection.execute(_RAISE_MARK, [mark.seq, beat, mark.epoch])


async def begin_epoch(connection: Connection, *, after: int, at_least: int = 0) -> int | None:
    """Take no more orders of the epoch `after`; return the new one, None if somebody was faster.

    It is later than `at_least`, too.
    """
    cursor = await connection.execute(_BEGIN_EPOCH, {"after": after, "at_least": at_least})
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def stocks(connection: Connection) -> dict[int, LedgerStock]:
    """Read the units of every product, as of one instant."""
    cursor = await connection.execute(_STOCKS)
    return {row[0]: LedgerStock(*row[1:]) for row in await cursor.fetchall()}


async def read_inventory(connection: Connection) -> Inventory:
    """Count open orders and units, as of one instant."""
    cursor = await connection.execute(INVENTORY_SQL)
    return Inventory.of_row(await cursor.fetchone())


async def count_oversold(connection: Connection) -> int:
    """Count the units promised beyond the stock; this reads every order."""
    cursor = await connection.execute(OVERSOLD_SQL)
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def recorded(connection: Connection, order_ids: Sequence[str]) -> set[str]:
    """Return which of these orders the ledger holds."""
    query = "SELECT id::text FROM orders WHERE id = ANY(%s::uuid[])"
    cursor = await connection.execute(query, [list(order_ids)])
    return {row[0] for row in await cursor.fetchall()}


async def read_orders(connection: Connection, order_ids: Sequence[str]) -> list[Order]:
    """Read those of these orders that the ledger holds."""
    query = ORDER_COLUMNS + "WHERE id = ANY(%s::uuid[])"
    cursor = await connection.execute(query, [list(order_ids)])
    return [order_of_row(row) for row in await cursor.fetchall()]


async def unrelayed_releases(
    connection: Connection, *, older_than_s: float, limit: int
) -> list[Settlement]:
    """Read declined orders whose stock Redis has not released yet."""
    cursor = await connection.execute(_UNRELAYED, [older_than_s, limit])
    return list(settlements_of_rows(await cursor.fetchall()).values())


async def count_open_orders(connection: Connection, *, older_than_s: float) -> int:
    """Count the orders without an outcome that were accepted longer ago than that."""
    cursor = await connection.execute(_COUNT_OPEN, [older_than_s])
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def open_order_ids(
    connection: Connection, *, older_than_s: float, after: str | None, limit: int
) -> list[str]:
    """Read a page of the orders without an outcome, in the order of acceptance, from `after` on."""
    query = _OPEN_IDS
    parameters: list[Any] = [older_than_s]
    if after is not None:
        query += " AND (accepted_at, id) >"
        query += " ((SELECT accepted_at FROM orders WHERE id = %s::uuid), %s::uuid)"
        parameters += [after, after]
    query += " ORDER BY accepted_at, id LIMIT %s"
    cursor = await connection.execute(query, [*parameters, limit])
    return [row[0] for row in await cursor.fetchall()]


async def read_products(connection: Connection) -> list[Product]:
    """Read every product."""
    cursor = await connection.execute(_PRODUCTS)
    return [Product(*row) for row in await cursor.fetchall()]


class Snapshot:
    """A product and its orders as of one instant, however long reading them takes."""

    def __init__(self, connection: Connection, product_id: int, page: int) -> None:
        self._connection = connection
        self._product_id = product_id
        self._page = page

    async def product(self) -> Product | None:
        """Read the product, or None if there is none."""
        query = _PRODUCTS + "WHERE id = %s"
        cursor = await self._connection.execute(query, [self._product_id])
        row = await cursor.fetchone()
        return None if row is None else Product(*row)

    async def recorded(self, order_ids: Sequence[str]) -> set[str]:
        """Return which of these orders the ledger holds."""
        return await recorded(self._connection, order_ids)

    async def unfinished(self) -> AsyncIterator[list[Order]]:
        """Read the orders that are open, or whose release Redis has not confirmed."""
        async for rows in self._pages(_UNFINISHED):
            yield [order_of_row(row) for row in rows]

    async def holdings(self) -> AsyncIterator[dict[int, int]]:
        """Read how many units each buyer holds or has bought."""
        async for rows in self._pages(_HOLDINGS):
            yield dict(rows)

    async def has_ended_keys(self, ttl_s: float) -> bool:
        """Return True if there are idempotency keys of orders that ended at most so long ago."""
        parameters = {"products": [self._product_id], "ttl_s": float(ttl_s)}
        cursor = await self._connection.execute(_HAS_ENDED, parameters)
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def _pages(self, query: str) -> AsyncIterator[list[Any]]:
        async with self._connection.cursor(name="pages") as cursor:
            await cursor.execute(query, {"product": self._product_id})
            while rows := await cursor.fetchmany(self._page):
                yield rows


@asynccontextmanager
async def snapshot(
    connection: Connection, product_id: int, *, page: int
) -> AsyncIterator[Snapshot]:
    """Hold a snapshot of the ledger; what is read from it comes in pages of so many rows."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        async with connection.transaction():
            yield Snapshot(connection, product_id, page)
    finally:
        if not connection.closed:
            await connection.set_isolation_level(None)


async def ended_keys(
    connection: Connection, product_ids: Sequence[int], ttl_s: float, *, page: int
) -> AsyncGenerator[list[EndedKey]]:
    """Read the idempotency keys of orders that ended at most so long ago, as of one instant."""
    parameters = {"products": list(product_ids), "ttl_s": float(ttl_s)}
    async with connection.transaction(), connection.cursor(name="keys") as cursor:
        await cursor.execute(_ENDED_KEYS, parameters)
        while rows := await cursor.fetchmany(page):
            yield rows
