"""A reservation in the ledger: units and order in one transaction, then the payment is enqueued.

The ledger has the order before its buyer has the 202, so nothing is left to the order worker, and
whoever dies before the payment is enqueued leaves an order that the leader enqueues (resume.py).
Redis follows: its counter is what buyers are shown, and decides nothing.

Whoever takes units holds the product's row until the commit. So what is read after that, such as
what a buyer holds already, cannot change any more.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from psycopg import Rollback
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from redis.exceptions import RedisError

from approaches.queue import keys
from approaches.queue.ledger import Connection, find_holder
from approaches.queue.order import to_microseconds
from approaches.queue.redis_store import Acceptance, Store
from approaches.shop.pools import AsyncPool
from approaches.shop.problems import Code, Problem


class Wanted(NamedTuple):
    """An order that is not placed yet; the parameters of every statement here."""

    order_id: str
    user_id: int
    key: str
    product_id: int
    quantity: int


class Offer(NamedTuple):
    """What the units that were taken cost each, and how many of them a buyer may hold."""

    price_cents: int
    per_user_limit: int | None


Take = Callable[[Connection, Wanted], Awaitable[Offer | None]]
"""Takes units in the transaction that is open; None: not so many are left, or no such product."""

_LIMIT = "SELECT per_user_limit FROM products WHERE id = %(product_id)s"

_HELD = """
SELECT coalesce(sum(quantity), 0)::int FROM orders
WHERE user_id = %(user_id)s AND product_id = %(product_id)s AND status <> 'declined'
"""

_PLACE = """
WITH placed AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    VALUES (%(order_id)s, %(user_id)s, %(product_id)s, %(quantity)s, %(key)s, %(amount_cents)s,
            'awaiting_payment', 2, clock_timestamp())
    RETURNING id, quantity, accepted_at
), events AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT id, 1, 'accepted', accepted_at FROM placed
    UNION ALL
    SELECT id, 2, 'awaiting_payment', accepted_at FROM placed
), moves AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at)
    SELECT id, 'reserve', quantity, accepted_at FROM placed
)
SELECT accepted_at FROM placed
"""


class LedgerStore(Store):
    """The store of an API that reserves in the ledger; `take` is how it takes units there."""

    def __init__(self, url: str, pool: AsyncPool, take: Take, *, timeout_s: float) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._pool = pool
        self._take = take

    async def accept(
        self,
        order_id: str,
        *,
        user_id: int,
        key: str,
        product_id: int,
        quantity: int,
        asked_ledger: bool = False,  # it always does
    ) -> Acceptance:
        """Place the order in the ledger and enqueue its payment, or return why not.

        Repeating the call is safe. Raise Problem(unauthorized) if the account is gone, and one of
        STORE_ERRORS if the ledger does not answer.
        """
        wanted = Wanted(order_id, user_id, key, product_id, quantity)
        answer = await self._pool.run(partial(self._reserve, wanted=wanted))
        if answer.verdict == "accepted":
            with suppress(RedisError):  # the leader enqueues it
                await self._enqueue(wanted, answer)
        return answer

    async def _reserve(self, connection: Connection, wanted: Wanted) -> Acceptance:
        earlier = await _earlier(connection, wanted)
        if earlier is not None:
            return earlier
        try:
            placed = await self._place(connection, wanted)
        except UniqueViolation:  # lost a race against the same key, whose order is committed by now
            placed = await _earlier(connection, wanted)
        except ForeignKeyViolation:
            raise Problem(Code.UNAUTHORIZED, "the account does not exist any more") from None
        return placed or await _refusal(connection, wanted)

    async def _place(self, connection: Connection, wanted: Wanted) -> Acceptance | None:
        """Take the units and record the order, or do neither."""
        async with connection.transaction() as transaction:
            offer = await self._take(connection, wanted)
            if offer is None or await _exceeds(offer.per_user_limit, connection, wanted):
                raise Rollback(transaction)
            amount_cents = offer.price_cents * wanted.quantity
            parameters = {**wanted._asdict(), "amount_cents": amount_cents}
            cursor = await connection.execute(_PLACE, parameters)
            ((accepted_at,),) = await cursor.fetchall()
            at_us = to_microseconds(accepted_at)
            return Acceptance("accepted", wanted.order_id, amount_cents, at_us)
        return None

    async def _enqueue(self, wanted: Wanted, placed: Acceptance) -> None:
        names = [
            keys.PAYMENTS,
            keys.EPOCH,
            keys.SEQ,
            keys.order(wanted.order_id),
            keys.stock(wanted.product_id),
            keys.buyers(wanted.product_id),
            keys.idempotency(wanted.user_id, wanted.key),
        ]
        args = [keys.EVENTS, wanted.order_id, wanted.user_id, wanted.product_id, wanted.quantity]
        args += [wanted.key, placed.amount_cents, placed.accepted_at_us]
        await self._run("enqueue", names, args)


async def _earlier(connection: Connection, wanted: Wanted) -> Acceptance | None:
    """Return what is said of a key that has an order; None if it is new."""
    holder = await find_holder(connection, wanted.user_id, wanted.key)
    if holder is None:
        return None
    if (holder.product_id, holder.quantity) != (wanted.product_id, wanted.quantity):
        return Acceptance("key_reused")
    return Acceptance("replayed", holder.order_id)


async def _refusal(connection: Connection, wanted: Wanted) -> Acceptance:
    """Return why no units were taken."""
    cursor = await connection.execute(_LIMIT, wanted._asdict())
    row = await cursor.fetchone()
    if row is None:
        return Acceptance("stock_not_loaded")
    over = await _exceeds(row[0], connection, wanted)
    return Acceptance("limit_reached" if over else "sold_out")


async def _exceeds(limit: int | None, connection: Connection, wanted: Wanted) -> bool:
    """Return True if the buyer would hold more units of the product than one buyer may."""
    if limit is None:
        return False
    cursor = await connection.execute(_HELD, wanted._asdict())
    ((held,),) = await cursor.fetchall()
    return bool(held + wanted.quantity > limit)
