"""The API: accepts or refuses a purchase in one round trip to Redis; workers do the rest.

A 202 means that the order is in the stream and holds its stock; with ACK=ledger it means that the
ledger holds it, too (acknowledgement.py). When the answer to the accept script is lost, the outcome
is not known: that is a 503, and the client asks again under the same key, which finds the order if
there is one.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial

from fastapi import FastAPI, Request, Response
from redis.exceptions import RedisError
from starlette.types import Receive, Scope

from approaches.queue import ledger
from approaches.queue.acknowledgement import LedgerWatch
from approaches.queue.cancellation import cancel
from approaches.queue.changes import Hub, Listener
from approaches.queue.http import answer_to, web_app
from approaches.queue.leader_ledger import read_mark
from approaches.queue.order import Order
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import Acceptance, Holder
from approaches.queue.reservation import make_store
from approaches.queue.service import run_service
from approaches.shop.accounts import AsyncAccounts, Hasher, Tokens
from approaches.shop.asgi import (
    Answer,
    ShortCut,
    first_header,
    header_values,
    json_answer,
    problem_answer,
    read_body,
)
from approaches.shop.asgi_server import json_response, run_web
from approaches.shop.bodies import encode_json
from approaches.shop.catalogue import product_view, read_product_id
from approaches.shop.contract import openapi
from approaches.shop.database import STORE_ERRORS
from approaches.shop.ids import canonical_order_id, new_order_id
from approaches.shop.metrics import Batched
from approaches.shop.order_metrics import ORDERS_ACCEPTED
from approaches.shop.orders import (
    Purchase,
    Status,
    read_idempotency_key,
    read_purchase,
)
from approaches.shop.pools import AsyncPool
from approaches.shop.problems import Code, Problem

REDIS_TIMEOUT_S = 2.0
LEDGER_CONNECTIONS = 4
READY_WITHIN_S = 1.0
DRAIN_S = 10

_KEY_REUSED = Problem(Code.KEY_REUSED, "the key was sent before with another product or quantity")
_LIMIT_REACHED = Problem(Code.LIMIT_REACHED, "you hold as many of this product as one buyer may")
_REFUSALS = {
    "key_reused": problem_answer(_KEY_REUSED),
    "limit_reached": problem_answer(_LIMIT_REACHED),
    "sold_out": problem_answer(Problem(Code.SOLD_OUT, "not enough units are left")),
}
_NOBODY = nullcontext()


class Shop:
    """The routes of the API over one process' connections."""

    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings.shop
        self._ack = settings.ack
        self._redis_url = settings.redis_url
        self._reservation = settings.reservation
        self._tokens = Tokens(settings.shop.secret_key, settings.shop.token_ttl_s)
        self._document = openapi("acceptance")
        self._accepted = Batched(ORDERS_ACCEPTED)
        self._has_mark = False

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the connections of this process, and close them."""
        self._pool = AsyncPool(self._settings.database_url, size=LEDGER_CONNECTIONS)
        self._store = make_store(
            self._reservation, self._redis_url, self._pool, timeout_s=REDIS_TIMEOUT_S
        )
        self._accounts = AsyncAccounts(
            self._pool, Hasher(self._settings.hash_threads), self._tokens
        )
        self._hub = Hub(self._store)
        self._watch = LedgerWatch(self._hub, self._pool)
        listening = asyncio.create_task(self._listen())
        await self._pool.open()
        yield
        await cancel([listening])
        await self._pool.close()
        await self._store.close()

    async def _listen(self) -> None:
        if self._ack == "ledger":  # nobody else listens here
            await self._hub.run()

    async def is_ready(self) -> bool:
        """Return True if both stores answer."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._store.ping()
            await self._pool.run(ledger.ping, within_s=READY_WITHIN_S)
            await self._learn_mark()
        except (RedisError, TimeoutError, *STORE_ERRORS):
            return False
        return True

    async def register(self, request: Request) -> Response:
        """POST /auth/register."""
        return json_response(await self._accounts.register(await request.body()), 201)

    async def log_in(self, request: Request) -> Response:
        """POST /auth/login."""
        return json_response(await self._accounts.log_in(await request.body()))

    async def ticket(self, request: Request) -> Response:
        """POST /auth/ticket."""
        return json_response(self._tokens.issue_ticket(self._user_of(request.scope)), 201)

    async def product(self, scope: Scope, _: Receive) -> Answer:
        """GET /products/{id}: the stock that may still be accepted."""
        product_id = read_product_id(scope["id"])
        product = await self._store.product(product_id)
        if product is None:
            raise await self._not_on_sale(product_id)
        return json_answer(encode_json(product_view(product, product.stock)))

    async def buy(self, scope: Scope, receive: Receive) -> Answer:
        """POST /orders."""
        user_id = self._user_of(scope)
        key = read_idempotency_key(header_values(scope, b"idempotency-key"))
        purchase = read_purchase(await read_body(receive))
        order_id = new_order_id()
        if not self._has_mark:
            await self._learn_mark()
        accept = partial(
            self._store.accept,
            order_id,
            user_id=user_id,
            key=key,
            product_id=purchase.product_id,
            quantity=purchase.quantity,
        )
        with self._listening(order_id) as listener:
            answer = await accept()
            if answer.verdict == "ask_ledger":
                holder = await self._pool.run(partial(ledger.find_holder, user_id=user_id, key=key))
                answer = _repeated(holder, purchase) or await accept(asked_ledger=True)
            if answer.verdict == "accepted":
                self._accepted.add(1)
                order = _new_order(answer, user_id, key, purchase)
                return _accepted(await self._promised(order, listener))
        if answer.verdict == "replayed":
            return await self._replayed(answer.order_id)
        if answer.verdict == "stock_not_loaded":
            raise await self._not_on_sale(purchase.product_id)
        return _REFUSALS[answer.verdict]

    async def _replayed(self, order_id: str) -> Answer:
        with self._listening(order_id) as listener:
            known = await self._known(order_id)
            if known is None:  # Redis has lost its data since it named the order
                raise Problem(Code.STORE_DOWN, "try again with the same idempotency key")
            return _accepted(await self._promised(known, listener), replayed=True)

    async def _learn_mark(self) -> None:
        """Learn how far Redis must have come, before anything is accepted from it.

        Raise one of STORE_ERRORS if the ledger does not answer. What this process accepts itself it
        knows from then on.
        """
        if not self._has_mark:
            known = await self._pool.run(read_mark, within_s=READY_WITHIN_S)
            self._store.saw(known.mark)
            self._has_mark = True

    def _listening(self, order_id: str) -> AbstractContextManager[Listener | None]:
        """Have a listener for the changes of an order, where a 202 promises to have waited."""
        return _NOBODY if self._ack == "acceptance" else self._hub.listening(order_id)

    async def _promised(self, order: Order, listener: Listener | None) -> Order:
        """Return the order once all is true that a 202 promises."""
        return order if listener is None else await self._watch.recorded(order, listener)

    async def order(self, scope: Scope, _: Receive) -> Answer:
        """GET /orders/{id}."""
        user_id = self._user_of(scope)
        return json_answer((await self._find(scope["id"], user_id)).json())

    async def contract(self, _: Request) -> Response:
        """GET /openapi.json."""
        return json_response(self._document)

    def _user_of(self, scope: Scope) -> int:
        return self._tokens.user_of(first_header(scope, b"authorization"))

    async def _find(self, text: str, user_id: int) -> Order:
        order_id = canonical_order_id(text)
        order = await self._known(order_id) if order_id is not None else None
        if order is None or order.user_id != user_id:
            raise Problem(Code.NOT_FOUND, "you have no such order")
        return order

    async def _known(self, order_id: str) -> Order | None:
        order = await self._store.order(order_id)
        if order is None:  # orders that have ended leave Redis
            order = await self._pool.run(partial(ledger.read_order, order_id=order_id))
        return order

    async def _not_on_sale(self, product_id: int) -> Problem:
        if not await self._pool.run(partial(ledger.has_product, product_id=product_id)):
            return Problem(Code.NOT_FOUND, "there is no such product")
        return Problem(Code.STOCK_NOT_LOADED, "the product is about to go on sale")


