"""Redis, as this approach uses it: scripts that each do one whole step, and nothing in between.

Redis answers one question, "may I still accept?", and carries the work to those who do it. What was
sold is decided by the ledger alone. Commands of Redis 6.2 only, so Redis and Valkey both serve.

The client never retries by itself: a repeated XREADGROUP would leave the entries of the lost
answer pending with a consumer that does not know of them. Callers retry what is safe to repeat.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError, ResponseError

from approaches.queue import keys
from approaches.queue.order import Order
from approaches.shop.catalogue import Product

_LUA = Path(__file__).parent / "lua"
_SCRIPTS = (
    "accept",
    "advance",
    "settle",
    "requeue",
    "restore",
    "rebuild",
    "resume",
    "renew",
    "epoch",
)
MAX_DELIVERIES = 5
"""An entry returned to its stream more often than this goes to the dead letters."""

Accepting = Literal[
    "accepted", "replayed", "key_reused", "stock_not_loaded", "limit_reached", "sold_out"
]
Settling = Literal["applied", "kept", "unloaded"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the accept script answered: verdict, the order it is about, its amount and instant."""

    verdict: Accepting
    order_id: str = ""
    amount_cents: int = 0
    accepted_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state the ledger decided for an order, on its way to Redis."""

    order_id: str
    product_id: int
    status: str
    version: int
    settled_at_us: int | None
    entry_id: str = ""

    def of_entry(self, entry_id: str) -> "Settlement":
        """Return the same, naming the stream entry whose work is thereby done."""
        return replace(self, entry_id=entry_id)


@dataclass(frozen=True, slots=True)
class WorkStream:
    """A stream of work, its consumer group, and the field of an order's hash with its entry."""

    name: str
    group: str
    entry_field: str


ORDERS = WorkStream(keys.ORDERS, keys.ORDER_WORKERS, "i")
PAYMENTS = WorkStream(keys.PAYMENTS, keys.PAYMENT_WORKERS, "e")


