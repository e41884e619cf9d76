"""The workers as processes, killed and paused at the worst moments: nothing lost, nothing twice."""

import pytest

from approaches.queue import keys, ledger
from approaches.queue.consumer import Consumer
from approaches.queue.order import Order
from approaches.queue.redis_store import ORDERS
from approaches.queue.worker import ReconnectingConnection
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_orders_are_carried_to_their_end(world):
    world.start_gateway()
    world.start_workers()
    world.accept(STOCK)
    eventually(lambda: world.settled(STOCK))
    world.assert_sound(STOCK)
    assert world.rows("SELECT count(*) FROM orders WHERE status = 'declined'")[0][0] > 0


def test_a_crash_between_commit_and_acknowledgement_is_repaired_by_doing_it_again(world):
    world.put_on_sale()
    world.accept(6)

    async def crash_after_commit(store):
        consumer = Consumer(store, ORDERS, "dead")
        await consumer.read(10)  # creates the group
        entries = await consumer.read(10)
        orders = [Order.from_entry(entry.fields) for entry in entries]
        lazy = ReconnectingConnection(world.dsn)
        await lazy.run(lambda connection: ledger.insert_orders(connection, orders))
        await lazy.close()
        return len(entries)

    assert world.run(crash_after_commit) == 6
    world.start_gateway()
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=15)
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=6)
    eventually(lambda: world.settled(6))
    world.assert_sound(6)


def test_payment_workers_killed_in_the_middle_of_charges(world):
    world.start_gateway(mean_s=0.6)
    doomed, _ = world.start_workers(payments=2)
    world.accept(16)
    eventually(lambda: world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"] == 16)
    for process in doomed.family():
        process.kill()  # the whole container
    eventually(lambda: world.settled(16))
    world.assert_sound(16)


def test_a_killed_child_is_replaced_and_its_work_goes_on(world):
    world.start_gateway(mean_s=0.5)
    (server,) = world.start_workers()
    world.accept(8)
    eventually(lambda: world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"] == 8)
    for child in server.children():
        child.kill()
    eventually(lambda: world.settled(8))
    world.assert_sound(8)


def test_a_worker_paused_beyond_its_heartbeat_settles_nothing_twice(world):
    world.start_gateway(mean_s=0.3)
    paused, _ = world.start_workers(payments=2)
    world.accept(16)
    eventually(lambda: world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"] == 16)
    frozen = paused.children()
    for child in frozen:
        child.suspend()
    eventually(lambda: world.settled(16))
    for child in frozen:
        child.resume()
    eventually(lambda: len(world.redis.keys(keys.alive("*"))) == 6)
    assert paused.end() == 0
    world.assert_sound(16)


def test_a_paused_process_loses_its_heartbeat_and_those_beside_it_keep_theirs(world):
    world.start_gateway()
    server, _ = world.start("queue.payment_worker", PROCESSES=3, CONCURRENCY=4)
    alive = lambda: set(world.redis.keys(keys.alive("*")))  # noqa: E731
    eventually(lambda: len(alive()) == 3)
    everybody = alive()
    paused = server.children()[0]
    paused.suspend()
    lost: set[str] = set()

    def is_lost() -> bool:
        lost.update(everybody - alive())
        return len(lost) == 1

    eventually(is_lost)
    paused.resume()
    eventually(lambda: alive() == everybody)
    assert len(lost) == 1


def leader(world) -> int:
    """The process that recovers, 0 while there is none."""
    return int((world.redis.get(keys.LEADER) or "0").split("-")[0])


@pytest.mark.parametrize("fault", ["kill", "suspend"])
def test_another_process_leads_when_the_leader_is_killed_or_paused(world, fault):
    world.start_gateway(mean_s=0.3)
    server, _ = world.start("queue.order_worker", PROCESSES=3, CONCURRENCY=5)
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    first = next(child for child in server.children() if child.pid == leader(world))
    world.accept(6)
    getattr(first, fault)()
    eventually(lambda: leader(world) not in (0, first.pid))
    if fault == "suspend":
        first.resume()
    world.accept(6, first_user=10)
    eventually(lambda: world.settled(12))
    assert leader(world) not in (0, first.pid)
    world.assert_sound(12)


def test_an_order_worker_paused_beyond_its_heartbeat_records_nothing_twice(world):
    world.put_on_sale()
    world.accept(6)

    async def read_and_fall_silent(store):
        consumer = Consumer(store, ORDERS, "silent")
        await consumer.read(10)  # creates the group
        return await consumer.read(10)

    entries = world.run(read_and_fall_silent)
    assert len(entries) == 6
    world.start_gateway()
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=15)
    eventually(lambda: world.rows("SELECT count(*) FROM orders") == [(6,)])
    world.record_late(entries)  # it wakes up with all it had in hand
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=6)
    eventually(lambda: world.settled(6))
    world.assert_sound(6)


def test_payments_that_lost_their_entries_are_enqueued_again_and_charge_nobody_twice(world):
    world.start_gateway(mean_s=12)
    recovering, _ = world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.start("queue.payment_worker", PROCESSES=2, CONCURRENCY=4)
    world.accept(6)
    eventually(lambda: world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"] == 6)
    world.redis.delete(keys.PAYMENTS)  # entries, group, and who holds what
    eventually(lambda: "6 open orders had no stream entry: enqueued" in recovering.log)
    eventually(lambda: world.settled(6), within_s=40)
    world.assert_sound(6)


def test_sigterm_drains_and_leaves_the_group_empty(world):
    world.start_gateway(mean_s=0.5)
    (server,) = world.start_workers()
    world.accept(8)
    eventually(lambda: world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"] == 8)
    assert server.end() == 0
    assert world.redis.xinfo_consumers(keys.PAYMENTS, keys.PAYMENT_WORKERS) == []
    assert world.settled(8)
    world.assert_sound(8)
