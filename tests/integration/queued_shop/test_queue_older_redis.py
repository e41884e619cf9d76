"""Redis put back from an older copy: it is noticed, and nothing is sold twice or lost."""

import asyncio

import pytest

from approaches.queue import keys
from approaches.queue.consumer import Consumer
from approaches.queue.redis_store import ORDERS, Mark
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_redis_older_than_the_ledger_is_rebuilt_and_repeated_keys_find_their_orders(world):
    world.start_gateway()
    world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8)
    world.accept(4)
    eventually(lambda: world.settled(4))
    copy = world.valkey.copy()
    sold_since = world.accept(6, first_user=10)
    eventually(lambda: world.settled(10))
    before = world.epoch()
    world.valkey.put_back(copy)
    eventually(lambda: world.redis.get(keys.EPOCH) == str(before + 1), within_s=30)
    eventually(lambda: world.redis.get(keys.stock(1)) is not None)

    def answers():
        return [(one.verdict, one.order_id) for one in world.ask(range(10, 16))]

    # The keys come back behind the sale; until then it is the ledger that must be asked.
    eventually(lambda: ("ask_ledger", "") not in answers())
    assert answers() == [("replayed", order_id) for order_id in sold_since]
    eventually(lambda: world.settled(10))
    world.assert_sound(10)


def test_what_an_older_copy_has_in_its_stream_is_carried_on_under_the_new_epoch(world):
    """One of its orders is in the ledger already, one is in a worker's hand, one in nobody's."""
    world.put_on_sale()
    recorded, in_hand, waiting = world.accept(3)
    entries = {entry.fields["o"]: entry for entry in world.under_way()}
    known = entries[recorded]
    world.redis.xadd(keys.ORDERS, known.fields)  # the copy does not know that it was recorded
    world.record_late([known])
    world.redis.hset(keys.order(recorded), mapping={"s": "accepted", "v": 1})
    world.redis.delete(keys.PAYMENTS)
    world.rows("UPDATE redis_progress SET seq = 9 RETURNING 1")  # the lost future
    before = world.epoch()

    async def recover():
        leader = world.leader()
        for _ in range(2):
            await leader.put_on_sale()
        await leader.close()

    asyncio.run(recover())
    assert world.epoch() == before + 1
    assert world.redis.get(keys.stock(1)) == str(STOCK - 3)
    world.record_late([entries[in_hand]])  # accepted in the epoch that is over
    assert world.redis.get(keys.stock(1)) == str(STOCK - 3)
    world.record_late(world.under_way())
    assert {row[0] for row in world.rows("SELECT id::text FROM orders")} == {
        recorded,
        in_hand,
        waiting,
    }
    assert world.redis.xlen(keys.ORDERS) == 0
    paid_for = {fields["o"] for _, fields in world.redis.xrange(keys.PAYMENTS)}
    assert paid_for == {recorded, in_hand, waiting}
    assert world.redis.xlen(keys.DEAD_LETTERS) == 0


def test_what_a_worker_has_finished_and_an_older_copy_has_in_its_hand_is_returned(world):
    """It did not read when Redis went, so no read failed: only the epoch tells."""
    world.put_on_sale()
    world.accept(1)

    async def meet_it_again(store):
        consumer = Consumer(store, ORDERS, "w")
        beating = asyncio.create_task(consumer.beat())
        try:
            async with asyncio.timeout(15):
                while not (first := await consumer.read(1)):
                    pass  # the group is made first
                await consumer.read(1)
                await store.redis.incr(keys.EPOCH)
                while not (again := await consumer.read(1)):
                    pass
        finally:
            beating.cancel()
        return [one.fields["o"] for one in (*first, *again)]

    first, again = world.run(meet_it_again)
    assert first == again
    assert len(world.under_way()) == 1


