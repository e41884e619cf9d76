"""What is left and who holds how much, as counters in Redis; and what was accepted a moment ago."""

import json
from collections.abc import AsyncIterator
from dataclasses import astuple

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from approaches.shop.catalogue import Product
from approaches.shop.order_ledger import Order
from approaches.shop.problems import Code, Problem

DAY_S = 86_400
CHANGES = "order-changes"
NO_LIMIT = 10**9


class Counters:
    """The keys of this shop in Redis; each call raises RedisError if it does not answer."""

    def __init__(self, redis_url: str) -> None:
        self.redis = Redis.from_url(redis_url, socket_timeout=5, decode_responses=True)

    def stock(self, product: Product) -> int:
        """Return what is left; a product that has no counter yet gets it from the ledger."""
        key = f"stock:{product.product_id}"
        self.redis.set(key, product.stock, nx=True)
        return max(0, int(self.redis.get(key) or 0))

    def claim(self, name: str, order: Order) -> str | None:
        """Claim an idempotency key for an order, or return the id of the order that has it.

        Raise Problem(key_reused) if that is another purchase.
        """
        wanted = [order.order_id, order.product_id, order.quantity]
        earlier = self.redis.set(name, json.dumps(wanted), nx=True, get=True, ex=DAY_S)
        if earlier is None:
            return None
        known, *bought = json.loads(str(earlier))
        if bought != wanted[1:]:
            raise Problem(Code.KEY_REUSED, "the key belongs to another purchase")
        return str(known)

    def reserve(self, user_id: int, product: Product, quantity: int) -> None:
        """Take units of a product; raise Problem(limit_reached | sold_out)."""
        self.stock(product)  # makes the counter, if there is none
        held, limit = f"held:{product.product_id}:{user_id}", product.per_user_limit
        if int(self.redis.incrby(held, quantity)) > (limit or NO_LIMIT):
            self.redis.decrby(held, quantity)
            raise Problem(Code.LIMIT_REACHED, "the limit per buyer is reached")
        if int(self.redis.decrby(f"stock:{product.product_id}", quantity)) < 0:
            self._give_back(user_id, product.product_id, quantity)
            raise Problem(Code.SOLD_OUT, "not enough units are left")

    def release(self, order: Order) -> None:
        """Give the units of an order back, once, however often its task is repeated."""
        if self.redis.set(f"released:{order.order_id}", 1, nx=True, ex=DAY_S):
            self._give_back(order.user_id, order.product_id, order.quantity)

    def _give_back(self, user_id: int, product_id: int, quantity: int) -> None:
        self.redis.decrby(f"held:{product_id}:{user_id}", quantity)
        self.redis.incrby(f"stock:{product_id}", quantity)

    def remember(self, order: Order) -> None:
        """Keep an order that the ledger does not have, or not yet."""
        self.redis.set(f"order:{order.order_id}", json.dumps(astuple(order)), ex=DAY_S)

    def remembered(self, order_id: str) -> Order | None:
        """Return an order that is remembered, None if it is not."""
        text = self.redis.get(f"order:{order_id}")
        return None if text is None else Order.of_row(json.loads(text))

    def announce(self, order_id: str) -> None:
        """Tell the event streams that an order has changed."""
        self.redis.publish(CHANGES, order_id)


async def order_changes(redis_url: str) -> AsyncIterator[str]:
    """Yield the id of each order that is announced."""
    async with AsyncRedis.from_url(redis_url, decode_responses=True) as client:
        subscription = client.pubsub()
        await subscription.subscribe(CHANGES)
        async for message in subscription.listen():
            if message["type"] == "message":
                yield message["data"]
