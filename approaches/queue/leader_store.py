"""What only the leader writes to Redis: each script names its lock and needs it to write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from approaches.queue import keys
from approaches.queue.order import Order
from approaches.queue.redis_store import ORDER_TTL_S, Mark, Store
from approaches.shop.catalogue import Product

EndedKey = tuple[str, str, str]
"""User and key, their order (as `Holder.value`), and for how many milliseconds yet, as Redis has
them: there may be a million."""


@dataclass(frozen=True, slots=True)
class EpochState:
    """How far this store has come, and a later epoch (or 0) that somebody has seen before it."""

    mark: Mark
    beat: int
    behind: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An open order of the ledger, and the dead letter (or '') of its payment."""

    order: Order
    letter_id: str = ""


class LeaderStore(Store):
    """The store as the leader uses it; `token` is that of its term of office."""

    async def claim(self, token: str, ttl_ms: int) -> bool:
        """Take the leader's lock if nobody holds it."""
        return bool(await self._run("claim", [keys.LEADER], [token, ttl_ms]))

    async def renew(self, token: str, ttl_ms: int) -> bool:
        """Prolong the leader's lock; False when somebody else holds it or nobody does."""
        return bool(await self._run("renew", [keys.LEADER], [token, ttl_ms]))

    async def epoch(
        self,
        token: str,
        *,
        begin: int | None = None,
        product_ids: Sequence[int] = (),
        beat: int | None = None,
    ) -> EpochState | None:
        """Return the epoch of this store, having begun a later one or marked it; None: lock lost.

        A new epoch takes the products off sale.
        """
        names = [keys.LEADER, keys.EPOCH, keys.SEQ, keys.BEAT, keys.BEHIND]
        names += [keys.stock(one) for one in product_ids]
        args = [token, "" if begin is None else begin, "" if beat is None else beat]
        numbers = await self._run("epoch", names, args)
        if not numbers:
            return None
        epoch, seq, beaten, behind = map(int, numbers)
        return EpochState(Mark(epoch, seq), beaten, behind)

    async def restore(self, token: str, orders: Sequence[Order]) -> bool:
        """Write orders of the ledger back; False when the lock is lost."""
        names = [keys.LEADER, keys.PAYMENTS, keys.EPOCH]
        args: list[Any] = [token, keys.EVENTS, ORDER_TTL_S * 1_000, keys.IDEMPOTENCY_PREFIX]
        for order in orders:
            names.append(keys.order(order.id))
            args += [*_facts(order), order.settled_at_us or ""]
        return bool(await self._run("restore", names, args))

    async def remember(self, token: str, ended: Sequence[EndedKey]) -> bool:
        """Write keys of ended orders back; False when the lock is lost."""
        args = [token, keys.IDEMPOTENCY_PREFIX, *chain.from_iterable(ended)]
        return bool(await self._run("remember", [keys.LEADER], args))

    async def remembered(self, token: str, product_ids: Sequence[int]) -> bool:
        """Note that no keys of these products are missing; False when the lock is lost."""
        names = [keys.LEADER, *map(keys.product, product_ids)]
        return bool(await self._run("remembered", names, [token]))

    async def adopt(self, token: str, order_ids: Sequence[str]) -> list[bool] | None:
        """Take orders on their way to the ledger into this epoch; None when the lock is lost.

        Return for each whether the counter has to hold its units.
        """
        names = [keys.LEADER, keys.ORDERS, keys.EPOCH, keys.SEQ, *map(keys.order, order_ids)]
        held = await self._run("adopt", names, [token, keys.ORDER_WORKERS, *order_ids])
        return [bool(one) for one in held] if held or not order_ids else None

    async def hold(
        self, token: str, product_id: int, held: Mapping[int, int], *, afresh: bool = False
    ) -> bool:
        """Add units that buyers hold, before the stock returns; False when the lock is lost."""
        names = [keys.LEADER, keys.stock(product_id), keys.buyers(product_id)]
        args: list[Any] = [token, "1" if afresh else ""]
        for user_id, units in held.items():
            args += [user_id, units]
        return bool(await self._run("hold", names, args))

    async def rebuild(
        self, token: str, product: Product, *, stock: int, epoch: int, keys_missing: bool = False
    ) -> bool:
        """Put a product on sale; False when its stock was there, or lock or epoch are lost."""
        names = [
            keys.LEADER,
            keys.stock(product.product_id),
            keys.product(product.product_id),
            keys.EPOCH,
        ]
        args = [token, stock, *_product_facts(product), epoch, "1" if keys_missing else ""]
        return bool(await self._run("rebuild", names, args))

    async def refresh(self, token: str, product: Product) -> bool:
        """Take over the facts of a product on sale; False when it is not, or the lock is lost."""
        names = [
            keys.LEADER,
            keys.stock(product.product_id),
            keys.product(product.product_id),
        ]
        return bool(await self._run("refresh", names, [token, *_product_facts(product)]))

    async def product_facts(self, product_ids: Sequence[int]) -> list[dict[str, str]]:
        """Read what this store knows of each product; empty where it knows nothing."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for product_id in product_ids:
                pipe.hgetall(keys.product(product_id))
            return cast(list[dict[str, str]], await pipe.execute())

    async def unplaced(self, order_ids: Sequence[str]) -> list[str]:
        """Return which of these orders have not ended and have no stream entry."""
        names = [keys.ORDERS, keys.PAYMENTS]
        return cast(list[str], await self._run("unplaced", names, [keys.ORDER_PREFIX, *order_ids]))

    async def resume(self, token: str, orders: Sequence[OpenOrder]) -> int:
        """Enqueue payments of open orders that no entry stands for; -1 when the lock is lost."""
        names = [keys.LEADER, keys.ORDERS, keys.PAYMENTS, keys.DEAD_LETTERS, keys.EPOCH]
        args: list[Any] = [token, keys.EVENTS]
        for one in orders:
            order = one.order
            names += [
                keys.order(order.id),
                keys.stock(order.product_id),
                keys.buyers(order.product_id),
                keys.idempotency(order.user_id, order.key),
            ]
            args += [*_facts(order), one.letter_id]
        return int(await self._run("resume", names, args))


def is_up_to_date(product: Product, facts: Mapping[str, str]) -> bool:
    """Return True if a product that is on sale is on sale as the ledger has it."""
    names = ("name", "price_cents", "initial_stock", "per_user_limit")
    return [facts.get(name) for name in names] == [str(one) for one in _product_facts(product)]


def lacks_keys(facts: Mapping[str, str]) -> bool:
    """Return True if idempotency keys of a product that is on sale have not been put back yet."""
    return "keys_missing" in facts


def _product_facts(product: Product) -> list[Any]:
    limit = "" if product.per_user_limit is None else product.per_user_limit
    return [product.name, product.price_cents, product.initial_stock, limit]


def _facts(order: Order) -> list[Any]:
    return [
        order.id,
        order.user_id,
        order.product_id,
        order.quantity,
        order.key,
        order.amount_cents,
        order.accepted_at_us,
        str(order.status),
        order.version,
    ]