def test_an_order_that_an_older_copy_sold_to_a_key_of_the_ledger_ends_and_is_not_paid(world):
    world.put_on_sale()
    (first,) = world.accept(1)
    world.record_late(world.under_way())
    world.redis.flushall()  # the copy is from before the order
    world.rows("UPDATE redis_progress SET seq = 1 RETURNING 1")
    world.put_on_sale()
    again = "00000000-0000-7000-8000-00000000000a"
    buy = lambda store: store.accept(again, user_id=1, key="k-1", product_id=1, quantity=1)  # noqa: E731
    assert world.run(buy).verdict == "accepted"  # as many as it had lost: only the beat tells
    world.rows("UPDATE redis_progress SET beat = 1 RETURNING 1")

    async def recover():
        leader = world.leader()
        for _ in range(2):
            await leader.put_on_sale()
        await leader.close()

    asyncio.run(recover())
    world.record_late(world.under_way())
    assert world.redis.hget(keys.order(again), "s") == "cancelled"
    assert world.rows("SELECT id::text FROM orders") == [(first,)]
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
    answer = world.run(buy)
    assert (answer.verdict, answer.order_id) == ("replayed", first)


def test_a_process_that_has_seen_more_refuses_to_sell_and_ends_the_epoch(world):
    world.put_on_sale()
    world.accept(1)

    async def buy(store):
        store.saw(Mark(world.epoch(), 2))
        return await store.accept("o", user_id=9, key="k", product_id=1, quantity=1)

    assert world.run(buy).verdict == "stock_not_loaded"
    assert not world.redis.exists(keys.EPOCH)
    answer = world.run(
        lambda store: store.accept("o", user_id=9, key="k", product_id=1, quantity=1)
    )
    assert answer.verdict == "stock_not_loaded"  # also to those who know nothing


def test_a_leader_that_works_through_many_orders_keeps_its_lock(world, monkeypatch):
    """Each page takes as long as a third of the lock's life, and there are twenty pages."""
    world.rows(
        "INSERT INTO orders SELECT gen_random_uuid(), 1 + mod(n, 50), 1, 1, 'k' || n, 99999,"
        " 'awaiting_payment', 2, now(), NULL FROM generate_series(1, 200) n RETURNING 1"
    )
    world.rows("UPDATE products SET initial_stock = 300, reserved = 200 RETURNING 1")
    world.rows(
        "INSERT INTO orders VALUES"
        " (gen_random_uuid(), 1, 1, 7, 'd', 99999, 'declined', 3, now(), now()) RETURNING 1"
    )
    leader = world.leader(page=10, lock_ttl_ms=600)
    restore, tokens = type(leader._store).restore, set()

    async def slow_restore(store, token, orders):
        tokens.add(token)
        await asyncio.sleep(0.2)
        return await restore(store, token, orders)

    monkeypatch.setattr(type(leader._store), "restore", slow_restore)

    async def until_on_sale():
        task = asyncio.create_task(leader.run())
        while not world.redis.exists(keys.stock(1)):
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(until_on_sale(), 60))
    assert len(tokens) == 1
    assert world.redis.get(keys.stock(1)) == "100"
    assert world.redis.xlen(keys.PAYMENTS) == 200
    assert sum(map(int, world.redis.hvals(keys.buyers(1)))) == 200


def test_price_and_restock_reach_redis_once(world):
    world.put_on_sale()
    world.accept(1)
    world.rows("UPDATE products SET price_cents = 500, initial_stock = 25 RETURNING 1")

    async def refresh_twice():
        leader = world.leader()
        assert await leader.lead()
        for _ in range(2):
            await leader.refresh(leader.token)
        await leader.close()

    asyncio.run(refresh_twice())
    assert world.redis.get(keys.stock(1)) == str(25 - 1)
    product = world.run(lambda store: store.product(1))
    assert (product.price_cents, product.stock) == (500, 24)
    answer = world.run(
        lambda store: store.accept("o", user_id=9, key="k", product_id=1, quantity=1)
    )
    assert answer.amount_cents == 500
