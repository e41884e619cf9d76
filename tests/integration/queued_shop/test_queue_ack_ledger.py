"""ACK=ledger: what a buyer is promised is on record, whatever happens to the stores."""

import threading

import pytest

from approaches.queue import keys
from tests.support.queue_client import assert_try_again, buy, client_of
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
