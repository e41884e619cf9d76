"""A shop that is up, and its buyers, as the contract tests see them: over plain HTTP."""

import itertools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psycopg

from approaches.gateway.payment_draws import PaymentModel, draw
from harness.topology import Topology

SEED = "42"
PASSWORD = "correct horse battery staple"
PATIENCE_S = 30.0
NO_ORDER = "5f0c1f9e-6a3b-4c57-9d0e-2b8a7c1d4e60"
"""What an order could be called, and none is: the same in every process that collects the tests."""

# Wherever a topology has such a setting: slots for a burst, payments of 50 ms, little patience.
FAST = {
    "LATENCY_MODEL": "fixed",
    "LATENCY_MEAN_S": "0.05",
    "PAYMENT_TIMEOUT_S": "1",
    "THREADS": "32",
}
SMALL = {"payment-worker": 1, "api": 1}


def eventually(
    condition: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S
) -> None:
    """Poll until the condition holds; fail after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(0.02)


@dataclass
class Buyer:
    """Somebody with an account and a token."""

    http: httpx.Client
    user_id: int
    token: str
    attempts: itertools.count = field(default_factory=itertools.count)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def key(self, outcome: str = "approved") -> str:
        """A fresh idempotency key whose payment will have this outcome."""
        while True:
            key = f"{uuid.uuid4().hex}-{next(self.attempts)}"
            if draw(SEED, key, PaymentModel()).outcome == outcome:
                return key

    def buy(self, product_id: object, key: str, **members: object) -> httpx.Response:
        return self.http.post(
            "/orders",
            json={"product_id": product_id, **members},
            headers={**self.headers, "Idempotency-Key": key},
        )

    def get(self, path: str, **parameters: object) -> httpx.Response:
        return self.http.get(path, headers=self.headers, **parameters)


@dataclass
class Shop:
    """One approach that is up."""

    name: str
    acknowledges: str
    http: httpx.Client
    gateway: httpx.Client
    dsn: str
    counters: list[str]
    """Base URLs at which the services that take requests serve /metrics."""
    product_ids: itertools.count = field(default_factory=lambda: itertools.count(1000))

    def sql(self, statement: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.dsn) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def offer(self, stock: int, *, per_user_limit: int | None = None) -> int:
        """Put a new product on sale, and wait until the shop sells it."""
        product_id = next(self.product_ids)
        self.sql(
            "INSERT INTO products (id, name, price_cents, initial_stock, per_user_limit)"
            " VALUES (%s, 'thing', 4200, %s, %s)",
            product_id,
            stock,
            per_user_limit,
        )
        eventually(
            lambda: self.stock(product_id) == stock, f"{stock} units of {product_id} on sale"
        )
        return product_id

    def stock(self, product_id: int) -> int | None:
        answer = self.http.get(f"/products/{product_id}")
        return answer.json()["stock"] if answer.status_code == 200 else None

    def buyer(self) -> Buyer:
        email = f"{uuid.uuid4().hex}@example.org"
        account = {"email": email, "password": PASSWORD, "name": "Somebody"}
        registered = self.http.post("/auth/register", json=account)
        assert registered.status_code == 201, registered.text
        answer = self.http.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return Buyer(self.http, registered.json()["user_id"], answer.json()["token"])

    def outcome(self, buyer: Buyer, answer: httpx.Response) -> str:
        """How the order that this answer acknowledged ended."""
        if self.acknowledges == "outcome":
            assert answer.status_code in (201, 402), answer.text
            return "confirmed" if answer.status_code == 201 else "declined"
        assert answer.status_code == 202, answer.text
        return self.wait(buyer, answer.json()["order_id"])

    def wait(self, buyer: Buyer, order_id: str) -> str:
        eventually(lambda: self._status(buyer, order_id) in ("confirmed", "declined"), order_id)
        return self._status(buyer, order_id)

    @staticmethod
    def _status(buyer: Buyer, order_id: str) -> str:
        return buyer.get(f"/orders/{order_id}").json()["status"]


def small_and_fast(topology: Topology) -> Topology:
    """Return the topology with what a session of contract tests needs."""
    settings = {
        (name, key): value
        for name, service in topology.services.items()
        for key, value in FAST.items()
        if key in service.environment
    }
    scale = {name: n for name, n in SMALL.items() if name in topology.services}
    return topology.with_settings(settings).with_scale(scale)


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    """Fail unless the answer is this problem, in the form of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert {"type", "title", "detail"} <= set(body)
