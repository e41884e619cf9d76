"""The second look at the stock: a bug that was published, to be measured (RECHECK_STOCK=1).

The counter is what may still be accepted, and an order has taken its units from it already. So once
the last unit is taken, a worker that looks again finds none, and refuses the very order that holds
it. Its unit goes back, somebody buys it, and is refused in the same way.
"""

from collections.abc import Sequence

from approaches.queue import keys
from approaches.queue.consumer import until_answered
from approaches.queue.order import Order
from approaches.queue.redis_store import Store


async def without_stock(store: Store, orders: Sequence[Order]) -> set[str]:
    """Return the ids of the orders whose product has no unit left now."""
    if not orders:
        return set()
    names = [keys.stock(order.product_id) for order in orders]

    async def read() -> list[bytes | str | None]:
        return list(await store.redis.mget(names))

    left = await until_answered(read)
    return {
        order.id
        for order, units in zip(orders, left, strict=True)
        if units is not None and int(units) < 1
    }
