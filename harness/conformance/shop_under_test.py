"""A shop that is up, and its buyers, as the checks see them: in the words of the contract."""

import itertools
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx
import psycopg

from harness.audit.oracle import expected_charges
from harness.conformance.check import NoAnswer, NotSupported, Violation, require
from harness.contract import OWN, Contract, units_in
from harness.load.request_outcomes import ACCEPTED, TERMINAL, outcome_of
from harness.results.record import Payments
from harness.results.routes import ROUTES
from harness.runtimes import Deployment
from harness.topology.ledger_mistakes import blaming

PATIENCE_S: Final = 30.0
PRICE_CENTS: Final = 4200
_POLL_S: Final = 0.02
_FIRST_PRODUCT: Final = 10_000
_PASSWORD: Final = "correct-horse-battery-staple"  # noqa: S105 - of accounts that are thrown away


def eventually(condition: Callable[[], object], what: str) -> None:
    """Ask until the condition holds (Violation: not within `PATIENCE_S`)."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise Violation(f"not within {PATIENCE_S:g} s: {what}")
        time.sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the words of the contract; as text, it is what the shop said."""

    operation: str
    status: int
    facts: Mapping[str, Any]
    said: str

    def __str__(self) -> str:
        return f"answered {self.said}"

    @property
    def order_id(self) -> str:
        """Return the id of the order that it names, or nothing."""
        return str(self.facts.get("order_id", ""))

    @property
    def outcome(self) -> str:
        """Return what it means for what was asked, by the words of the request log."""
        return outcome_of(self.operation, self.status, dict(self.facts))

    @property
    def acknowledges(self) -> bool:
        """Return True if it promises an order; one that says "not yet" may name it, too."""
        return self.outcome in (ACCEPTED, *TERMINAL) and bool(self.order_id)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody with an account and a session."""

    shop: "ShopUnderTest"
    token: str

    def buy(self, product_id: int, key: str, quantity: int = 1) -> Answer:
        """Try to buy (NotSupported: the shop sells one at a time, and this is not one)."""
        if quantity != 1:
            self.shop.needs("quantity", "a purchase states no quantity")
        wanted = {"product_id": product_id, "quantity": quantity, "key": key}
        return self.shop.ask("buy", token=self.token, **wanted)

    def look(self, order_id: str) -> Answer:
        """Ask for an order."""
        return self.shop.ask("status", token=self.token, order_id=order_id)

    def end_of(self, bought: Answer) -> str:
        """Return how the order ends that an answer acknowledges (Violation: it does not)."""
        require(bought.acknowledges, bought)
        if bought.outcome in TERMINAL:
            return bought.outcome
        seen: list[Answer] = []

        def has_ended() -> bool:
            seen.append(self.look(bought.order_id))
            return seen[-1].facts.get("status") in TERMINAL

        eventually(has_ended, f"the end of the order {bought.order_id}")
        return str(seen[-1].facts["status"])


@dataclass
class ShopUnderTest:
    """One shop; `payment` is how its gateway draws outcomes. Use `of`."""

    deployment: Deployment
    payment: Payments
    http: httpx.Client
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """What was sent, by method, route and status as the servers count it; 0: no answer."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def of(
        cls, deployment: Deployment, payment: Payments, timeout_s: float = PATIENCE_S
    ) -> Iterator[Self]:
        """Keep connections to a shop while the block lasts; an answer may take `timeout_s`."""
        with httpx.Client(base_url=deployment.address, timeout=timeout_s) as http:
            yield cls(deployment, payment, http)

    def __post_init__(self) -> None:
        topology = self.deployment.topology
        self.api, self.sql = Contract(topology.contract), topology.ledger_sql
        self._buys_by = json.dumps(topology.contract.get("buy", OWN["buy"]))

    def ask(self, operation: str, **variables: Any) -> Answer:
        """Ask once (NoAnswer)."""
        one = self.api[operation]
        path, headers, body = one.compose({"token": "", **variables})
        try:
            response = self.http.request(one.method, path, headers=headers, content=body)
        except httpx.HTTPError as error:
            self._count(operation, 0)
            raise NoAnswer(f"{one.method} {path} got no answer: {error!r}") from error
        self._count(operation, response.status_code)
        try:
            parsed = response.json()
        except ValueError:
            parsed = {}
        status, facts = one.read(response.status_code, parsed if isinstance(parsed, dict) else {})
        said = f"{one.method} {path} by {response.status_code} {response.text[:200]}"
        return Answer(operation, status, facts, said)

    def _count(self, operation: str, status: int) -> None:
        with self._counting:
            self.requests[(*ROUTES[operation], status)] += 1

    def sent(self) -> Counter[tuple[str, str, int]]:
        """Return a copy of what was sent so far: another thread may still send."""
        with self._counting:
            return self.requests.copy()

    def account(self) -> dict[str, str]:
        """Return what a new account is registered with."""
        email = f"{uuid.uuid4().hex}@example.org"
        return {"email": email, "password": _PASSWORD, "name": "Somebody"}

    def buyer(self) -> Buyer:
        """Register somebody, and log in (Violation: refused)."""
        account = self.account()
        registered = self.ask("register", **account)
        require(registered.status == 201, registered)
        session = self.ask("login", **account)
        require(session.status == 200 and bool(session.facts.get("token")), session)
        return Buyer(self, str(session.facts["token"]))

    def key(self, outcome: str = "approved") -> str:
        """Return a new idempotency key under which a payment has this outcome.

        Raises NotSupported if a purchase has no key, or no payment ever has this outcome.
        """
        self.needs("key", "a purchase has no idempotency key")
        declined = self.payment.decline_rate
        if (declined if outcome == "declined" else 1 - declined) <= 0:
            raise NotSupported(f"no payment is {outcome}: decline_rate is {declined:g}")
        keys = (f"{uuid.uuid4().hex}-{next(self._numbers)}" for _ in itertools.count())
        return next(one for one in keys if self._drawn(one) == outcome)

    def needs(self, variable: str, otherwise: str) -> None:
        """Raise NotSupported, with what is so otherwise, unless a purchase states a variable."""
        if f"{{{variable}}}" not in self._buys_by:
            raise NotSupported(otherwise)

    def _drawn(self, key: str) -> str:
        return str(expected_charges(self.payment, [key])["outcome"].iloc[0])

    def offer(self, stock: int, *, per_user_limit: int | None = None) -> int:
        """Put a product on sale, and wait until the shop shows it (NotSupported: no limits)."""
        if per_user_limit is not None and "per_user_limit" not in self.sql.statements["seed"]:
            raise NotSupported("`seed` sets no limit per buyer")
        product_id = _FIRST_PRODUCT + next(self._numbers)
        row = {"id": product_id, "name": "thing", "price_cents": PRICE_CENTS, "stock": stock}
        with (
            self._ledger() as ledger,
            psycopg.ClientCursor(ledger) as cursor,
            blaming(self.sql, "seed"),
        ):
            cursor.execute(self.sql.statement("seed"), {**row, "per_user_limit": per_user_limit})
        eventually(lambda: self.left(product_id) == stock, f"{stock} units of {product_id} on sale")
        return product_id

    def left(self, product_id: int) -> int | None:
        """Return how many units the shop shows; of one that shows none, what its ledger has."""
        page = self.ask("product", product_id=product_id)
        if page.status != 200:
            return None
        if self.api["product"].shows("stock"):
            file = self.deployment.topology.path.name
            return units_in(page.facts, file) if "stock" in page.facts else -1
        return self.product(product_id)["left"]

    def product(self, product_id: int) -> dict[str, int]:
        """Return the units of a product in the ledger: ``left``, ``reserved`` and ``sold``."""
        columns = "initial_stock - reserved - sold, reserved, sold"
        query = self.sql.select(columns, "products", f"WHERE id = {product_id:d}")
        with self._ledger() as ledger, blaming(self.sql, "products"):
            row = ledger.execute(query).fetchone()
            require(row is not None, f"the ledger yields no product {product_id}")
            return dict(zip(("left", "reserved", "sold"), map(int, row or ()), strict=True))

    def orders_of(self, product_id: int) -> int:
        """Return how many orders of a product the ledger has."""
        query = self.sql.select("count(*)", "orders", f"WHERE product_id = {product_id:d}")
        with self._ledger() as ledger, blaming(self.sql, "orders"):
            row = ledger.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _ledger(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.deployment.dsn(), autocommit=True, connect_timeout=5)
