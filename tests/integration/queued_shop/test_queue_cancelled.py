"""Orders that were accepted and that the ledger refuses: ended once, their units back on sale."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest
from psycopg import AsyncConnection

from approaches.queue import keys, ledger
from approaches.queue.order import Order
from approaches.queue.order_worker import OrderWorker
from approaches.queue.redis_store import PAYMENTS
from approaches.shop.accounts import Tokens
from tests.support.shop_world import SECRET, STOCK, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def orphan(world):
    """One order of user 1, accepted; the account is gone before the ledger has it."""
    world.put_on_sale()
    (order_id,) = world.accept(1)
    world.rows("DELETE FROM users WHERE id = 1 RETURNING 1")
    return order_id


def assert_cancelled_once(world, order_id, reason):
    assert world.redis.get(keys.stock(1)) == str(STOCK)
    assert world.redis.hgetall(keys.buyers(1)) == {"1": "0"}
    assert world.redis.hmget(keys.order(order_id), "s", "v") == ["cancelled", "2"]
    assert world.redis.xlen(keys.ORDERS) == 0
    ((_, letter),) = world.redis.xrange(keys.DEAD_LETTERS)
    assert (letter["o"], letter["cancelled"]) == (order_id, "1")
    assert reason in letter["reason"]
    ((recorded, why),) = world.rows("SELECT id::text, reason FROM cancelled_orders")
    assert recorded == order_id
    assert reason in why
    assert world.rows("SELECT count(*) FROM orders") == [(0,)]


def test_an_order_of_a_deleted_account_gives_its_unit_back_once(world, orphan):
    entries = world.under_way()
    for _ in range(3):  # as after a crash before the entry was dropped
        world.record_late(entries)
        assert_cancelled_once(world, orphan, "orders_user_id_fkey")


def test_a_crash_after_the_ledger_has_cancelled_is_repaired_by_doing_it_again(world, orphan):
    entries = world.under_way()

    async def cancel_and_crash():
        async with await AsyncConnection.connect(world.dsn, autocommit=True) as connection:
            order = Order.from_entry(entries[0].fields)
            await ledger.cancel_order(connection, order, "it was refused")

    asyncio.run(cancel_and_crash())
    world.rows(
        "INSERT INTO users (id, email, name, password_hash) VALUES (1, 'x', 'x', '-') RETURNING 1"
    )  # the cause is gone; what was decided stays
    world.record_late(entries)
    assert world.redis.hget(keys.order(orphan), "s") == "cancelled"
    assert world.redis.get(keys.stock(1)) == str(STOCK)
    assert world.rows("SELECT count(*) FROM orders") == [(0,)]


def test_a_second_order_under_a_key_ends_and_the_key_names_the_first_again(world):
    world.put_on_sale()
    (first,) = world.accept(1)
    world.record_late(world.under_way())
    world.redis.delete(keys.idempotency(1, "k-1"))  # its lifetime is over
    again = "00000000-0000-7000-8000-00000000000a"
    buy = lambda store: store.accept(again, user_id=1, key="k-1", product_id=1, quantity=1)  # noqa: E731
    assert world.run(buy).verdict == "accepted"
    world.record_late(world.under_way())
    assert world.rows("SELECT id::text FROM orders") == [(first,)]
    assert world.redis.hget(keys.order(again), "s") == "cancelled"
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
    answer = world.run(buy)
    assert (answer.verdict, answer.order_id) == ("replayed", first)


def test_its_buyer_is_told_also_after_redis_has_forgotten_it(world, orphan):
    _, url = world.start("queue.api", PROCESSES=1, ACK="acceptance")
    headers = {"Authorization": f"Bearer {Tokens(SECRET, 600).issue(1)['token']}"}
    with world.redis.pubsub() as news:
        news.subscribe(keys.EVENTS)
        news.get_message(timeout=5)
        world.record_late(world.under_way())
        changes = eventually(lambda: (news.get_message(timeout=1) or {}).get("data"))
    assert [(one["o"], one["s"], one["v"]) for one in json.loads(changes)] == [
        (orphan, "cancelled", 2)
    ]
    with httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False) as client:
        shown = [client.get(f"/orders/{orphan}").json()]
        world.redis.delete(keys.order(orphan))
        shown.append(client.get(f"/orders/{orphan}").json())
    assert shown[0] == shown[1]
    assert (shown[0]["status"], shown[0]["version"]) == ("cancelled", 2)
    assert shown[0]["settled_at"] is not None


@pytest.mark.parametrize(("left", "recorded"), [(0, 0), (1, 3)])
def test_a_worker_that_looks_again_refuses_the_orders_that_hold_the_last_units(
    world, left, recorded
):
    world.put_on_sale(stock=3 + left)
    world.accept(3)

    async def record():
        worker = OrderWorker(replace(world.settings(), rechecks_stock=True), "late")
        try:
            await worker.record(world.under_way())
        finally:
            await worker.close()

    asyncio.run(record())
    assert world.rows("SELECT count(*) FROM orders") == [(recorded,)]
    refused = world.rows("SELECT count(*), min(reason) FROM cancelled_orders")
    assert refused == [(3 - recorded, "no unit is left" if left == 0 else None)]
    assert int(world.redis.get(keys.stock(1))) == 3 + left - recorded
    assert world.redis.xlen(keys.DEAD_LETTERS) == 3 - recorded  # an alarm each
    assert world.redis.xlen(keys.ORDERS) == 0


def test_an_order_given_up_on_its_way_to_the_ledger_is_cancelled_by_the_leader(world, orphan):
    ((entry_id, fields),) = world.redis.xrange(keys.ORDERS)
    world.redis.xdel(keys.ORDERS, entry_id)
    world.redis.xadd(keys.DEAD_LETTERS, {**fields, "stream": keys.ORDERS, "reason": "it burns"})

    async def bury_twice():
        leader = world.leader()
        for _ in range(2):
            await leader._resumption.cancel_dead_letters()
        await leader.close()

    asyncio.run(bury_twice())
    assert_cancelled_once(world, orphan, "it burns")


def test_a_payment_that_was_given_up_is_tried_again_and_returns_nothing_meanwhile(world):
    world.put_on_sale()
    (order_id,) = world.accept(1)
    world.record_late(world.under_way())
    ((entry_id, fields),) = world.redis.xrange(keys.PAYMENTS)
    world.redis.xdel(keys.PAYMENTS, entry_id)
    letter = world.redis.xadd(keys.DEAD_LETTERS, {**fields, "stream": PAYMENTS.name})

    async def retry(after_s):
        leader = world.leader(retry_after_s=after_s)
        assert await leader.lead()
        await leader._resumption.resume(leader.token)
        await leader._resumption.retry(leader.token)
        await leader.close()

    asyncio.run(retry(3600))
    assert [one for one, _ in world.redis.xrange(keys.DEAD_LETTERS)] == [letter]
    assert world.redis.xlen(keys.PAYMENTS) == 0
    eventually(lambda: not world.redis.exists(keys.LEADER))
    asyncio.run(retry(-1))
    assert world.redis.xlen(keys.DEAD_LETTERS) == 0
    ((_, payment),) = world.redis.xrange(keys.PAYMENTS)
    assert payment["o"] == order_id
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
