"""The accounts of an open load: its buyers have logged in before it begins.

Hashing a password takes as long as hundreds of orders. These requests are part of the preparation,
like the seeding of the stock: they are in no request log and in no figure.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gevent.pool

from harness.contract import Operation
from harness.load.http_client import NoRetryClient
from harness.load.load_plan import OpenPlan

AT_A_TIME = 8
ACCOUNT_OFFSET = 2_000_000
"""Added to the numbers of accounts in their e-mail addresses: the warm-up registers, too."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its session; the id is 0 if the shop named none."""

    user_id: int
    token: str


class NoAccount(Exception):
    """The shop would not open an account, or not log it in."""


def open_accounts(plan: OpenPlan, process: int) -> dict[int, Account]:
    """Register and log in this process' share of the accounts (NoAccount)."""
    pool = gevent.pool.Pool(AT_A_TIME)
    numbers = plan.accounts_of(process)
    accounts = pool.map(lambda number: _open(plan, number), numbers)
    return dict(zip(numbers, accounts, strict=True))


def _open(plan: OpenPlan, number: int) -> Account:
    client = NoRetryClient(plan.address, plan.load.request_timeout_s)
    email = f"account-{number + ACCOUNT_OFFSET}@example.org"
    account = {"email": email, "password": f"secret-of-account-{number}"}
    try:
        named = account | {"name": f"Account {number}"}
        registered = _ask(client, plan.api["register"], named, 201)
        session = _ask(client, plan.api["login"], account, 200)
        user_id = registered.get("user_id")
        return Account(user_id if isinstance(user_id, int) else 0, str(session["token"]))
    finally:
        client.close()


def _ask(
    client: NoRetryClient, operation: Operation, variables: Mapping[str, str], expected: int
) -> dict[str, Any]:
    path, headers, body = operation.compose(variables)
    headers["Accept"] = "application/json"
    response = client.request(operation.method, path, headers, body)
    asked = f"{operation.method} {path}"
    if response.error:
        raise NoAccount(f"{asked} was not answered: {response.error}")
    try:
        answer = json.loads(response.body or b"{}")
    except ValueError:
        answer = None
    status, facts = operation.read(response.status, answer if isinstance(answer, dict) else {})
    if status != expected:
        raise NoAccount(f"{asked} was answered {status}: {response.body[:200]!r}")
    return facts
