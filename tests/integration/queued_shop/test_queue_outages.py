"""A store gone or paused: an answer in bounded time, "try again", and life goes on after."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from approaches.queue import keys
from tests.support.queue_client import assert_try_again, bearer, buy, client_of
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PERSON = {"password": "long enough", "name": "A"}


def register(client, name: str):
    return client.post("/auth/register", json={**PERSON, "email": f"{name}@b.org"})


@pytest.fixture
def api(world):
    world.put_on_sale()
    _, url = world.start("queue.api", PROCESSES=1)
    with client_of(url) as client:
        yield client


def test_an_order_lost_between_its_name_and_its_state_is_asked_for_again(world, api):
    """Redis loses its data after the accept script has named the order of a replay."""
    order_id = buy(api, 1, "k").json()["order_id"]
    world.redis.delete(keys.order(order_id))
    assert_try_again(buy(api, 1, "k"))


@pytest.mark.parametrize("outage", ["pause", "kill"])
def test_without_redis_every_route_says_try_again(world, api, outage, resumed):
    order = buy(api, 1, "before").headers["location"]
    _, stream_url = world.start("queue.events", PROCESSES=1)
    with client_of(stream_url) as stream:
        getattr(world.valkey, outage)()
        assert_try_again(buy(api, 1, "during"))
        assert_try_again(api.get("/products/1"))
        assert_try_again(api.get(order, headers=bearer(1)))
        assert_try_again(stream.get(f"{order}/events", headers=bearer(1)))
        assert_try_again(api.get("/readyz"))
        assert api.get("/healthz").status_code == 200
        assert register(api, "meanwhile").status_code == 201  # the ledger is well
        world.valkey.resume() if outage == "pause" else world.valkey.start()
        eventually(lambda: buy(api, 1, "during").status_code == 202)
        assert buy(api, 1, "before").headers["idempotent-replayed"] == "true"
        assert api.get(order, headers=bearer(1)).status_code == 200


@pytest.mark.parametrize("outage", ["pause", "kill"])
def test_without_the_ledger_accounts_say_try_again_and_the_sale_goes_on(
    world, postgres, api, outage, resumed
):
    person = {**PERSON, "email": "before@b.org"}
    assert api.post("/auth/register", json=person).status_code == 201
    getattr(postgres, outage)()
    with ThreadPoolExecutor() as buyers:  # in all more than the pool has connections
        for turn in range(2):
            asked = [buyers.submit(register, api, f"during-{turn}-{one}") for one in range(2)]
            asked += [buyers.submit(api.post, "/auth/login", json=person) for _ in range(2)]
            for one in asked:
                assert_try_again(one.result())
    order = buy(api, 1, "k")
    assert order.status_code == 202
    assert api.get(order.headers["location"], headers=bearer(1)).status_code == 200
    assert api.get("/products/1").json()["stock"] == STOCK - 1
    assert_try_again(api.get("/products/9"))  # is there such a product? the ledger would know
    assert_try_again(api.get("/readyz"))
    postgres.resume() if outage == "pause" else postgres.start()
    eventually(lambda: register(api, "after").status_code == 201, within_s=30)
    assert api.post("/auth/login", json=person).status_code == 200


@pytest.mark.parametrize("outage", ["pause", "kill"])
def test_orders_under_way_outlive_an_outage_of_the_ledger(world, postgres, outage, resumed):
    world.start_gateway(mean_s=0.3)
    world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.start("queue.payment_worker", PROCESSES=2, CONCURRENCY=4)
    world.accept(8)
    eventually(lambda: world.redis.xlen(keys.PAYMENTS) > 0)
    getattr(postgres, outage)()
    world.accept(8, first_user=20)  # accepted without the ledger
    eventually(lambda: len(world.charges()) > 0)
    postgres.resume() if outage == "pause" else postgres.start()
    eventually(lambda: world.settled(16), within_s=30)
    world.assert_sound(16)


def heartbeat_ok(url: str) -> bool:
    return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


def test_orders_under_way_outlive_a_pause_of_redis_beyond_every_heartbeat(world, resumed):
    world.start_gateway(mean_s=0.3)
    workers = [world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)[1]]
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    for _ in range(2):
        workers += [world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8)[1]]
    world.accept(12)
    eventually(lambda: world.redis.xlen(keys.PAYMENTS) > 6)
    world.valkey.pause()
    eventually(lambda: not any(map(heartbeat_ok, workers)))
    world.valkey.resume()
    eventually(lambda: world.settled(12), within_s=30)
    world.assert_sound(12)


def drift(url: str) -> list[float]:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    found = re.findall(r'^shop_stock_drift_units\{product="1"\} (\S+)$', text, re.MULTILINE)
    return [float(value) for value in found]


def test_a_stock_counter_that_parts_from_the_ledger_raises_an_alarm(world):
    world.start_gateway()
    server, url = world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8)
    world.accept(8)
    eventually(lambda: world.settled(8))
    world.redis.incr(keys.stock(1))
    eventually(lambda: drift(url) == [1.0], within_s=30)
    assert "has diverged from the ledger" in server.log
    world.redis.decr(keys.stock(1))  # nobody else repairs it
    eventually(lambda: drift(url) == [0.0], within_s=30)
    world.assert_sound(8)
