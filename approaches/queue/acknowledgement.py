"""When an accepted order may be answered 202: the two promises of ACK.

`acceptance`: as soon as Redis has it. It is on disk there, holds its stock, and outlives every
process; it does not outlive the loss of Redis' data.

`ledger`: as soon as the ledger has it. The order worker says so on the channel of changes after its
commit (version 2; advance.lua). No order gets a 202 that the ledger does not hold, so not even the
loss of Redis with all its data loses an acknowledged order. If the ledger does not hold it in time,
the answer is 503: the client asks again under the same key, and waits for the same order.
"""

import asyncio
from functools import partial

from approaches.queue import ledger
from approaches.queue.changes import Change, Hub, Listener
from approaches.queue.order import Order
from approaches.shop.pools import AsyncPool
from approaches.shop.problems import Code, Problem

RECORDED_VERSION = 2
"""The version that an order has in Redis once, and only once, the ledger holds it."""
WITHIN_S = 2.0
LOOK_EVERY_S = 0.25
"""How often the ledger itself is asked while no changes arrive here."""
ANSWER_WITHIN_S = 1.0


class LedgerWatch:
    """Waits until the ledger holds an order."""

    def __init__(self, hub: Hub, pool: AsyncPool) -> None:
        self._hub = hub
        self._pool = pool

    async def recorded(self, order: Order, listener: Listener) -> Order:
        """Return the order as the ledger holds it; `listener` has listened since before it was.

        Raise Problem(store_down), or one of STORE_ERRORS, if the ledger does not hold it in time.
        """
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + WITHIN_S
        while order.version < RECORDED_VERSION:
            left_s = give_up_at_s - loop.time()
            change = await _next(listener, left_s if self._hub.is_subscribed else LOOK_EVERY_S)
            if change is not None:
                order = change.applied_to(order)
                continue
            found = await self._pool.run(
                partial(ledger.read_order, order_id=order.id), within_s=ANSWER_WITHIN_S
            )
            if found is not None:
                return found
            if loop.time() >= give_up_at_s:
                raise Problem(Code.STORE_DOWN, "the order is not on record yet; ask again")
        return order


async def _next(listener: Listener, within_s: float) -> Change | None:
    try:
        return await listener.hear(max(0.0, within_s))
    except TimeoutError:
        return None
