"""The event stream: sends a buyer each state of an order, over one subscription per process.

A listener is registered *before* the order is read (changes.py), and each version above the last
one sent goes out in order, so none is missed or sent twice, however the two overlap;
`Last-Event-ID` is just such a version. After the subscription was lost, every stream reads its
order again, and so it does at each heartbeat: a stream ends although a change was never published.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request, Response
from redis.exceptions import RedisError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from approaches.queue import ledger
from approaches.queue.cancellation import cancel
from approaches.queue.changes import Hub, Listener
from approaches.queue.http import run_web, web_app
from approaches.queue.order import Order
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import Store
from approaches.queue.service import run_service
from approaches.shop.accounts import Tokens
from approaches.shop.bodies import encode_json
from approaches.shop.database import STORE_ERRORS, AsyncPool
from approaches.shop.ids import canonical_order_id
from approaches.shop.orders import (
    EVENT_STREAM_HEARTBEAT,
    EVENT_STREAM_OPENING,
    event_frame,
    history,
    last_event_id,
)
from approaches.shop.problems import Code, Problem
from approaches.shop.streams import StreamLimit

REDIS_TIMEOUT_S = 5.0
REDIS_CONNECTIONS = 16
LEDGER_CONNECTIONS = 2
DRAIN_S = 10

log = logging.getLogger(__name__)


class EventService:
    """The event route over one process' connections."""

    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings.shop
        self._redis_url = settings.redis_url
        self._heartbeat_s = settings.heartbeat_s
        self._tokens = Tokens(settings.shop.secret_key, settings.shop.token_ttl_s)
        self._limit = StreamLimit(settings.shop.streams_per_buyer)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the connections of this process, and close them."""
        self._store = Store(
            self._redis_url, timeout_s=REDIS_TIMEOUT_S, connections=REDIS_CONNECTIONS
        )
        self._pool = AsyncPool(self._settings.database_url, size=LEDGER_CONNECTIONS)
        self._hub = Hub(self._store)
        await self._pool.open()
        listening = asyncio.create_task(self._hub.run())
        yield
        await cancel([listening])
        await self._pool.close()
        await self._store.close()

    async def is_ready(self) -> bool:
        """Return True if changes arrive here."""
        return self._hub.is_subscribed

    def drain(self) -> None:
        """End every stream in good order: its reader comes back, with Last-Event-ID."""
        self._hub.close_listeners()

    async def events(self, request: Request) -> Response:
        """GET /orders/{id}/events."""
        user_id = self._tokens.user_of_stream(
            request.headers.get("authorization"), request.query_params.get("ticket")
        )
        order_id = canonical_order_id(request.path_params["id"])
        if order_id is None:
            raise _not_found()
        self._limit.take(user_id)
        listener = self._hub.register(order_id)

        def close() -> None:
            self._hub.forget(order_id, listener)
            self._limit.give_back(user_id)

        try:
            order = await self._read(order_id)
            if order is None or order.user_id != user_id:
                raise _not_found()
        except BaseException:
            close()
            raise
        sent = last_event_id(request.headers.get("last-event-id"))
        return _EventStream(self._stream(order, listener, sent), close)

    async def _stream(self, order: Order, listener: Listener, sent: int) -> AsyncIterator[bytes]:
        try:
            yield EVENT_STREAM_OPENING
            while not listener.is_behind:
                for version, status in history(order.status, order.version, sent):
                    yield event_frame(version, encode_json(order.at(version, status).view()))
                    sent = version
                if order.terminal or listener.is_closed:
                    return
                try:
                    change = await listener.hear(self._heartbeat_s)
                except TimeoutError:
                    yield EVENT_STREAM_HEARTBEAT
                    change = None
                if change is None:
                    order = await self._read(order.id) or order
                else:
                    order = change.applied_to(order)
        except (RedisError, *STORE_ERRORS) as error:  # the client comes back, with Last-Event-ID
            log.warning("stream of order %s ends: %s", order.id, error)

    async def _read(self, order_id: str) -> Order | None:
        order = await self._store.order(order_id)
        if order is None:
            order = await self._pool.run(partial(ledger.read_order, order_id=order_id))
        return order


class _EventStream(StreamingResponse):
    """A stream that gives back what it holds, also if its client has gone before it began."""

    def __init__(self, frames: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


def _not_found() -> Problem:
    return Problem(Code.NOT_FOUND, "you have no such order")


def create_app(settings: QueueSettings) -> FastAPI:
    """Return the event stream as an ASGI application."""
    service = EventService(settings)
    app = web_app(service.lifespan, service.is_ready, service.drain)
    app.add_api_route("/orders/{id}/events", service.events, methods=["GET"])
    return app


def run_child(settings: QueueSettings, index: int, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    run_web(create_app(settings), listener, drain_s=DRAIN_S)


if __name__ == "__main__":
    sys.exit(run_service(run_child, "DATABASE_URL", "SECRET_KEY"))
