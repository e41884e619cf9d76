"""Redis, as this approach uses it: scripts that each do one whole step, and nothing in between.

Redis answers one question, "may I still accept?", and carries the work to those who do it. What was
sold is decided by the ledger alone. Commands of Redis 6.2 only, so Redis and Valkey both serve.

The client never retries by itself: a repeated XREADGROUP would leave the entries of the lost
answer pending with a consumer that does not know of them. Callers retry what is safe to repeat.

Scripts and plain reads share one connection (multiplexed.py). A subscription has one of its own,
and so has what blocks, from the pool of `redis`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast

from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError, ResponseError

from approaches.queue import keys
from approaches.queue.keys import Field
from approaches.queue.multiplexed import Line, Multiplexed, Script
from approaches.queue.order import Order
from approaches.queue.queue_settings import IDEMPOTENCY_TTL_S, QueueSettings
from approaches.shop.catalogue import Product

_SCRIPTS = {
    file.stem: Script.of(file.read_text(encoding="utf-8"))
    for file in (Path(__file__).parent / "lua").glob("*.lua")
}
ORDER_TTL_S = 300
"""How long an order that has ended stays in Redis: the ledger answers for it afterwards."""
BLOCK_MS = 2_000
"""How long a worker's read waits for new entries."""
WORKER_TIMEOUT_S = 5.0
"""Longer than a blocking read, or every idle read would look like a lost connection."""
MAX_DELIVERIES = 5
"""An entry returned to its stream more often than this goes to the dead letters."""

Accepting = Literal[
    "accepted",
    "replayed",
    "key_reused",
    "ask_ledger",
    "stock_not_loaded",
    "limit_reached",
    "sold_out",
]
Settling = Literal["applied", "kept", "unloaded"]


class Acceptance(NamedTuple):
    """What the accept script answered: verdict, the order it is about, its amount and instant."""

    verdict: Accepting
    order_id: str = ""
    amount_cents: int = 0
    accepted_at_us: int = 0


class Mark(NamedTuple):
    """How far a Redis has come: its epoch, and how many orders it accepted in it."""

    epoch: int
    seq: int


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
class Holder:
    """The order that an idempotency key belongs to, as Redis writes it down."""

    order_id: str
    product_id: int
    quantity: int

    @property
    def value(self) -> str:
        """Return what stands under the key."""
        return f"{self.order_id}|{self.product_id}|{self.quantity}"


@dataclass(frozen=True, slots=True)
class WorkStream:
    """A stream of work, its consumer group, and the field of an order's hash with its entry."""

    name: str
    group: str
    entry_field: str


