"""What the workers make of stores that lost something, and of a provider that is away."""

import asyncio
import signal
import urllib.request

import psycopg
import pytest

from approaches.queue import keys
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_workers_survive_an_emptied_store_and_put_the_product_back_on_sale(world):
    world.start_gateway()
    world.start_workers()
    world.accept(4)
    eventually(lambda: world.settled(4))
    world.reset()
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.accept(5)
    eventually(lambda: world.settled(5))
    assert world.rows("SELECT count(*) FROM orders") == [(5,)]


def test_orders_on_record_outlive_the_loss_of_redis(world):
    world.start_gateway(mean_s=0.4)
    world.start_workers()
    world.accept(16)
    eventually(lambda: world.rows("SELECT count(*) FROM orders") == [(16,)])
    world.redis.flushall()
    eventually(lambda: world.settled(16), within_s=25)
    world.assert_sound(16)


def test_a_lost_counter_is_rebuilt_around_the_orders_under_way(world):
    world.put_on_sale()
    world.accept(7)
    world.redis.delete(keys.stock(1))
    world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=2)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK - 7))
    assert sum(map(int, world.redis.hvals(keys.buyers(1)))) == 7


def test_a_killed_store_loses_nothing_it_has_acknowledged(world):
    world.start_gateway(mean_s=0.3)
    world.start_workers()
    world.accept(12)
    world.valkey.end(signal.SIGKILL)
    world.valkey.start()
    eventually(lambda: world.settled(12))
    world.assert_sound(12)


def test_an_order_the_ledger_refuses_is_a_dead_letter_and_the_others_go_on(world):
    world.start_gateway(decline_rate=0.0)
    world.start_workers()
    world.redis.set(keys.stock(1), STOCK + 5)  # Redis and ledger diverge
    world.rows("UPDATE products SET initial_stock = 10 WHERE id = 1 RETURNING 1")
    world.accept(14)
    eventually(lambda: world.redis.xlen(keys.DEAD_LETTERS) == 4 and world.settled(10))
    reasons = [letter["reason"] for _, letter in world.redis.xrange(keys.DEAD_LETTERS)]
    assert all("products_never_oversold" in reason for reason in reasons)
    assert len(world.charges()) == 10


def test_an_outage_of_the_gateway_fails_no_order(world):
    world.start_gateway(decline_rate=0.0)
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    _, url = world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8, PAYMENT_TIMEOUT_S=0.3)
    world.fault("unavailable")
    world.accept(6)
    eventually(lambda: world.rows("SELECT 1 FROM orders WHERE status = 'unknown'"))
    assert world.redis.get(keys.stock(1)) == str(STOCK - 6)  # held until the gateway has answered
    assert metric(url, "shop_payment_breaker_open") == 1
    world.end_fault()
    eventually(lambda: world.settled(6), within_s=20)
    assert metric(url, "shop_payment_breaker_open") == 0
    world.assert_sound(6)
    assert world.rows("SELECT DISTINCT version FROM orders WHERE version = 4") == [(4,)]


def test_a_worker_with_nothing_in_hand_notices_that_the_gateway_is_back(world):
    world.start_gateway(decline_rate=0.0)
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    server, url = world.start(
        "queue.payment_worker", PROCESSES=1, CONCURRENCY=2, PAYMENT_TIMEOUT_S=0.5
    )
    world.fault("unavailable")
    world.accept(3)
    eventually(lambda: metric(url, "shop_payment_breaker_open") == 1)
    for child in server.children():
        child.kill()  # its successor reads one entry at a time, until one of them is answered
    world.end_fault()
    eventually(lambda: world.settled(3), within_s=25)
    world.assert_sound(3)


def metric(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_release_that_redis_never_heard_of_is_relayed(world):
    world.put_on_sale()
    (order_id,) = world.accept(1)
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO orders VALUES (%s, 1, 1, 1, 'k-1', 99999, 'declined', 3, now(), now())",
            [order_id],
        )
        connection.execute(
            "INSERT INTO stock_moves (order_id, kind, quantity, at)"
            " VALUES (%s, 'release', 1, now() - interval '1 minute')",
            [order_id],
        )
    world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    eventually(lambda: world.settled(1))
    assert world.redis.get(keys.stock(1)) == str(STOCK)


def test_orders_that_lost_their_entries_are_found_among_many_that_wait(world):
    world.put_on_sale()
    orders = world.accept(9)
    world.record_late(world.under_way())
    world.rows("UPDATE orders SET accepted_at = accepted_at - interval '1 minute' RETURNING 1")
    lost = {orders[0], orders[4], orders[8]}
    for one in lost:
        world.redis.xdel(keys.PAYMENTS, world.redis.hget(keys.order(one), "e"))
    before = {fields["o"] for _, fields in world.redis.xrange(keys.PAYMENTS)}
    assert before == set(orders) - lost

    async def resume_twice():
        leader = world.leader(page=2)
        assert await leader.lead()
        for _ in range(2):
            await leader._resumption.resume(leader.token)
        await leader.close()

    asyncio.run(resume_twice())
    waiting = [fields["o"] for _, fields in world.redis.xrange(keys.PAYMENTS)]
    assert sorted(waiting) == sorted(orders)
    assert world.redis.get(keys.stock(1)) == str(STOCK - 9)
