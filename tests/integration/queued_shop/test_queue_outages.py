"""A store gone or paused: an answer in bounded time, "try again", and life goes on after."""

import re
import threading

import httpx
import pytest
from queue_world import SECRET, STOCK, eventually

from approaches.queue import keys
from approaches.shop.accounts import Tokens

pytestmark = pytest.mark.integration

PERSON = {"password": "long enough", "name": "A"}


def bearer(user: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(SECRET, 600).issue(user)['token']}"}


def buy(client, user: int, key: str):
    headers = {**bearer(user), "Idempotency-Key": key}
    return client.post("/orders", json={"product_id": 1}, headers=headers)


def register(client, name: str):
    return client.post("/auth/register", json={**PERSON, "email": f"{name}@b.org"})


def assert_try_again(answer, code: str = "store_down") -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"


def client_of(url: str) -> httpx.Client:
    """A buyer's patience; without it a request that waits for ever would not fail a test."""
    return httpx.Client(base_url=url, timeout=20, trust_env=False)


@pytest.fixture
def api(world):
    world.put_on_sale()
    _, url = world.start("queue.api", PROCESSES=1)
    with client_of(url) as client:
        yield client


@pytest.fixture
def resumed(postgres, valkey):
    """Whatever a test does to the stores, the next one finds them awake."""
    yield
    for server in (postgres, valkey):
        if server.process.poll() is None:
            server.resume()
        else:
            server.start()


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
    for number in range(3):  # more than the pool has connections left
        assert_try_again(register(api, f"during-{number}"))
        assert_try_again(api.post("/auth/login", json=person))
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


def is_heard(url: str) -> bool:
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
    eventually(lambda: not any(map(is_heard, workers)))
    world.valkey.resume()
    eventually(lambda: world.settled(12), within_s=30)
    world.assert_sound(12)


def on_record(world, order_id: str) -> bool:
    return bool(world.rows("SELECT 1 FROM orders WHERE id = %s", order_id))


def test_with_ack_ledger_every_order_is_on_record_when_its_buyer_hears_of_it(world):
    world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    _, url = world.start("queue.api", PROCESSES=2, ACK="ledger")
    wrong = []

    def shop(user: int) -> None:
        with client_of(url) as client:
            for number in range(2):
                answer = buy(client, user, f"k{number}")
                again = buy(client, user, f"k{number}")
                order = answer.json()
                if answer.status_code != 202 or not on_record(world, order["order_id"]):
                    wrong.append(order)
                if order["version"] < 2 or again.json()["order_id"] != order["order_id"]:
                    wrong.append(again.json())

    threads = [threading.Thread(target=shop, args=(user,)) for user in range(1, STOCK // 2 + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert world.rows("SELECT count(*) FROM orders") == [(STOCK,)]


def test_with_ack_ledger_nothing_is_promised_until_the_order_is_on_record(world):
    world.put_on_sale()
    _, url = world.start("queue.api", PROCESSES=2, ACK="ledger")
    with client_of(url) as client:
        assert_try_again(buy(client, 1, "k"))  # nobody records it
        assert_try_again(buy(client, 1, "k"))  # nor is a replay a promise
        assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
        world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
        answer = buy(client, 1, "k")
        assert answer.status_code == 202
        assert answer.headers["idempotent-replayed"] == "true"
        assert on_record(world, answer.json()["order_id"])
    assert world.rows("SELECT count(*) FROM orders") == [(1,)]


def test_with_ack_ledger_and_the_ledger_paused_the_answer_is_try_again(world, postgres, resumed):
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    _, url = world.start("queue.api", PROCESSES=1, ACK="ledger")
    with client_of(url) as client:
        postgres.pause()
        assert_try_again(buy(client, 1, "k"))
        postgres.resume()
        eventually(lambda: buy(client, 1, "k").status_code == 202)
    assert world.rows("SELECT count(*) FROM orders") == [(1,)]


def test_with_ack_ledger_a_lost_subscription_costs_time_and_nothing_else(world):
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    _, url = world.start("queue.api", PROCESSES=1, ACK="ledger")
    with client_of(url) as client:
        for number in range(5):
            world.redis.client_kill_filter(_type="pubsub")
            answer = buy(client, 1, f"k{number}")
            assert answer.status_code == 202
            assert on_record(world, answer.json()["order_id"])


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
    assert "has parted from the ledger" in server.log
    world.redis.decr(keys.stock(1))  # nobody else repairs it
    eventually(lambda: drift(url) == [0.0], within_s=30)
    world.assert_sound(8)
