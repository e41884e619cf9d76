"""The HTTP face of a shop on FastAPI: the contract of `approaches.shop.contract`, whole.

Routes are plain functions, which FastAPI runs in threads; only event streams live on the event
loop, where one that waits costs no thread. An approach brings what it does differently: a `Ledger`
that is read, a `Checkout` that buys, and the changes of orders that streams wait for.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol

from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from approaches.shop.accounts import Accounts, Hasher, Tokens
from approaches.shop.asgi_server import Errors, json_response, run_web, web_app
from approaches.shop.bodies import encode_json
from approaches.shop.catalogue import Product, product_view, read_product_id
from approaches.shop.contract import openapi
from approaches.shop.database import STORE_ERRORS
from approaches.shop.ids import canonical_order_id
from approaches.shop.order_changes import OrderChanges
from approaches.shop.order_ledger import Order
from approaches.shop.orders import (
    EVENT_STREAM_HEARTBEAT,
    EVENT_STREAM_OPENING,
    TERMINAL,
    Purchase,
    event_frame,
    history,
    last_event_id,
    order_links,
    read_idempotency_key,
    read_purchase,
)
from approaches.shop.pools import SyncPool
from approaches.shop.problems import Code, Problem
from approaches.shop.settings import Settings, SettingsError, read_int
from approaches.shop.streams import StreamLimit
from approaches.shop.supervisor import serve

DRAIN_S = 10
HEARTBEAT_S = 5.0
"""How long a stream waits for a change before it reads its order again."""
EX_CONFIG = 78


class Ledger(Protocol):
    """What the routes read; each call raises a store's error if it does not answer."""

    def find_product(self, product_id: int) -> Product:
        """Return a product; raise Problem(not_found)."""

    def find_order(self, order_id: str) -> Order:
        """Return an order; raise Problem(not_found)."""

    def check(self) -> None:
        """Ask the stores for anything."""


class Checkout(Protocol):
    """What buys, and says how much may be bought."""

    def buy(self, user_id: int, key: str, purchase: Purchase) -> tuple[Order, bool]:
        """Accept a purchase; return the order and whether this is a replay. Raise Problem."""

    def stock(self, product: Product) -> int:
        """Return how many units of a product may still be bought."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What an approach brings to its routes; `lost` is what its stores raise when they are away."""

    settings: Settings
    pool: SyncPool
    ledger: Ledger
    checkout: Checkout
    changes: OrderChanges
    lost: Errors = STORE_ERRORS


def serve_shop(start: Callable[[], Shop]) -> int:
    """Serve a shop, made by `start` in each of PROCESSES, until SIGTERM; return 0.

    Return 78 if a setting is missing or malformed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    def run_child(_: int, listener: socket.socket) -> None:
        run_web(create_app(start()), listener, drain_s=DRAIN_S)

    try:
        processes = read_int("PROCESSES", 1, high=64)
        bind = start().settings.bind
    except SettingsError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return EX_CONFIG
    serve(processes, run_child, bind)
    return 0


def create_app(shop: Shop) -> FastAPI:
    """Return the ASGI application of a shop that acknowledges acceptances."""
    routes = _Routes(shop)
    app = web_app(routes.lifespan, routes.is_ready, routes.drain, shop.lost)
    for method, path, endpoint in (
        ("POST", "/auth/register", routes.register),
        ("POST", "/auth/login", routes.log_in),
        ("POST", "/auth/ticket", routes.ticket),
        ("GET", "/products/{id}", routes.product),
        ("POST", "/orders", routes.buy),
        ("GET", "/orders/{id}", routes.order),
        ("GET", "/orders/{id}/events", routes.events),
    ):
        app.add_api_route(path, endpoint, methods=[method])
    document = openapi("acceptance")
    app.add_api_route("/openapi.json", lambda: json_response(document), methods=["GET"])
    return app


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


class _Routes:
    """The routes of one process."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._tokens = Tokens(shop.settings.secret_key, shop.settings.token_ttl_s)
        self._accounts = Accounts(shop.pool, Hasher(shop.settings.hash_threads), self._tokens)
        self._streams = StreamLimit(shop.settings.streams_per_buyer)
        self._is_draining = False

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the connections of this process, and close them."""
        self._shop.pool.open()
        listening = asyncio.create_task(self._shop.changes.run())
        yield
        listening.cancel()
        await asyncio.wait([listening])
        self._shop.pool.close()

    async def is_ready(self) -> bool:
        """Return True if the stores answer."""
        try:
            await run_in_threadpool(self._shop.ledger.check)
        except self._shop.lost:
            return False
        return True

    def drain(self) -> None:
        """End every stream in good order."""
        self._is_draining = True
        self._shop.changes.wake_all()

    def register(self, body: Body) -> Response:
        """POST /auth/register."""
        return json_response(self._accounts.register(body), 201)

    def log_in(self, body: Body) -> Response:
        """POST /auth/login."""
        return json_response(self._accounts.log_in(body))

    def ticket(self, request: Request) -> Response:
        """POST /auth/ticket."""
        return json_response(self._tokens.issue_ticket(self._buyer(request)), 201)

    def product(self, id: str) -> Response:
        """GET /products/{id}."""
        product = self._shop.ledger.find_product(read_product_id(id))
        return json_response(product_view(product, self._shop.checkout.stock(product)))

    def buy(self, request: Request, body: Body) -> Response:
        """POST /orders."""
        user_id = self._buyer(request)
        key = read_idempotency_key(request.headers.getlist("idempotency-key"))
        order, replayed = self._shop.checkout.buy(user_id, key, read_purchase(body))
        headers = {"Location": order_links(order.order_id)["self"]}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return json_response(order.view(), 202, headers)

    def order(self, request: Request, id: str) -> Response:
        """GET /orders/{id}."""
        return json_response(self._find(self._buyer(request), id).view())

    def events(self, request: Request, id: str) -> Response:
        """GET /orders/{id}/events."""
        ticket = request.query_params.get("ticket")
        user_id = self._tokens.user_of_stream(request.headers.get("authorization"), ticket)
        order = self._find(user_id, id)
        self._streams.take(user_id)
        seen = last_event_id(request.headers.get("last-event-id"))
        done = partial(self._streams.give_back, user_id)
        return _EventStream(self._frames(order.order_id, seen), done)

    async def _frames(self, order_id: str, seen: int) -> AsyncIterator[bytes]:
        yield EVENT_STREAM_OPENING
        with self._shop.changes.watching(order_id) as changed:
            while not self._is_draining:
                changed.clear()
                order = await run_in_threadpool(self._shop.ledger.find_order, order_id)
                for version, status in history(order.status, order.version, seen):
                    yield event_frame(version, encode_json(order.view_at(version, status)))
                    seen = version
                if order.status in TERMINAL:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield EVENT_STREAM_HEARTBEAT

    def _buyer(self, request: Request) -> int:
        return self._tokens.user_of(request.headers.get("authorization"))

    def _find(self, user_id: int, text: str) -> Order:
        order_id = canonical_order_id(text)
        order = self._shop.ledger.find_order(order_id) if order_id is not None else None
        if order is None or order.user_id != user_id:
            raise Problem(Code.NOT_FOUND, "you have no such order")
        return order


class _EventStream(StreamingResponse):
    """An event stream, counted as closed however it ends."""

    def __init__(self, frames: AsyncIterator[bytes], done: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(frames, media_type="text/event-stream", headers=headers)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._done()
