"""The ledger's statements for orders on their way: each a whole step, each safe to repeat.

A worker that lost its connection in COMMIT does not know whether the step was taken. So every step
is one statement (one transaction, one round trip, and the hot row of the product is locked only
for its commit) whose effects hang on rows that it really inserted or really moved.

Orders are taken only from the present epoch of Redis. A worker may hold orders that a Redis
accepted which has lost its data since; once the rebuild has read what the ledger holds, their units
are on sale again. So a rebuild after such a loss begins a new epoch in the ledger *before* it
reads, waits thereby for the inserts under way, and those that come later are refused.

An order that the constraints refuse for good is recorded as cancelled before it is published.
An order is recorded or cancelled, never both: a cancellation waits for the inserts under way, and
one that began before and waited for it records nothing and is done again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from approaches.queue.order import Order, from_microseconds, to_microseconds
from approaches.queue.redis_store import Holder, Settlement
from approaches.shop.order_metrics import count_settled
from approaches.shop.orders import Status

Connection = AsyncConnection[tuple[Any, ...]]

_INSERT = """
WITH incoming AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(users)s::bigint[], %(products)s::int[],
                         %(quantities)s::int[], %(keys)s::text[], %(amounts)s::bigint[],
                         %(instants)s::timestamptz[], %(epochs)s::bigint[], %(seqs)s::bigint[])
        AS t (id, user_id, product_id, quantity, key, amount_cents, accepted_at, epoch, seq)
), present AS (
    SELECT epoch, cancellations FROM redis_epoch FOR SHARE
), before AS (  -- as of the statement's begin, which may lie before what `present` waited for
    SELECT cancellations FROM redis_epoch
), inserted AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    SELECT id, user_id, product_id, quantity, key, amount_cents, 'awaiting_payment', 2, accepted_at
    FROM incoming JOIN present USING (epoch) JOIN before USING (cancellations)
    WHERE NOT EXISTS (SELECT 1 FROM cancelled_orders c WHERE c.id = incoming.id)
    ON CONFLICT DO NOTHING
    RETURNING id, product_id, quantity, accepted_at
), events AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT id, 1, 'accepted', accepted_at FROM inserted
    UNION ALL
    SELECT id, 2, 'awaiting_payment', greatest(accepted_at, clock_timestamp()) FROM inserted
), held AS (
    UPDATE products p SET reserved = p.reserved + h.units
    FROM (SELECT product_id, sum(quantity) AS units FROM inserted GROUP BY product_id) h
    WHERE p.id = h.product_id
    RETURNING p.id AS product_id
), moves AS (  -- numbered while the product's row is locked: hence the join
    INSERT INTO stock_moves (order_id, kind, quantity, at)
    SELECT id, 'reserve', quantity, accepted_at FROM inserted JOIN held USING (product_id)
), marked AS (
    UPDATE redis_progress m SET seq = latest.seq
    FROM (SELECT epoch, max(seq) AS seq FROM incoming JOIN inserted USING (id)
          GROUP BY epoch) latest
    WHERE m.epoch = latest.epoch AND m.seq < latest.seq
)
SELECT id::text FROM inserted
"""

_FATES = """
SELECT i.id::text, o.id IS NOT NULL, c.id IS NOT NULL, h.id::text, h.product_id, h.quantity
FROM unnest(%(ids)s::uuid[], %(users)s::bigint[], %(keys)s::text[]) AS i (id, user_id, key)
LEFT JOIN orders o ON o.id = i.id
LEFT JOIN cancelled_orders c ON c.id = i.id
LEFT JOIN orders h ON h.user_id = i.user_id AND h.idempotency_key = i.key
"""

_CANCEL = """
INSERT INTO cancelled_orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                              accepted_at, reason)
SELECT %(id)s::uuid, %(user)s, %(product)s, %(quantity)s, %(key)s, %(amount)s, %(accepted_at)s,
       %(reason)s
WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = %(id)s::uuid)
ON CONFLICT DO NOTHING
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
), counted AS (
    UPDATE products p SET reserved = p.reserved - c.units, sold = p.sold + c.sold
    FROM (SELECT product_id, sum(quantity) AS units,
                 coalesce(sum(quantity) FILTER (WHERE status = 'confirmed'), 0) AS sold
          FROM changed WHERE status <> 'unknown' GROUP BY product_id) c
    WHERE p.id = c.product_id
    RETURNING p.id AS product_id
), moves AS (  -- numbered while the product's row is locked: hence the join
    INSERT INTO stock_moves (order_id, kind, quantity, at)
    SELECT id, CASE status WHEN 'confirmed' THEN 'sell' ELSE 'release' END, quantity, settled_at
    FROM changed JOIN counted USING (product_id) WHERE status <> 'unknown'
)
SELECT id::text, product_id, status, version, settled_at, duration_s FROM changed
"""

_STATES = """
SELECT id::text, product_id, status, version, settled_at FROM orders WHERE id = ANY(%s::uuid[])
"""

ORDER_COLUMNS = """
SELECT id::text, user_id, idempotency_key, product_id, quantity, amount_cents, status, version,
       accepted_at, settled_at
FROM orders
"""

_CANCELLED = """
SELECT id::text, user_id, idempotency_key, product_id, quantity, amount_cents, 'cancelled', 2,
       accepted_at, cancelled_at
