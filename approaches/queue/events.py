"""The event stream: tells a buyer each new state of an order, over one subscription per process.

The published system opened one Redis connection per browser. Here a process subscribes once and
hands changes on to the listeners of each order. A listener is registered *before* the order is
read, so nothing falls between the two, and only versions above the last one sent go out, so nothing
is told twice, however the two overlap; `Last-Event-ID` is just such a version. After the
subscription was lost, every listener reads its order again.
"""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from fastapi import FastAPI, Request, Response
from redis.exceptions import RedisError
from starlette.responses import StreamingResponse

from approaches.queue import keys, ledger
from approaches.queue.edge import run_web, web_app
from approaches.queue.order import Order
from approaches.queue.service import run_service
from approaches.queue.settings import QueueSettings
from approaches.queue.store import Store
from approaches.shop.accounts import Tokens
from approaches.shop.bodies import encode_json
from approaches.shop.database import async_pool
from approaches.shop.ids import canonical_order_id
from approaches.shop.orders import (
    EVENT_STREAM_HEARTBEAT,
    EVENT_STREAM_OPENING,
    HEARTBEAT_INTERVAL_S,
    Status,
    event_frame,
)
from approaches.shop.problems import Code, Problem

QUEUE_SIZE = 8
REDIS_TIMEOUT_S = 5.0
REDIS_CONNECTIONS = 16
LEDGER_CONNECTIONS = 2
RECONNECT_S = 0.2
DRAIN_S = 2

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
    """The place where one open stream waits for changes; one that does not keep up is dropped."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE_SIZE)
        self.is_behind = False

    def tell(self, change: Change | None) -> None:
        """Pass a change on; None means that some may have been missed."""
        try:
            self._news.put_nowait(change)
        except asyncio.QueueFull:
            self.is_behind = True

    async def hear(self) -> Change | None:
        """Wait for the next change, at most for one heartbeat (then TimeoutError)."""
        async with asyncio.timeout(HEARTBEAT_INTERVAL_S):
            return await self._news.get()


class Hub:
    """All listeners of this process, behind one subscription."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: dict[str, set[Listener]] = {}
        self.is_subscribed = False

    def register(self, order_id: str) -> Listener:
        """Open a listener for the changes of an order."""
        listener = Listener()
        self._listeners.setdefault(order_id, set()).add(listener)
        return listener

    def forget(self, order_id: str, listener: Listener) -> None:
        """Close a listener."""
        listeners = self._listeners.get(order_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(order_id, None)

    async def run(self) -> None:
        """Keep the subscription until cancelled."""
        while True:
            try:
                async with self._store.redis.pubsub() as subscription:
                    await subscription.subscribe(keys.EVENTS)
                    while True:
                        message = await subscription.get_message(timeout=REDIS_TIMEOUT_S)
                        if message is not None:
                            self._take(message["type"], message["data"])
            except RedisError as error:
                log.warning("no subscription: %s", error)
            self.is_subscribed = False
            await asyncio.sleep(RECONNECT_S)

    def _take(self, kind: str, data: str) -> None:
        if kind == "subscribe":
            self.is_subscribed = True
            for listeners in self._listeners.values():
                for listener in listeners:
                    listener.tell(None)
        elif kind == "message":
            for change in json.loads(data):
                self._hand_on(change)

    def _hand_on(self, change: dict[str, str]) -> None:
        listeners = self._listeners.get(change["o"])
        if listeners:
            settled = change.get("st")
            news = Change(Status(change["s"]), int(change["v"]), int(settled) if settled else None)
            for listener in listeners:
                listener.tell(news)


class EventService:
    """The event route over one process' connections."""

    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings.shop
        self._redis_url = settings.redis_url
        self._tokens = Tokens(settings.shop.secret_key, settings.shop.token_ttl_s)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the connections of this process, and close them."""
        self._store = Store(
            self._redis_url, timeout_s=REDIS_TIMEOUT_S, connections=REDIS_CONNECTIONS
        )
        self._pool = async_pool(self._settings.database_url, size=LEDGER_CONNECTIONS)
        self._hub = Hub(self._store)
        await self._pool.open(wait=False)
        listening = asyncio.create_task(self._hub.run())
        yield
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await self._pool.close()
        await self._store.close()

    async def is_ready(self) -> bool:
        """Say whether changes arrive here."""
        return self._hub.is_subscribed

    async def events(self, request: Request) -> Response:
        """GET /orders/{id}/events."""
        user_id = self._tokens.user_of_stream(
            request.headers.get("authorization"), request.query_params.get("ticket")
        )
        order_id = canonical_order_id(request.path_params["id"])
        if order_id is None:
            raise _not_found()
        listener = self._hub.register(order_id)
        try:
            order = await self._read(order_id)
            if order is None or order.user_id != user_id:
                raise _not_found()
        except BaseException:
            self._hub.forget(order_id, listener)
            raise
        return StreamingResponse(
            self._stream(order, listener, _last_version(request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, order: Order, listener: Listener, sent: int) -> AsyncIterator[bytes]:
        try:
            yield EVENT_STREAM_OPENING
            while not listener.is_behind:
                if order.version > sent:
                    yield event_frame(order.version, encode_json(order.view()))
                    sent = order.version
                if order.terminal:
                    return
                try:
                    change = await listener.hear()
                except TimeoutError:
                    yield EVENT_STREAM_HEARTBEAT
                    continue
                if change is None:
                    order = await self._read(order.id) or order
                else:
                    order = change.applied_to(order)
        except RedisError as error:  # the client comes back, with Last-Event-ID
            log.warning("stream of order %s ends: %s", order.id, error)
        finally:
            self._hub.forget(order.id, listener)

    async def _read(self, order_id: str) -> Order | None:
        order = await self._store.order(order_id)
        if order is None:
            async with self._pool.connection() as connection:
                order = await ledger.read_order(connection, order_id)
        return order


def _last_version(request: Request) -> int:
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _not_found() -> Problem:
    return Problem(Code.NOT_FOUND, "you have no such order")


def create_app(settings: QueueSettings) -> FastAPI:
    """Return the event stream as an ASGI application."""
    service = EventService(settings)
    app = web_app(service.lifespan, service.is_ready)
    app.add_api_route("/orders/{id}/events", service.events, methods=["GET"])
    return app


def run_child(settings: QueueSettings, index: int, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    run_web(create_app(settings), listener, drain_s=DRAIN_S)


if __name__ == "__main__":
    sys.exit(run_service(run_child, "DATABASE_URL", "SECRET_KEY"))
