"""Changes of orders, as Redis publishes them: one subscription per process, many listeners.

The published system opened one Redis connection per browser. Here a process subscribes once and
hands changes on to the listeners of each order. A listener is registered *before* the order is
read (or accepted), so nothing falls between the two. After the subscription was lost, every
listener has to read its order again.

A connection that froze without closing looks like a channel on which nothing happens. So Redis is
asked for a PONG on the subscription itself, and one that is silent for too long is lost.
"""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from approaches.queue import keys
from approaches.queue.keys import Field
from approaches.queue.order import Order
from approaches.queue.redis_store import Store
from approaches.shop.orders import Status

QUEUE_SIZE = 8
RECONNECT_S = 0.2
PING_EVERY_S = 1.0
SILENCE_LIMIT_S = 3.0
"""A subscription on which nothing arrives for this long, not even a PONG, is lost."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
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


class Listener:
    """The place where somebody waits for the changes of an order; who does not keep up is lost."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE_SIZE)
        self.is_behind = False
        self.is_closed = False

    def close(self) -> None:
        """End the wait of whoever listens here: the process is about to end."""
        self.is_closed = True
        self.notify(None)

    def notify(self, change: Change | None) -> None:
        """Pass a change on; None means that some may have been missed."""
        try:
            self._news.put_nowait(change)
        except asyncio.QueueFull:
            self.is_behind = True

    async def hear(self, within_s: float) -> Change | None:
        """Return the next change; raise TimeoutError if there is none within so many seconds."""
        async with asyncio.timeout(within_s):
            return await self._news.get()


class Hub:
    """All listeners of this process, behind one subscription."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: dict[str, set[Listener]] = {}
        self._is_closed = False
        self.is_subscribed = False

    def register(self, order_id: str) -> Listener:
        """Open a listener for the changes of an order."""
        listener = Listener()
        listener.is_closed = self._is_closed
        self._listeners.setdefault(order_id, set()).add(listener)
        return listener

    def close_listeners(self) -> None:
        """Close every listener, and each that is registered from now on."""
        self._is_closed = True
        for listener in self._all():
            listener.close()

    def forget(self, order_id: str, listener: Listener) -> None:
        """Close a listener."""
        listeners = self._listeners.get(order_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(order_id, None)

    @contextmanager
    def listening(self, order_id: str) -> Iterator[Listener]:
        """Have a listener for the changes of an order."""
        listener = self.register(order_id)
        try:
            yield listener
        finally:
            self.forget(order_id, listener)

    async def run(self) -> None:
        """Keep the subscription until cancelled."""
        while True:
            try:
                async with self._store.redis.pubsub() as subscription:
                    await self._listen(subscription)
            except RedisError as error:
                log.warning("no subscription: %s", error)
            finally:
                self.is_subscribed = False
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, subscription: PubSub) -> None:
        """Hand on what arrives, until the connection is lost or silent for too long."""
        await subscription.subscribe(keys.EVENTS)
        heard_s = pinged_s = time.monotonic()
        while True:
            message = await subscription.get_message(timeout=PING_EVERY_S)
            now_s = time.monotonic()
            if message is not None:
                heard_s = now_s
                self._take(message["type"], message["data"])
            elif now_s - heard_s >= SILENCE_LIMIT_S:
                raise LostConnection(f"nothing arrived for {now_s - heard_s:.1f} s")
            if now_s - pinged_s >= PING_EVERY_S:
                pinged_s = now_s
                await subscription.ping()

    def _take(self, kind: str, data: str) -> None:
        if kind == "subscribe":
            self.is_subscribed = True
            for listener in self._all():
                listener.notify(None)
        elif kind == "message":
            for change in json.loads(data):
                self._hand_on(change)

    def _all(self) -> list[Listener]:
        return [one for listeners in self._listeners.values() for one in listeners]

    def _hand_on(self, change: dict[str, str]) -> None:
        listeners = self._listeners.get(change[Field.ORDER])
        if listeners:
            settled = change.get(Field.SETTLED_AT)
            news = Change(
                Status(change[Field.STATUS]),
                int(change[Field.VERSION]),
                int(settled) if settled else None,
            )
            for listener in listeners:
                listener.notify(news)
