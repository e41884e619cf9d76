"""Changes of orders, as Redis publishes them: one subscription per process, many subscribers.

The published system opened one Redis connection per browser. Here a process subscribes once and
calls the subscribers of each order. A subscriber is registered *before* the order is read (or
accepted), so nothing falls between the two. After the subscription was lost, every subscriber has
to read its order again.

A connection that froze without closing looks like a channel on which nothing happens. So Redis is
asked for a PONG on the subscription itself, and one that is silent for too long is lost.
"""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from approaches.queue.keys import Field
from approaches.queue.order import Order
from approaches.queue.redis_store import Store
from approaches.shop.orders import Status

RECONNECT_S = 0.2
PING_EVERY_S = 1.0
SILENCE_LIMIT_S = 3.0
"""A subscription on which nothing arrives for this long, not even the PONG, is lost."""

log = logging.getLogger(__name__)


class Change(Struct, frozen=True, gc=False):
    """A state that an order has reached."""

    status: Status
    version: int
    settled_at_us: int | None

    def applied_to(self, order: Order) -> Order:
        """Return the order in this state, or as it was where it is already further."""
        if self.version <= order.version:
            return order
        return replace(
            order, status=self.status, version=self.version, settled_at_us=self.settled_at_us
        )


class Subscriber(Protocol):
    """Somebody who is told of the changes of an order."""

    def notify(self, change: Change | None) -> None:
        """Take a change; None means that some may have been missed."""


class Listener:
    """A subscriber that waits for the changes, for no longer than a request lasts."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[Change | None] = asyncio.Queue()

    def notify(self, change: Change | None) -> None:
        """Take a change; None means that some may have been missed."""
        self._news.put_nowait(change)

    async def hear(self, within_s: float) -> Change | None:
        """Return the next change; raise TimeoutError if there is none within so many seconds."""
        async with asyncio.timeout(within_s):
            return await self._news.get()


class Hub:
    """All subscribers of this process, behind one subscription."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscribers: dict[str, list[Subscriber]] = {}
        self.is_subscribed = False

    def register(self, order_id: str, subscriber: Subscriber) -> None:
        """Tell a subscriber of the changes of an order from now on."""
        self._subscribers.setdefault(order_id, []).append(subscriber)

    def forget(self, order_id: str, subscriber: Subscriber) -> None:
        """Tell a subscriber no more."""
        subscribers = self._subscribers[order_id]
        subscribers.remove(subscriber)
        if not subscribers:
            del self._subscribers[order_id]

    @contextmanager
    def listening(self, order_id: str) -> Iterator[Listener]:
        """Have a listener for the changes of an order."""
        listener = Listener()
        self.register(order_id, listener)
        try:
            yield listener
        finally:
            self.forget(order_id, listener)

    async def run(self) -> None:
        """Keep the subscription until cancelled."""
        while True:
            try:
                await self._subscribe()
            except RedisError as error:
                log.warning("no subscription: %s", error)
            finally:
                self.is_subscribed = False
            await asyncio.sleep(RECONNECT_S)

    async def _subscribe(self) -> None:
        """Subscribe; raise RedisError once the subscription is lost."""
        line = await self._store.subscribe(self._take, silence_limit_s=SILENCE_LIMIT_S)
        try:
            self.is_subscribed = True
            for subscribers in [*self._subscribers.values()]:
                for subscriber in [*subscribers]:
                    subscriber.notify(None)
            while not line.is_lost:
                await line.ping()
                await asyncio.wait([line.lost], timeout=PING_EVERY_S)
            raise LostConnection(line.lost.result())
        finally:
            line.drop("nobody listens any more")

    def _take(self, published: str) -> None:
        for change in json.loads(published):
            self._hand_on(change)

    def _hand_on(self, change: dict[str, str]) -> None:
        subscribers = self._subscribers.get(change[Field.ORDER])
        if subscribers:
            settled = change.get(Field.SETTLED_AT)
            news = Change(
                Status(change[Field.STATUS]),
                int(change[Field.VERSION]),
                int(settled) if settled else None,
            )
            for subscriber in [*subscribers]:
                subscriber.notify(news)
