"""A buyer of the queued shop, and what it is told while a store is away."""

import httpx

from approaches.shop.accounts import Tokens
from tests.support.shop_world import SECRET


def bearer(user: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(SECRET, 600).issue(user)['token']}"}


def buy(client, user: int, key: str):
    headers = {**bearer(user), "Idempotency-Key": key}
    return client.post("/orders", json={"product_id": 1}, headers=headers)


def assert_try_again(answer, code: str = "store_down") -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"


def client_of(url: str) -> httpx.Client:
    """A buyer's patience; without it a request that waits for ever would not fail a test."""
    return httpx.Client(base_url=url, timeout=20, trust_env=False)