FROM cancelled_orders WHERE id = %(id)s::uuid
"""

_RELAYED = """
UPDATE stock_moves SET relayed_at = clock_timestamp()
WHERE order_id = ANY(%s::uuid[]) AND kind = 'release' AND relayed_at IS NULL
"""

_HOLDER = """
SELECT id::text, product_id, quantity FROM orders WHERE user_id = %s AND idempotency_key = %s
"""

_EPOCH = "SELECT epoch FROM redis_epoch"


@dataclass(frozen=True, slots=True)
class InsertResult:
    """What became of orders that were to be recorded, by id."""

    recorded: set[str]
    stale_epoch: set[str]
    """Accepted in an epoch of Redis that is over: not recorded."""
    cancelled: set[str]
    """Cancelled before, and not recorded."""
    key_taken: dict[str, Holder]
    """Not recorded, because this other order holds their idempotency key."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the payment gateway answered for an order: confirmed, declined or unknown."""

    order_id: str
    status: Status
    charge_id: str | None


async def insert_orders(connection: Connection, orders: Sequence[Order]) -> InsertResult:
    """Record accepted orders as awaiting payment and hold their stock; return what became of each.

    Raises psycopg.IntegrityError, with nothing recorded, if the ledger's constraints refuse one.
    """
    result = InsertResult(set(), set(), set(), {})
    left = orders
    while left:
        cursor = await connection.execute(_INSERT, _columns(left))
        inserted = {row[0] for row in await cursor.fetchall()}
        result.recorded.update(inserted)
        missing = [order for order in left if order.id not in inserted]
        # those that are still left met a cancellation: once more
        left = await _explain_missing(connection, missing, result) if missing else []
    return result


def _columns(orders: Sequence[Order]) -> dict[str, list[Any]]:
    return {
        "ids": [order.id for order in orders],
        "users": [order.user_id for order in orders],
        "products": [order.product_id for order in orders],
        "quantities": [order.quantity for order in orders],
        "keys": [order.key for order in orders],
        "amounts": [order.amount_cents for order in orders],
        "instants": [from_microseconds(order.accepted_at_us) for order in orders],
        "epochs": [order.epoch for order in orders],
        "seqs": [order.seq for order in orders],
    }


async def _explain_missing(
    connection: Connection, missing: Sequence[Order], result: InsertResult
) -> list[Order]:
    """Add to the result why orders were not inserted; return those without a reason.

    A redo, a conflict, or too late: a fresh snapshot shows which.
    """
    cursor = await connection.execute(_FATES, _columns(missing))
    fates = {order_id: fate for order_id, *fate in await cursor.fetchall()}
    present = await read_epoch(connection)
    unexplained = []
    for order in missing:
        recorded, cancelled, *holder = fates[order.id]
        if recorded:
            result.recorded.add(order.id)
        elif cancelled:
            result.cancelled.add(order.id)
        elif order.epoch != present:
            result.stale_epoch.add(order.id)
        elif holder[0] is not None:
            result.key_taken[order.id] = Holder(*holder)
        else:
            unexplained.append(order)
    return unexplained


async def cancel_order(connection: Connection, order: Order, reason: str) -> Order | None:
    """Record that an accepted order is refused for good; return it as cancelled.

    None if the ledger holds it after all. Whoever comes second learns what the first recorded.
    """
    parameters = {
        "id": order.id,
        "user": order.user_id,
        "product": order.product_id,
        "quantity": order.quantity,
        "key": order.key,
        "amount": order.amount_cents,
        "accepted_at": from_microseconds(order.accepted_at_us),
        "reason": reason,
    }
    async with connection.transaction():
        await connection.execute("UPDATE redis_epoch SET cancellations = cancellations + 1")
        await connection.execute(_CANCEL, parameters)
        cursor = await connection.execute(_CANCELLED, parameters)
        row = await cursor.fetchone()
    return None if row is None else order_of_row(row)


async def read_epoch(connection: Connection) -> int:
    """Read which epoch of Redis orders are taken from."""
    cursor = await connection.execute(_EPOCH)
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


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
    settled = settlements_of_rows(row[:-1] for row in changed)
    others = [result.order_id for result in results if result.order_id not in settled]
    if others:  # a fresh snapshot: the statement's own does not see who came first
        cursor = await connection.execute(_STATES, [others])
        settled |= settlements_of_rows(await cursor.fetchall())
    return settled


async def mark_relayed(connection: Connection, order_ids: Sequence[str]) -> None:
    """Record that Redis has taken these releases over."""
    await connection.execute(_RELAYED, [list(order_ids)])


async def read_order(connection: Connection, order_id: str) -> Order | None:
    """Read one order, also a cancelled one, or None."""
    query = f"{ORDER_COLUMNS} WHERE id = %(id)s::uuid UNION ALL {_CANCELLED}"
    cursor = await connection.execute(query, {"id": order_id})
    row = await cursor.fetchone()
    return None if row is None else order_of_row(row)


async def find_holder(connection: Connection, user_id: int, key: str) -> Holder | None:
    """Return the order that a buyer's idempotency key belongs to, or None."""
    cursor = await connection.execute(_HOLDER, [user_id, key])
    row = await cursor.fetchone()
    return None if row is None else Holder(*row)


async def ping(connection: Connection) -> None:
    """Ask for nothing."""
    await connection.execute("SELECT 1")


async def has_product(connection: Connection, product_id: int) -> bool:
    """Return True if there is such a product."""
    cursor = await connection.execute("SELECT 1 FROM products WHERE id = %s", [product_id])
    return await cursor.fetchone() is not None


def order_of_row(row: tuple[Any, ...]) -> Order:
    """Return the order of a row of ORDER_COLUMNS."""
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


def settlements_of_rows(rows: Iterable[tuple[Any, ...]]) -> dict[str, Settlement]:
    """Return the states of orders, by id."""
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
