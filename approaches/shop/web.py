"""The HTTP face of a shop of threads (Flask): the contract of `approaches.shop.contract`, whole.

An approach brings what it does differently: a `Ledger` that is read, and a `Checkout` that buys.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from approaches.shop import metrics
from approaches.shop.accounts import Accounts, Hasher, Tokens
from approaches.shop.bodies import MAX_BODY_BYTES, encode_json
from approaches.shop.catalogue import Product, product_view, read_product_id
from approaches.shop.contract import Acknowledges, openapi
from approaches.shop.database import STORE_ERRORS
from approaches.shop.ids import canonical_order_id
from approaches.shop.order_ledger import Order
from approaches.shop.orders import (
    EVENT_STREAM_OPENING,
    TERMINAL,
    Purchase,
    Status,
    declined_problem,
    event_frame,
    history,
    last_event_id,
    order_links,
    read_idempotency_key,
    read_purchase,
)
from approaches.shop.pools import SyncPool
from approaches.shop.problems import Code, Problem, problem_for_status
from approaches.shop.settings import Settings
from approaches.shop.streams import StreamLimit

# A stream holds a thread, and threads are what this shop has least of: an order without an outcome
# is watched this long, then the client comes back (EventSource does by itself).
STREAM_LIMIT_S = 5.0
STREAM_INTERVAL_S = 0.25

WAITED_S = "shop.waited_s"
"""Where the server says how long a request has waited for its thread, in the WSGI environment."""
IDEMPOTENCY_KEYS = "shop.idempotency_keys"
"""Where the server puts every Idempotency-Key header; WSGI itself joins them to one."""
CLIENT_HAS_GONE = "waitress.client_disconnected"
"""Where waitress puts a function that returns True once the client has hung up."""

log = logging.getLogger(__name__)


class Ledger(Protocol):
    """What the routes read; each call raises one of STORE_ERRORS if the store does not answer."""

    def find_product(self, product_id: int) -> Product:
        """Return a product with its stock; raise Problem(not_found)."""

    def find_order(self, order_id: str) -> Order:
        """Return an order; raise Problem(not_found)."""

    def check(self) -> None:
        """Ask the store for anything."""


class Checkout(Protocol):
    """How an approach sells."""

    def buy(
        self, user_id: int, key: str, purchase: Purchase, *, waited_s: float
    ) -> tuple[Order, bool]:
        """Buy, and return the order and whether the key had it already; raise Problem if refused.

        `waited_s` is how long the request has waited for its thread, in seconds.
        """

    def is_busy(self) -> bool:
        """Return True while a purchase is worked on whose client may have hung up."""


class Shop:
    """What the routes need; `acknowledges` as in the compose file."""

    def __init__(
        self,
        settings: Settings,
        pool: SyncPool,
        ledger: Ledger,
        checkout: Checkout,
        acknowledges: Acknowledges,
    ) -> None:
        self.tokens = Tokens(settings.secret_key, settings.token_ttl_s)
        self.accounts = Accounts(pool, Hasher(settings.hash_threads), self.tokens)
        self.ledger = ledger
        self.checkout = checkout
        self.streams = StreamLimit(settings.streams_per_buyer)
        self.acknowledges = acknowledges
        self.draining = False


def create_app(shop: Shop) -> Flask:
    """Return the WSGI application."""
    app = Flask("shop", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # A doubled slash is an address that does not exist, not a redirect in HTML.
    app.url_map.merge_slashes = False
    _add_accounts(app, shop)
    _add_catalogue(app, shop)
    _add_orders(app, shop)
    _add_events(app, shop)
    _add_operations(app, shop)
    _add_errors(app)
    return app


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode_json(value), status, headers, mimetype="application/json")


def _problem(problem: Problem) -> Response:
    return Response(problem.encoded(), problem.status, problem.headers())


def _add_accounts(app: Flask, shop: Shop) -> None:
    @app.post("/auth/register")
    def register() -> Response:
        return _json(shop.accounts.register(request.get_data()), 201)

    @app.post("/auth/login")
    def log_in() -> Response:
        return _json(shop.accounts.log_in(request.get_data()))

    @app.post("/auth/ticket")
    def ticket() -> Response:
        return _json(shop.tokens.issue_ticket(_buyer(shop)), 201)


def _buyer(shop: Shop) -> int:
    return shop.tokens.user_of(request.headers.get("Authorization"))


def _add_catalogue(app: Flask, shop: Shop) -> None:
    @app.get("/products/<id>")
    def read_product(id: str) -> Response:
        product = shop.ledger.find_product(read_product_id(id))
        return _json(product_view(product, product.stock))


def _add_orders(app: Flask, shop: Shop) -> None:
    answer = _outcome if shop.acknowledges == "outcome" else _acceptance

    @app.post("/orders")
    def buy() -> Response:
        user_id = _buyer(shop)
        key = read_idempotency_key(request.environ[IDEMPOTENCY_KEYS])
        purchase = read_purchase(request.get_data())
        if shop.draining:
            raise Problem(Code.OVERLOADED, "the shop is shutting down")
        waited_s = request.environ.get(WAITED_S, 0.0)
        return answer(*shop.checkout.buy(user_id, key, purchase, waited_s=waited_s))

    @app.get("/orders/<id>")
    def read_order(id: str) -> Response:
        return _json(_own_order(shop, _buyer(shop), id).view())


def _acceptance(order: Order, replayed: bool) -> Response:
    return _placed(order, 202, replayed)


def _outcome(order: Order, replayed: bool) -> Response:
    if order.status is Status.CONFIRMED:
        return _placed(order, 201, replayed)
    if order.status is Status.DECLINED:
        return _marked(_problem(declined_problem(order.order_id)), replayed)
    if order.status is Status.UNKNOWN:
        raise Problem(Code.PAYMENT_UNKNOWN, "ask again with the same key", order_id=order.order_id)
    raise Problem(Code.IN_PROGRESS, order_id=order.order_id)


def _placed(order: Order, status: int, replayed: bool) -> Response:
    location = order_links(order.order_id)["self"]
    return _marked(_json(order.view(), status, {"Location": location}), replayed)


def _marked(response: Response, replayed: bool) -> Response:
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _own_order(shop: Shop, user_id: int, order_id: str) -> Order:
    canonical = canonical_order_id(order_id)
    if canonical is None:
        raise Problem(Code.NOT_FOUND, "there is no such order")
    order = shop.ledger.find_order(canonical)
    if order.user_id != user_id:
        raise Problem(Code.NOT_FOUND, "there is no such order")
    return order


def _add_events(app: Flask, shop: Shop) -> None:
    @app.get("/orders/<id>/events")
    def watch(id: str) -> Response:
        user_id = shop.tokens.user_of_stream(
            request.headers.get("Authorization"), request.args.get("ticket")
        )
        order = _own_order(shop, user_id, id)
        if request.method == "HEAD":  # nothing would be sent, nor ever closed
            return Response(mimetype="text/event-stream")
        shop.streams.take(user_id)
        seen = last_event_id(request.headers.get("Last-Event-ID"))
        frames = _events(shop, order, seen, request.environ.get(CLIENT_HAS_GONE, lambda: False))
        response = Response(
            frames, mimetype="text/event-stream", headers={"Cache-Control": "no-store"}
        )
        response.call_on_close(lambda: shop.streams.give_back(user_id))
        return response


def _events(
    shop: Shop, order: Order, seen: int, client_has_gone: Callable[[], bool]
) -> Iterator[bytes]:
    yield EVENT_STREAM_OPENING
    leave_at = time.monotonic() + STREAM_LIMIT_S
    while True:
        for version, status in history(order.status, order.version, seen):
            yield event_frame(version, encode_json(order.view_at(version, status)))
            seen = version
        if order.status in TERMINAL or time.monotonic() >= leave_at:
            return
        if shop.draining or client_has_gone():
            return
        time.sleep(STREAM_INTERVAL_S)
        order = shop.ledger.find_order(order.order_id)


def _add_operations(app: Flask, shop: Shop) -> None:
    document = encode_json(openapi(shop.acknowledges))

    @app.get("/openapi.json")
    def contract() -> Response:
        return Response(document, mimetype="application/json")

    @app.get("/healthz")
    def healthy() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz")
    def ready() -> Response:
        if shop.draining:
            raise Problem(Code.OVERLOADED, "the shop is shutting down")
        shop.ledger.check()
        return _json({"status": "ok"})


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        return _problem(problem)

    @app.errorhandler(HTTPException)
    def refused_by_flask(error: HTTPException) -> Response:
        response = _problem(problem_for_status(error.code or 500))
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        if isinstance(error, STORE_ERRORS):
            log.warning("the store does not answer: %s", error)
            return _problem(Problem(Code.STORE_DOWN, "the ledger does not answer"))
        log.error("unexpected error", exc_info=error)
        return _problem(Problem(Code.INTERNAL))

    @app.before_request
    def begin() -> None:
        metrics.REQUESTS_IN_PROGRESS.inc()

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        metrics.REQUESTS_IN_PROGRESS.dec()

    @app.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else ""
        route = rule.replace("<", "{").replace(">", "}")
        metrics.count_request(request.method, route, response.status_code)
        return response
