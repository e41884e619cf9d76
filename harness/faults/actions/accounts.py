"""Accounts that are deleted while their tokens live, and what the shop answers to their buyers."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx
import psycopg

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction, carries_out
from harness.load.request_outcomes import order_in, outcome_of
from harness.results.record import DeletedPurchase, RequestCount
from harness.runtimes import Deployment
from harness.scenario.faults import Fault
from harness.scenario.sales import SALE_PRODUCT
from harness.topology.ledger_mistakes import blaming

POLL_LIMIT_S = 20.0
"""How long an order is asked for; one that is open then is recorded as it was last seen."""

_POLL_S = 0.25
_ANSWER_LIMIT_S = 30.0  # longer than a buyer waits: what goes unanswered is not known to be counted
# 16 s in all: a store that the fault before hit may still be down
_PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_TERMINAL = ("confirmed", "declined", "cancelled")
_ORDER = "/orders/{id}"


@carries_out("delete_account")
class DeleteAccounts(FaultAction):
    """Deletes accounts of its own from the ledger; then each buys a unit with its live token.

    The accounts register and log in through the entry, as buyers do, so the shop counts requests
    that are in no buyer's log; they are in the record of the fault. What the shop answers is an
    outcome, not an error of the fault: it may refuse at once, or accept and later end the order.
    """

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        super().__init__(fault, deployment, giving_up)
        self._sql = deployment.topology.ledger_sql
        self._name = secrets.token_hex(4)
        self._tokens: dict[int, str] = {}
        self._purchases: list[DeletedPurchase] = []
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Register the accounts and log in."""
        with self._shop() as shop:
            for number in range(1, self._fault.accounts + 1):
                login = {
                    "email": f"deleted-{self._name}-{number}@example.org",
                    "password": f"secret-of-{self._name}-{number}",
                }
                name = {"name": f"Deleted {number}"}
                made = self._persist(shop, "/auth/register", {**login, **name}, {})
                _check(made, (201, 409))  # 409: an earlier try was carried out, its answer got lost
                session = _check(self._persist(shop, "/auth/login", login, {}), (200,))
                self._tokens[self._user_id(login["email"])] = str(session["token"])

    def inject(self) -> None:
        """Delete the accounts, and let each buy."""
        with self._ledger() as ledger, blaming(self._sql, "delete_accounts"):
            ledger.execute(self._sql.statement("delete_accounts"), {"ids": list(self._tokens)})
        with self._shop() as shop:
            self._purchases = [self._buy(shop, user_id) for user_id in self._tokens]

    def recover(self) -> None:
        """Ask for each order that was accepted until it has ended."""
        accepted = [one for one in self._purchases if one.order_id is not None]
        if accepted:
            with self._shop() as shop, ThreadPoolExecutor(len(accepted)) as pool:
                list(pool.map(lambda one: self._watch(shop, one), accepted))

    def facts(self) -> Mapping[str, Any]:
        """Return the users, what each bought, and all requests by method, route and status."""
        return {
            "users": list(self._tokens),
            "purchases": self._purchases,
            "requests": [
                RequestCount(method=method, route=route, status=status, count=count)
                for (method, route, status), count in sorted(self._requests.items())
            ],
        }

    def _shop(self) -> httpx.Client:
        return httpx.Client(base_url=self._deployment.address, timeout=_ANSWER_LIMIT_S)

    def _ledger(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._deployment.dsn(), autocommit=True, connect_timeout=5)

    def _user_id(self, email: str) -> int:
        with self._ledger() as ledger, blaming(self._sql, "account"):
            row = ledger.execute(self._sql.statement("account"), {"email": email}).fetchone()
        if row is None:
            raise InfrastructureError(f"the ledger has no account {email}", "see the shop's logs")
        return int(row[0])

    def _buy(self, shop: httpx.Client, user_id: int) -> DeletedPurchase:
        purchase = DeletedPurchase(user_id=user_id, key=f"deleted-{self._name}-{user_id}", status=0)
        headers = {**self._login(user_id), "Idempotency-Key": purchase.key}
        wanted = {"product_id": SALE_PRODUCT, "quantity": 1}
        answer = self._persist(shop, "/orders", wanted, headers)
        if answer is not None:
            purchase.status = answer.status_code
            body = _json(answer)
            outcome = outcome_of("buy", answer.status_code, body)
            order_id, status, _ = order_in(body, outcome)
            purchase.order_id, purchase.order_status = order_id or None, status or None
        return purchase

    def _watch(self, shop: httpx.Client, purchase: DeletedPurchase) -> None:
        deadline_s = time.monotonic() + POLL_LIMIT_S
        headers = self._login(purchase.user_id)
        while purchase.order_status not in _TERMINAL and time.monotonic() < deadline_s:
            answer = self._send(
                shop, _ORDER, "GET", f"/orders/{purchase.order_id}", headers=headers
            )
            if answer is not None and answer.is_success:
                purchase.order_status = _json(answer).get("status")
            if self._giving_up.wait(_POLL_S):
                return

    def _login(self, user_id: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[user_id]}"}

    def _persist(
        self, shop: httpx.Client, route: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response | None:
        """Post, and again while the outcome is open, as a buyer does; return the last answer."""
        for pause_s in _PAUSES_S:
            answer = self._send(shop, route, "POST", route, json=body, headers=headers)
            again = answer is None or answer.status_code in (425, 429) or answer.is_server_error
            if not again or self._giving_up.wait(pause_s):
                return answer
        return self._send(shop, route, "POST", route, json=body, headers=headers)

    def _send(
        self, shop: httpx.Client, route: str, method: str, path: str, **rest: Any
    ) -> httpx.Response | None:
        """Send one request and count it by its answer; None and status 0 if there was none."""
        try:
            answer: httpx.Response | None = shop.request(method, path, **rest)
        except httpx.TransportError:
            answer = None
        with self._lock:
            self._requests[method, route, 0 if answer is None else answer.status_code] += 1
        return answer


def _check(answer: httpx.Response | None, expected: tuple[int, ...]) -> dict[str, Any]:
    """Return what an answer says (InfrastructureError: the account cannot be made ready)."""
    if answer is None or answer.status_code not in expected:
        how = "no answer" if answer is None else f"{answer.status_code} {answer.text[:200]}"
        raise InfrastructureError(
            f"an account that is to be deleted cannot register or log in: {how}",
            "let the fault happen when no other fault does",
        )
    return _json(answer)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
