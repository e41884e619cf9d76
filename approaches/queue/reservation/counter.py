"""RESERVATION=counter: the published way, in which every step is a command of its own.

The key is claimed, the counter is decremented, and incremented again if that was too much; then
the order is written and enqueued. Nothing is oversold: each decrement is decided by what it
returns. But a process that dies between two steps leaves the first without the second: a unit that
nobody can buy, a key that names no order, or an order that is shown and in no stream.
"""

import asyncio
import time

from approaches.queue import keys
from approaches.queue.keys import Field
from approaches.queue.multiplexed import Word
from approaches.queue.redis_store import Acceptance, Accepting, Holder, Store
from approaches.shop.problems import Code, Problem

_NEVER_EXPIRES = -1


class CounterStore(Store):
    """The store of an API that reserves step by step."""

    async def accept(
        self,
        order_id: str,
        *,
        user_id: int,
        key: str,
        product_id: int,
        quantity: int,
        asked_ledger: bool = False,
    ) -> Acceptance:
        """Hold the stock and enqueue the order, or return why not; see `Store.accept`.

        Raise Problem(in_progress) while the first request under the key is under way, and for
        ever if that one died.
        """
        call = self._shared.call
        (price, limit, missing), (units, epoch) = await asyncio.gather(
            call(
                "HMGET", keys.product(product_id), "price_cents", "per_user_limit", "keys_missing"
            ),
            call("MGET", keys.stock(product_id), keys.EPOCH),
        )
        if price is None or units is None or epoch is None:
            return Acceptance("stock_not_loaded")
        if missing and not asked_ledger:
            return Acceptance("ask_ledger")
        claim, buyers = keys.idempotency(user_id, key), keys.buyers(product_id)
        holder = Holder(order_id, product_id, quantity)
        if await call("SET", claim, holder.value, "NX") is None:
            return await self._repeated(claim, holder)
        held = await call("HINCRBY", buyers, user_id, quantity)
        if limit and held > int(limit):
            return await self._refused("limit_reached", claim, buyers, user_id, quantity)
        if await call("DECRBY", keys.stock(product_id), quantity) < 0:
            await call("INCRBY", keys.stock(product_id), quantity)
            return await self._refused("sold_out", claim, buyers, user_id, quantity)
        amount_cents = int(price) * quantity
        fields: list[Word] = [Field.USER, user_id, Field.PRODUCT, product_id]
        fields += [Field.QUANTITY, quantity, Field.KEY, key, Field.AMOUNT, amount_cents]
        accepted_at_us = time.time_ns() // 1_000
        fields += [Field.ACCEPTED_AT, accepted_at_us, Field.EPOCH, epoch]
        # first the order, or a worker that is quick finds none to move on (advance.lua)
        first = (Field.STATUS, "accepted", Field.VERSION, 1)
        await call("HSET", keys.order(order_id), *first, *fields)
        number = await call("INCR", keys.SEQ)
        await call("XADD", keys.ORDERS, "*", Field.ORDER, order_id, *fields, Field.SEQ, number)
        return Acceptance("accepted", order_id, amount_cents, accepted_at_us)

    async def _refused(
        self, verdict: Accepting, claim: str, buyers: str, user_id: int, quantity: int
    ) -> Acceptance:
        """Give back what was taken before the step that failed."""
        await self._shared.call("HINCRBY", buyers, user_id, -quantity)
        await self._shared.call("DEL", claim)
        return Acceptance(verdict)

    async def _repeated(self, claim: str, asked: Holder) -> Acceptance:
        """Return what is said of a key that is taken."""
        call = self._shared.call
        known = await call("GET", claim)
        if known is None:  # the first request has just been refused
            raise Problem(Code.IN_PROGRESS)
        order_id = known.partition("|")[0]
        if known != Holder(order_id, asked.product_id, asked.quantity).value:
            return Acceptance("key_reused")
        is_there, lives_ms = await asyncio.gather(
            call("EXISTS", keys.order(order_id)), call("PTTL", claim)
        )
        if not is_there and lives_ms == _NEVER_EXPIRES:  # one that has ended has left with a date
            raise Problem(Code.IN_PROGRESS, order_id=order_id)
        return Acceptance("replayed", order_id)