class _Connection(Connection):
    """A connection whose loss is a RedisError, whichever event loop notices it.

    uvloop refuses to write to a transport that its peer has reset with a bare RuntimeError, which
    the client passes on; nothing of such a command was sent.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            raise LostConnection(f"connection lost: {error}") from error


class Store:
    """The scripts and reads of this approach over one connection pool."""

    def __init__(self, url: str, *, timeout_s: float, connections: int) -> None:
        self.redis: Redis = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                connection_class=_Connection,
                decode_responses=True,
                protocol=2,
                socket_timeout=timeout_s,
                socket_connect_timeout=min(timeout_s, 2.0),
                retry=Retry(NoBackoff(), 0),
                max_connections=connections,
                timeout=timeout_s,
            )
        )
        self._scripts: dict[str, AsyncScript] = {
            name: self.redis.register_script((_LUA / f"{name}.lua").read_text())
            for name in _SCRIPTS
        }

    async def _run(self, script: str, names: Sequence[str], args: Sequence[Any]) -> Any:
        return await self._scripts[script](keys=list(names), args=list(args))

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose(close_connection_pool=True)

    async def accept(
        self, order_id: str, *, user_id: int, key: str, product_id: int, quantity: int
    ) -> Acceptance:
        """Hold the stock and enqueue the order, or say why not; repeating the call is safe."""
        names = [
            keys.IDEMPOTENCY,
            keys.order(order_id),
            keys.stock(product_id),
            keys.buyers(product_id),
            keys.product(product_id),
            keys.ORDERS,
            keys.EPOCH,
        ]
        verdict, *facts = await self._run(
            "accept", names, [order_id, user_id, key, product_id, quantity]
        )
        if verdict == "accepted":
            return Acceptance(verdict, order_id, int(facts[0]), int(facts[1]))
        return Acceptance(verdict, facts[0] if facts else "")

    async def order(self, order_id: str) -> Order | None:
        """Read an order, or None where Redis does not know it."""
        found = cast(dict[str, str], await self.redis.hgetall(keys.order(order_id)))
        return Order.from_hash(order_id, found) if found else None

    async def product(self, product_id: int) -> Product | None:
        """Read a product with what may still be accepted of it, or None while it is not on sale."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.product(product_id))
            pipe.get(keys.stock(product_id))
            facts, units = await pipe.execute()
        if not facts or units is None:
            return None
        initial = int(facts["initial_stock"])
        # below zero while an order that Redis had lost waits for a unit (resume.lua)
        free = max(0, int(units))
        limit = facts["per_user_limit"]
        return Product(
            product_id=product_id,
            name=facts["name"],
            price_cents=int(facts["price_cents"]),
            initial_stock=initial,
            reserved=initial - free,
            sold=0,
            per_user_limit=int(limit) if limit else None,
        )

    async def advance(self, orders: Sequence[tuple[str, str]]) -> int:
        """Move (stream entry, order id) pairs that the ledger holds on to payment."""
        names = [keys.ORDERS, keys.PAYMENTS, *(keys.order(order_id) for _, order_id in orders)]
        args = [keys.ORDER_WORKERS, keys.EVENTS, *(word for pair in orders for word in pair)]
        return int(await self._run("advance", names, args))

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settling]:
        """Bring orders to the ledger's state, releasing the stock of each declined one once."""
        names = [keys.PAYMENTS]
        args: list[Any] = [keys.PAYMENT_WORKERS, keys.EVENTS]
        for one in settlements:
            names += [
                keys.order(one.order_id),
                keys.stock(one.product_id),
                keys.buyers(one.product_id),
            ]
            settled = "" if one.settled_at_us is None else one.settled_at_us
            args += [one.order_id, one.entry_id, one.status, one.version, settled]
        return cast(list[Settling], await self._run("settle", names, args))

    async def requeue(
        self,
        stream: WorkStream,
        consumer: str,
        *,
        mode: Literal["dead", "own"],
        entry_id: str | None = None,
        reason: str = "",
        deliveries: int = 1,
    ) -> tuple[int, int]:
        """Return entries a consumer had in hand to the stream: (returned, dead-lettered)."""
        args = [
            stream.group,
            consumer,
            mode,
            entry_id or "-",
            entry_id or "+",
            MAX_DELIVERIES,
            reason or f"delivered more than {MAX_DELIVERIES} times",
            deliveries,
            stream.entry_field,
            keys.ORDER_PREFIX,
        ]
        names = [stream.name, keys.DEAD_LETTERS, keys.alive(consumer)]
        try:
            returned, dead = await self._run("requeue", names, args)
        except ResponseError as error:
            if not is_missing_group(error):
                raise
            return 0, 0  # the store was emptied: nothing is pending with anybody
        return int(returned), int(dead)

    async def restore(self, token: str, orders: Iterable[Order]) -> bool:
        """Write orders of the ledger back; False when the leader's lock is lost."""
        names = [keys.LEADER, keys.IDEMPOTENCY, keys.PAYMENTS]
        args: list[Any] = [token]
        for order in orders:
            names.append(keys.order(order.id))
            args += [*_facts(order), order.settled_at_us or ""]
        return bool(await self._run("restore", names, args))

    async def rebuild(
        self,
        token: str,
        product: Product,
        *,
        stock: int,
        held: Mapping[int, int],
    ) -> bool:
        """Put a product on sale; False when its stock was there, or the lock is lost."""
        names = [
            keys.LEADER,
            keys.stock(product.product_id),
            keys.buyers(product.product_id),
            keys.product(product.product_id),
            keys.EPOCH,
        ]
        limit = "" if product.per_user_limit is None else product.per_user_limit
        args: list[Any] = [token, stock, product.name, product.price_cents]
        args += [product.initial_stock, limit]
        for user_id, units in held.items():
            args += [user_id, units]
        return bool(await self._run("rebuild", names, args))

    async def resume(self, token: str, orders: Iterable[Order]) -> int:
        """Enqueue payments of open orders that no entry stands for; -1 when the lock is lost."""
        names = [keys.LEADER, keys.IDEMPOTENCY, keys.ORDERS, keys.PAYMENTS]
        args: list[Any] = [token]
        for order in orders:
            names += [
                keys.order(order.id),
                keys.stock(order.product_id),
                keys.buyers(order.product_id),
            ]
            args += _facts(order)
        return int(await self._run("resume", names, args))

    async def epoch(self, token: str, begin: int | None = None) -> int | None:
        """Return the life of this store, beginning one if it has none; 0: none has begun.

        None when the leader's lock is lost.
        """
        args = [token, "" if begin is None else begin]
        epoch = int(await self._run("epoch", [keys.LEADER, keys.EPOCH], args))
        return None if epoch < 0 else epoch

    async def drop(self, stream: WorkStream, entry_id: str) -> None:
        """Take an entry off its stream: its work is done, or has become another's."""
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.xack(stream.name, stream.group, entry_id)
            pipe.xdel(stream.name, entry_id)
            await pipe.execute()

    async def renew(self, token: str, ttl_ms: int) -> bool:
        """Prolong the leader's lock; False when somebody else holds it or nobody does."""
        return bool(await self._run("renew", [keys.LEADER], [token, ttl_ms]))


def is_missing_group(error: RedisError) -> bool:
    """Whether the stream or its group does not exist (yet, or since a FLUSHALL)."""
    return "NOGROUP" in str(error)


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