def _repeated(holder: Holder | None, purchase: Purchase) -> Acceptance | None:
    """Return what the accept script would answer if it knew this order under the key."""
    if holder is None:
        return None
    if (holder.product_id, holder.quantity) != (purchase.product_id, purchase.quantity):
        return Acceptance("key_reused")
    return Acceptance("replayed", holder.order_id)


def _new_order(answer: Acceptance, user_id: int, key: str, purchase: Purchase) -> Order:
    return Order(
        id=answer.order_id,
        user_id=user_id,
        key=key,
        product_id=purchase.product_id,
        quantity=purchase.quantity,
        amount_cents=answer.amount_cents,
        status=Status.ACCEPTED,
        version=1,
        accepted_at_us=answer.accepted_at_us,
    )


def _accepted(order: Order, *, replayed: bool = False) -> Answer:
    headers = [(b"location", f"/orders/{order.id}".encode())]
    if replayed:
        headers.append((b"idempotent-replayed", b"true"))
    return json_answer(order.json(), 202, headers)


def create_app(settings: QueueSettings) -> tuple[FastAPI, ShortCut]:
    """Return the API as an ASGI application, and the short cut that requests take to it."""
    shop = Shop(settings)
    app = web_app(shop.lifespan, shop.is_ready)
    app.add_api_route("/auth/register", shop.register, methods=["POST"])
    app.add_api_route("/auth/login", shop.log_in, methods=["POST"])
    app.add_api_route("/auth/ticket", shop.ticket, methods=["POST"])
    app.add_api_route("/openapi.json", shop.contract, methods=["GET"])
    hot = ShortCut(app, answer_to)
    hot.add("GET", "/products/{id}", shop.product)
    hot.add("POST", "/orders", shop.buy)
    hot.add("GET", "/orders/{id}", shop.order)
    return app, hot


def run_child(settings: QueueSettings, index: int, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    app, hot = create_app(settings)
    run_web(app, listener, drain_s=DRAIN_S, entry=hot)


if __name__ == "__main__":
    sys.exit(run_service(run_child, "DATABASE_URL", "SECRET_KEY"))
