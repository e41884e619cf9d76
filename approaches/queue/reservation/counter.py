"""RESERVATION=counter: the published way, in which every step is a command of its own.

The counter is decremented, and incremented again if that was too much. Then the buyer's units are
counted, the key is claimed, the order is written, and at last enqueued. Nothing is oversold: each
decrement is decided by what it returns. But a process that dies between two steps leaves the first
without the second: a unit that nobody can buy, a key that names no order, or an order that is shown
to its buyer and is in no stream.
"""

import asyncio
import time

from approaches.queue import keys
from approaches.queue.keys import Field
from approaches.queue.multiplexed import Word
from approaches.queue.redis_store import Acceptance, Holder, Store
from approaches.shop.orders import Status
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

        Raise Problem(in_progress) while another request under the key is under way, and for ever
        if that one died.
        """
        call, claim = self._shared.call, keys.idempotency(user_id, key)
        facts = ("price_cents", "per_user_limit", "keys_missing")
        (price, limit, missing), (known, units, epoch) = await asyncio.gather(
            call("HMGET", keys.product(product_id), *facts),
            call("MGET", claim, keys.stock(product_id), keys.EPOCH),
        )
        wanted = Holder(order_id, product_id, quantity)
        if known is not None:
            return await self._repeated(claim, known, wanted)
        if price is None or units is None or epoch is None:
            return Acceptance("stock_not_loaded")
        if missing and not asked_ledger:
            return Acceptance("ask_ledger")
        refusal = await self._reserve(wanted, user_id, int(limit) if limit else None)
        if refusal is not None:
            return refusal
        if await call("SET", claim, wanted.value, "NX") is None:
            await self._give_back(wanted, user_id)
            return await self._repeated(claim, await call("GET", claim), wanted)
        return await self._enqueue(wanted, user_id, key, int(price) * quantity, epoch)

    async def _reserve(self, wanted: Holder, user_id: int, limit: int | None) -> Acceptance | None:
        """Take the units, or return why not."""
        call, buyers = self._shared.call, keys.buyers(wanted.product_id)
        if await call("DECRBY", keys.stock(wanted.product_id), wanted.quantity) < 0:
            await call("INCRBY", keys.stock(wanted.product_id), wanted.quantity)
            if limit is not None:
                held = int(await call("HGET", buyers, user_id) or 0)
                if held + wanted.quantity > limit:
                    return Acceptance("limit_reached")
            return Acceptance("sold_out")
        held = await call("HINCRBY", buyers, user_id, wanted.quantity)
        if limit is not None and held > limit:
            await self._give_back(wanted, user_id)
            return Acceptance("limit_reached")
        return None

    async def _give_back(self, wanted: Holder, user_id: int) -> None:
        call = self._shared.call
        await call("HINCRBY", keys.buyers(wanted.product_id), user_id, -wanted.quantity)
        await call("INCRBY", keys.stock(wanted.product_id), wanted.quantity)

    async def _enqueue(
        self, wanted: Holder, user_id: int, key: str, amount_cents: int, epoch: str
    ) -> Acceptance:
        """Write the order, and then its entry; a worker that is quick must find the order."""
        call, at_us = self._shared.call, time.time_ns() // 1_000
        fields: list[Word] = [Field.USER, user_id, Field.PRODUCT, wanted.product_id]
        fields += [Field.QUANTITY, wanted.quantity, Field.KEY, key, Field.AMOUNT, amount_cents]
        fields += [Field.ACCEPTED_AT, at_us, Field.EPOCH, epoch]
        accepted = (Field.STATUS, str(Status.ACCEPTED), Field.VERSION, 1)
        await call("HSET", keys.order(wanted.order_id), *accepted, *fields)
        fields += [Field.SEQ, await call("INCR", keys.SEQ)]
        await call("XADD", keys.ORDERS, "*", Field.ORDER, wanted.order_id, *fields)
        return Acceptance("accepted", wanted.order_id, amount_cents, at_us)

    async def _repeated(self, claim: str, known: str, asked: Holder) -> Acceptance:
        """Return what is said of a key that is taken."""
        order_id = known.partition("|")[0]
        if known != Holder(order_id, asked.product_id, asked.quantity).value:
            return Acceptance("key_reused")
        is_there, lives_ms = await asyncio.gather(
            self._shared.call("EXISTS", keys.order(order_id)), self._shared.call("PTTL", claim)
        )
        # an order that has ended leaves, and its key has a date from then on (settle.lua)
        if not is_there and lives_ms == _NEVER_EXPIRES:
            raise Problem(Code.IN_PROGRESS, order_id=order_id)
        return Acceptance("replayed", order_id)
