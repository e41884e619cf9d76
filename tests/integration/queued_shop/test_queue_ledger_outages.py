"""A ledger that is there and does not do its work: it refuses writes, or its connections freeze."""

import asyncio
from urllib.parse import urlsplit

import psycopg
import pytest

from approaches.queue import keys, ledger
from approaches.queue.consumer import Consumer
from approaches.queue.ledger import Connection
from approaches.queue.redis_store import ORDERS, Store
from approaches.shop.database import StoreTimeout
from approaches.shop.pools import AsyncPool
from tests.support.freezing_proxy import FreezingProxy
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COUNT = 12


@pytest.fixture
def writes(dsn):
    """Return a switch: whether the ledger takes writes, over old connections and new ones."""

    def switch(on: bool) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            value = "off" if on else "on"
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            connection.execute("SELECT pg_reload_conf()")

    yield switch
    switch(True)


@pytest.fixture
def proxied(world, dsn):
    """Have the services reach the ledger through a proxy."""
    with FreezingProxy(urlsplit(dsn).port) as proxy:
        world.proxy_port = proxy.port
        yield proxy


def test_orders_are_settled_when_the_ledger_takes_writes_again(world, writes):
    world.start_gateway(mean_s=1.0)
    orders, _ = world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=4)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    # more permits than orders: the worker waits for new entries while its charges are made
    payments, _ = world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=2 * COUNT)
    world.accept(COUNT)
    eventually(lambda: world.redis.xlen(keys.PAYMENTS) == COUNT)
    writes(False)
    world.accept(4, first_user=30)
    refused = "read-only transaction"
    eventually(lambda: refused in orders.log and refused in payments.log)
    eventually(lambda: len(world.charges()) == COUNT)
    writes(True)
    eventually(lambda: world.settled(COUNT + 4), within_s=20)
    world.assert_sound(COUNT + 4)


def test_a_doubt_that_arises_while_a_read_waits_is_not_forgotten(world):
    async def fail_during_a_read(store: Store) -> list[str]:
        consumer = Consumer(store, ORDERS, "w")
        while not (entries := await consumer.read(1)):
            pass  # the group is made first
        reading = asyncio.create_task(consumer.read(1, in_hand=["0-1"]))
        while not any(one["flags"] == "b" for one in await store.redis.client_list()):
            await asyncio.sleep(0.01)
        consumer.mark_pending_unknown()  # what was in hand has failed
        await reading
        return [one.id for one in (*entries, *await consumer.read(1, in_hand=["0-1"]))]

    world.put_on_sale()
    world.accept(1)
    first, second = world.run(fail_during_a_read)
    assert first != second  # it went back to the stream, and was delivered again


def test_a_frozen_connection_holds_neither_orders_nor_permits(world, proxied):
    world.start_gateway(mean_s=0.3)
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=4)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=2)
    world.accept(COUNT)
    eventually(lambda: len(world.charges()) > 0)
    proxied.freeze()  # for good: only connections made from now on work
    world.accept(4, first_user=30)
    eventually(lambda: world.settled(COUNT + 4), within_s=30)
    world.assert_sound(COUNT + 4)


def test_one_frozen_connection_of_a_pool_is_met_and_the_others_are_not(world, proxied):
    async def freeze_and_ask() -> list[object]:
        pool = AsyncPool(world.service_dsn, size=4, within_s=2.0)
        await pool.open()
        together = asyncio.Barrier(4)

        async def hold(connection: Connection) -> None:
            await ledger.ping(connection)
            await together.wait()

        await asyncio.gather(*(pool.run(hold, within_s=60) for _ in range(4)))
        proxied.freeze()
        first = await asyncio.gather(pool.run(ledger.ping), return_exceptions=True)
        others = await asyncio.gather(*(pool.run(ledger.ping, within_s=60) for _ in range(4)))
        await pool.close()
        return [*map(type, first), *others]

    assert asyncio.run(freeze_and_ask()) == [StoreTimeout, None, None, None, None]


def test_workers_stop_within_their_limit_while_the_ledger_is_frozen(world, proxied):
    orders, _ = world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=4)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    proxied.freeze(new_ones=True)
    world.accept(4)
    eventually(lambda: world.redis.xpending(keys.ORDERS, keys.ORDER_WORKERS)["pending"] > 0)
    assert orders.end() == 0  # within what Compose grants it, or `end` raises
    assert world.redis.xlen(keys.ORDERS) == 4
    assert world.redis.xinfo_consumers(keys.ORDERS, keys.ORDER_WORKERS) == []
