"""The event stream: sends buyers each state of their orders, over one subscription per process.

A watcher is registered *before* its order is read (changes.py), so no change is missed. After the
subscription was lost, all orders are read again, and so is each at its heartbeat: a stream ends
although a change was never published.

Nothing here is done per watcher that can be done for all: one task listens, one sends the
heartbeats, one reads orders again, many at once.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope

from approaches.queue import ledger
from approaches.queue.cancellation import cancel
from approaches.queue.changes import Hub
from approaches.queue.http import answer_to, web_app
from approaches.queue.order import Order
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import Store
from approaches.queue.service import run_service
from approaches.queue.watcher import Watcher
from approaches.shop.accounts import Tokens
from approaches.shop.asgi import Answer, Headers, ShortCut, first_header
from approaches.shop.asgi_server import run_web
from approaches.shop.ids import canonical_order_id
from approaches.shop.metrics import REQUESTS_IN_PROGRESS, Batched
from approaches.shop.orders import EVENT_STREAM_OPENING, last_event_id
from approaches.shop.pools import AsyncPool
from approaches.shop.problems import Code, Problem
from approaches.shop.streams import StreamLimit

REDIS_TIMEOUT_S = 5.0
LEDGER_CONNECTIONS = 2
DRAIN_S = 10
TURNS = 15
"""Heartbeats are sent in so many turns, to each watcher in one of them."""
READ_AT_ONCE = 64

_HEADERS: Final[Headers] = [
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
]

log = logging.getLogger(__name__)


class EventService:
    """The event route over one process' connections."""

    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings.shop
        self._redis_url = settings.redis_url
        self._turn_s = settings.heartbeat_s / TURNS
        self._tokens = Tokens(settings.shop.secret_key, settings.shop.token_ttl_s)
        self._limit = StreamLimit(settings.shop.streams_per_buyer)
        self._open = Batched(REQUESTS_IN_PROGRESS)
        self._turns: list[set[Watcher]] = [set() for _ in range(TURNS)]
        self._turn = 0
        self._unsure: dict[Watcher, None] = {}
        self._is_draining = False

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the connections of this process, and close them."""
        self._store = Store(self._redis_url, timeout_s=REDIS_TIMEOUT_S)
        self._pool = AsyncPool(self._settings.database_url, size=LEDGER_CONNECTIONS)
        self._hub = Hub(self._store)
        self._is_unsure = asyncio.Event()
        await self._pool.open()
        tasks = [
            asyncio.create_task(step) for step in (self._hub.run(), self._beat(), self._look())
        ]
        yield
        await cancel(tasks)
        await self._pool.close()
        await self._store.close()

    async def is_ready(self) -> bool:
        """Return True if changes arrive here."""
        return self._hub.is_subscribed

    def drain(self) -> None:
        """End every stream in good order, also those to come."""
        self._is_draining = True
        for turn in self._turns:
            for watcher in turn:
                watcher.close()

    async def events(self, scope: Scope, _: Receive) -> Answer:
        """GET /orders/{id}/events."""
        user_id = self._tokens.user_of_stream(
            first_header(scope, b"authorization"), QueryParams(scope["query_string"]).get("ticket")
        )
        order_id = canonical_order_id(scope["id"])
        if order_id is None:
            raise _not_found()
        sent = last_event_id(first_header(scope, b"last-event-id"))
        self._limit.take(user_id)
        watcher = Watcher(self, order_id, user_id, sent)
        self._hub.register(order_id, watcher)
        try:
            order = await self._store.order(order_id) or await self._recorded(order_id)
            if order is None or order.user_id != user_id:
                raise _not_found()
        except BaseException:
            self.lost(watcher)
            raise
        watcher.update(order)
        return Answer(200, _HEADERS, EVENT_STREAM_OPENING + watcher.news(), watcher)

    def opened(self, watcher: Watcher) -> None:
        """Begin to send heartbeats to a watcher."""
        watcher.turn = self._turns[self._turn]  # the last one: the next is one heartbeat away
        watcher.turn.add(watcher)
        self._open.add(1)
        if self._is_draining:
            watcher.close()

    def lost(self, watcher: Watcher) -> None:
        """Forget a watcher, whether it was opened or not."""
        self._hub.forget(watcher.order_id, watcher)
        self._limit.give_back(watcher.user_id)
        if watcher.turn is not None:
            watcher.turn.discard(watcher)
            self._open.add(-1)

    def read_again(self, watcher: Watcher) -> None:
        """Read the order of a watcher, and tell it."""
        self._unsure[watcher] = None
        self._is_unsure.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._turn_s)
            self._turn = (self._turn + 1) % TURNS
            for watcher in self._turns[self._turn]:
                watcher.beat()

    async def _look(self) -> None:
        while True:
            await self._is_unsure.wait()
            self._is_unsure.clear()
            unsure = list(self._unsure)
            self._unsure.clear()
            try:
                for first in range(0, len(unsure), READ_AT_ONCE):
                    await self._tell(unsure[first : first + READ_AT_ONCE])
            except Exception as error:  # whatever it is, the next ones are read
                log.warning("%d streams end: %s: %s", len(unsure), type(error).__name__, error)
                for watcher in unsure:
                    watcher.close()

    async def _tell(self, watchers: Sequence[Watcher]) -> None:
        """Read the orders of these watchers, and tell them; raise what a store does."""
        orders = await self._store.orders([one.order_id for one in watchers])
        for watcher, order in zip(watchers, orders, strict=True):
            found = order or await self._recorded(watcher.order_id)
            if found is not None:
                watcher.update(found)

    async def _recorded(self, order_id: str) -> Order | None:
        """Return an order that is not in Redis, as the ledger holds it."""
        return await self._pool.run(partial(ledger.read_order, order_id=order_id))


def _not_found() -> Problem:
    return Problem(Code.NOT_FOUND, "you have no such order")


def create_app(settings: QueueSettings) -> tuple[FastAPI, ShortCut]:
    """Return the event stream as an ASGI application, and the short cut to its route."""
    service = EventService(settings)
    app = web_app(service.lifespan, service.is_ready, service.drain)
    hot = ShortCut(app, answer_to)
    hot.add("GET", "/orders/{id}/events", service.events)
    return app, hot


def run_child(settings: QueueSettings, index: int, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    app, hot = create_app(settings)
    run_web(app, listener, drain_s=DRAIN_S, entry=hot)


if __name__ == "__main__":
    sys.exit(run_service(run_child, "DATABASE_URL", "SECRET_KEY"))
