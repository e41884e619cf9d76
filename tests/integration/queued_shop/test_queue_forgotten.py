"""What Redis has forgotten: orders that ended a while ago, and keys whose lifetime is over."""

import re

import httpx
import pytest

from approaches.queue import keys
from approaches.queue.redis_store import ORDER_TTL_S
from approaches.shop.accounts import Tokens
from tests.support.shop_world import SECRET, STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def shop(world):
    """A whole shop that declines nobody."""
    world.start_gateway(mean_s=0.05, decline_rate=0.0)
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    return world


class Buyer:
    """Asks with the token of one user, over a connection of its own each time."""

    def __init__(self, url: str, user: int):
        self._url = url
        self._token = Tokens(SECRET, 600).issue(user)["token"]

    def ask(self, method: str, address: str, **request) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", **request.pop("headers", {})}
        return httpx.request(
            method, self._url + address, headers=headers, timeout=15, trust_env=False, **request
        )

    def buy(self, key: str) -> httpx.Response:
        return self.ask("POST", "/orders", json={"product_id": 1}, headers={"Idempotency-Key": key})

    def get(self, address: str, **headers: str) -> httpx.Response:
        return self.ask("GET", address, headers=headers)

    def status(self, order_id: str) -> str:
        return self.get(f"/orders/{order_id}").json()["status"]


def facts(answer: httpx.Response) -> tuple[int, dict, str]:
    """Return all of an answer but what differs from one to the next anyway."""
    headers = {name: one for name, one in answer.headers.items() if name != "date"}
    return answer.status_code, headers, answer.text


def test_an_order_that_has_left_redis_is_shown_as_before_and_to_its_buyer_only(shop):
    _, api = shop.start("queue.api", PROCESSES=1, ACK="acceptance")
    _, events = shop.start("queue.events", PROCESSES=1)

    buyer, stranger = Buyer(api, 1), Buyer(api, 2)
    order_id = buyer.buy("once").json()["order_id"]
    address, stream = f"/orders/{order_id}", f"/orders/{order_id}/events"

    def shown():
        answers = [
            buyer.get(address),
            stranger.get(address),
            Buyer(events, 1).get(stream),
            Buyer(events, 1).get(stream, **{"Last-Event-ID": "2"}),
            Buyer(events, 2).get(stream),
        ]
        return [facts(one) for one in answers]

    eventually(lambda: buyer.status(order_id) == "confirmed")
    assert 0 < shop.redis.ttl(keys.order(order_id)) <= ORDER_TTL_S
    before = shown()
    assert [status for status, *_ in before] == [200, 404, 200, 200, 404]
    assert re.findall(r"id: (\d)", before[2][2]) == ["1", "2", "3"]
    assert re.findall(r"id: (\d)", before[3][2]) == ["3"]
    shop.redis.delete(keys.order(order_id))  # as time does
    assert shown() == before
    again = buyer.buy("once")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == buyer.get(address).json()


def test_a_key_that_is_repeated_after_its_lifetime_buys_and_charges_nothing(shop):
    _, api = shop.start("queue.api", PROCESSES=1, ACK="acceptance")
    buyer = Buyer(api, 1)
    first = buyer.buy("once").json()["order_id"]
    eventually(lambda: buyer.status(first) == "confirmed")
    assert 0 < shop.redis.ttl(keys.idempotency(1, "once")) <= shop.settings().idempotency_ttl_s
    shop.redis.delete(keys.order(first), keys.idempotency(1, "once"))
    late = buyer.buy("once")
    assert late.status_code == 202
    second = late.json()["order_id"]
    assert second != first
    eventually(lambda: buyer.status(second) == "cancelled")
    assert shop.rows("SELECT id::text FROM orders") == [(first,)]
    assert shop.rows("SELECT order_id::text FROM payments") == [(first,)]
    assert shop.redis.get(keys.stock(1)) == str(STOCK - 1)
    told = buyer.buy("once")
    assert (told.json()["order_id"], told.json()["status"]) == (first, "confirmed")
