"""What Redis has forgotten: orders that ended a while ago, keys whose lifetime is over, or all."""

import asyncio
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


HOUR_S = 3_600


def end_orders(world, user: int, keys_and_ages_s: dict[str, int]) -> None:
    """Have confirmed orders of a user in the ledger, under these keys, ended so long ago."""
    for key, age_s in keys_and_ages_s.items():
        world.rows(
            "WITH ended AS (INSERT INTO orders SELECT gen_random_uuid(), %s, 1, 1, %s, 99999,"
            " 'confirmed', 3, at, at FROM (SELECT now() - %s * interval '1 second') t (at)"
            " RETURNING 1) UPDATE products SET sold = sold + 1 FROM ended RETURNING 1",
            user,
            key,
            age_s,
        )


def order_of(world, key: str) -> str:
    return world.rows("SELECT id::text FROM orders WHERE idempotency_key = %s", key)[0][0]


async def rebuild(leader) -> None:
    """Put the product on sale, and the keys of ended orders not back yet."""
    assert await leader.lead()
    assert await leader._epochs.keep(leader.token)
    await leader.rebuild(leader.token)


def with_leader(world, *steps, **options) -> None:
    async def scene():
        leader = world.leader(**options)
        for step in steps:
            await step(leader)
        await leader.close()

    asyncio.run(scene())


def keys_are_missing(world) -> bool:
    return world.redis.hexists(keys.product(1), "keys_missing")


def test_while_keys_are_put_back_the_ledger_is_asked_for_those_that_redis_lacks(world):
    end_orders(world, 1, {"old": HOUR_S})
    with_leader(world, rebuild)
    assert keys_are_missing(world)
    assert not world.redis.exists(keys.idempotency(1, "old"))
    _, api = world.start("queue.api", PROCESSES=1, ACK="acceptance")

    repeated = Buyer(api, 1).buy("old")
    assert (repeated.status_code, repeated.headers["idempotent-replayed"]) == (202, "true")
    assert (repeated.json()["order_id"], repeated.json()["status"]) == (
        order_of(world, "old"),
        "confirmed",
    )
    changed = Buyer(api, 1).ask(
        "POST", "/orders", json={"product_id": 1, "quantity": 2}, headers={"Idempotency-Key": "old"}
    )
    assert (changed.status_code, changed.json()["code"]) == (422, "key_reused")
    of_another = Buyer(api, 2).buy("old")
    assert of_another.status_code == 202
    assert "idempotent-replayed" not in of_another.headers
    assert Buyer(api, 2).buy("old").json()["order_id"] == of_another.json()["order_id"]
    assert world.redis.get(keys.stock(1)) == str(STOCK - 2)

    world.redis.set(keys.stock(1), 0)
    assert Buyer(api, 1).buy("old").json()["order_id"] == order_of(world, "old")
    assert Buyer(api, 1).buy("new").json()["code"] == "sold_out"


def test_a_leader_puts_keys_back_for_the_rest_of_their_lives(world):
    ages_s = {f"k{age}": age * HOUR_S for age in (1, 12, 23, 25, 100)}
    end_orders(world, 1, ages_s)
    with_leader(world, rebuild)
    next_leader = lambda leader: leader.put_on_sale()  # noqa: E731 - the first one has died
    with_leader(world, next_leader, page=2)
    assert not keys_are_missing(world)
    lives_s = {key: world.redis.ttl(keys.idempotency(1, key)) for key in ages_s}
    for key, age_s in ages_s.items():
        left_s = 24 * HOUR_S - age_s
        assert lives_s[key] == (pytest.approx(left_s, abs=60) if left_s > 0 else -2)
    value = f"{order_of(world, 'k1')}|1|1"
    assert world.redis.get(keys.idempotency(1, "k1")) == value


def test_a_leader_that_lost_its_lock_while_it_put_keys_back_leaves_that_to_the_next(
    world, monkeypatch
):
    end_orders(world, 1, {"a": 0, "b": 0, "c": 0})
    with_leader(world, rebuild)

    async def interrupted(leader):
        assert await leader.lead()
        remember = leader._store.remember

        async def last_page(token, ended):
            written = await remember(token, ended)
            world.redis.delete(keys.LEADER)
            return written

        monkeypatch.setattr(leader._store, "remember", last_page)
        await leader.put_keys_back(leader.token)

    with_leader(world, interrupted, page=2)
    assert keys_are_missing(world)
    assert len(world.redis.keys(keys.IDEMPOTENCY_PREFIX + "*")) == 2
    with_leader(world, lambda leader: leader.put_on_sale())
    assert not keys_are_missing(world)
    assert len(world.redis.keys(keys.IDEMPOTENCY_PREFIX + "*")) == 3


def test_an_open_order_has_its_key_back_before_the_product_is_on_sale(shop):
    _, api = shop.start("queue.api", PROCESSES=1, ACK="acceptance")
    shop.rows(
        "WITH open AS (INSERT INTO orders SELECT gen_random_uuid(), 1, 1, 1, 'once', 99999,"
        " 'awaiting_payment', 2, now(), NULL RETURNING quantity)"
        " UPDATE products SET reserved = 1 FROM open RETURNING 1"
    )
    shop.redis.flushall()
    eventually(lambda: shop.redis.exists(keys.stock(1)))
    order_id = order_of(shop, "once")
    assert shop.redis.get(keys.idempotency(1, "once")) == f"{order_id}|1|1"
    eventually(lambda: Buyer(api, 1).status(order_id) == "confirmed")
    eventually(lambda: shop.redis.ttl(keys.idempotency(1, "once")) > 0)
    assert Buyer(api, 1).buy("once").json()["order_id"] == order_id