ORDERS = WorkStream(keys.ORDERS, keys.ORDER_WORKERS, Field.ORDERS_ENTRY)
PAYMENTS = WorkStream(keys.PAYMENTS, keys.PAYMENT_WORKERS, Field.PAYMENTS_ENTRY)


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
    """The scripts and reads of this approach over the connections of one process.

    `seen` is the latest mark that this process knows of; a Redis that knows less is not sold from.
    `connections` is how many there are for what blocks.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        connections: int = 1,
        idempotency_ttl_s: float = IDEMPOTENCY_TTL_S,
    ) -> None:
        self.seen = Mark(0, 0)
        self._idempotency_ttl_ms = round(idempotency_ttl_s * 1_000)
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
        self._shared = Multiplexed(url, timeout_s=timeout_s)

    @classmethod
    def for_worker(cls, settings: QueueSettings) -> Self:
        """Return the store of a worker or of the leader."""
        return cls(
            settings.redis_url,
            timeout_s=WORKER_TIMEOUT_S,
            connections=4,
            idempotency_ttl_s=settings.idempotency_ttl_s,
        )

    def _run(self, script: str, names: Sequence[str], args: Sequence[Any]) -> Awaitable[Any]:
        return self._shared.run(_SCRIPTS[script], names, args)

    async def ping(self) -> None:
        """Return if Redis answers; raise RedisError if it does not."""
        await self._shared.call("PING")

    async def close(self) -> None:
        """Close every connection."""
        await self._shared.close()
        await self.redis.aclose(close_connection_pool=True)

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
        """Hold the stock and enqueue the order, or return why not; repeating the call is safe.

        `ask_ledger`: keys of ended orders are missing here. Whoever has found the ledger without
        this one repeats the call and says so.
        """
        names = [
            keys.idempotency(user_id, key),
            keys.order(order_id),
            keys.stock(product_id),
            keys.buyers(product_id),
            keys.product(product_id),
            keys.ORDERS,
            keys.EPOCH,
            keys.SEQ,
            keys.BEHIND,
        ]
        args = [order_id, user_id, key, product_id, quantity, self.seen.epoch, self.seen.seq]
        if asked_ledger:
            args.append(1)
        verdict, *facts = await self._run("accept", names, args)
        if verdict == "accepted":
            self.saw(Mark(int(facts[2]), int(facts[3])))
            return Acceptance(verdict, order_id, int(facts[0]), int(facts[1]))
        return Acceptance(verdict, facts[0] if facts else "")

    def saw(self, mark: Mark) -> None:
        """Remember that Redis has come this far."""
        self.seen = max(self.seen, mark)

    async def order(self, order_id: str) -> Order | None:
        """Read an order, or None where Redis does not know it."""
        found = _mapping(await self._shared.call("HGETALL", keys.order(order_id)))
        return Order.from_hash(order_id, found) if found else None

    async def orders(self, order_ids: Sequence[str]) -> list[Order | None]:
        """Read orders at once, as `order` reads one."""
        reads = [("HGETALL", keys.order(order_id)) for order_id in order_ids]
        found = map(_mapping, await self._shared.transaction(*reads))
        return [
            Order.from_hash(order_id, fields) if fields else None
            for order_id, fields in zip(order_ids, found, strict=True)
        ]

    async def subscribe(self, hear: Callable[[str], None], *, silence_limit_s: float) -> Line:
        """Return a subscription to the changes of orders; see Multiplexed.subscribe."""
        return await self._shared.subscribe(keys.EVENTS, hear, limit_s=silence_limit_s)

    async def product(self, product_id: int) -> Product | None:
        """Read a product with what may still be accepted of it, or None while it is not on sale."""
        flat, units = await self._shared.transaction(
            ("HGETALL", keys.product(product_id)), ("GET", keys.stock(product_id))
        )
        if not flat or units is None:
            return None
        facts = _mapping(flat)
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
        names = [keys.PAYMENTS, keys.EPOCH]
        args: list[Any] = [keys.PAYMENT_WORKERS, keys.EVENTS, keys.IDEMPOTENCY_PREFIX]
        args += [ORDER_TTL_S * 1_000, self._idempotency_ttl_ms]
        for one in settlements:
            names += [
                keys.order(one.order_id),
                keys.stock(one.product_id),
                keys.buyers(one.product_id),
            ]
            settled = "" if one.settled_at_us is None else one.settled_at_us
            args += [one.order_id, one.entry_id, one.status, one.version, settled]
        return cast(list[Settling], await self._run("settle", names, args))

    async def cancel(
        self,
        order: Order,
        *,
        entry_id: str = "",
        letter_id: str = "",
        reason: str = "",
        holder: Holder | None = None,
    ) -> Settling:
        """End an order that the ledger has cancelled, and return its units once.

        The entry of the orders stream, or the dead letter, that stood for it is dropped; with a
        reason, a dead letter takes its place. `holder` is the order that its key belongs to.
        """
        names = [
            keys.ORDERS,
            keys.DEAD_LETTERS,
            keys.order(order.id),
            keys.stock(order.product_id),
            keys.buyers(order.product_id),
            keys.EPOCH,
            keys.idempotency(order.user_id, order.key),
        ]
        args: list[Any] = [keys.ORDER_WORKERS, keys.EVENTS, order.id, entry_id, letter_id]
        args += [order.settled_at_us or 0, ORDER_TTL_S * 1_000, self._idempotency_ttl_ms]
        args += ["" if holder is None else holder.value, reason]
        args += [Field.ORDER, order.id, Field.USER, order.user_id, Field.PRODUCT, order.product_id]
        args += [Field.QUANTITY, order.quantity, Field.KEY, order.key]
        args += [Field.AMOUNT, order.amount_cents]
        return cast(Settling, await self._run("cancel", names, args))

    async def requeue(
        self,
        stream: WorkStream,
        consumer: str,
        *,
        mode: Literal["dead", "own", "leave"],
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

    async def beat(self, lives_ms: Mapping[str, int]) -> int:
        """Prolong heartbeats, by name, also without memory left; return the epoch, or 0."""
        names = [keys.EPOCH, *(keys.alive(consumer) for consumer in lives_ms)]
        return int(await self._run("beat", names, list(lives_ms.values())))

    async def drop(self, stream: WorkStream, entry_id: str) -> None:
        """Take an entry off its stream: its work is done, or has become another's."""
        await self._shared.transaction(
            ("XACK", stream.name, stream.group, entry_id), ("XDEL", stream.name, entry_id)
        )


def is_missing_group(error: RedisError) -> bool:
    """Return True if the stream or its group does not exist (yet, or since a FLUSHALL)."""
    return "NOGROUP" in str(error)


def _mapping(flat: Sequence[str]) -> dict[str, str]:
    """Return the fields of a hash from the answer to HGETALL."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
