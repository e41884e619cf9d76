"""The ledger's statements, against a real PostgreSQL: each may be repeated, none counts twice."""

import asyncio

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from approaches.queue import leader_ledger, ledger
from approaches.queue.ledger import InsertResult, Result
from approaches.queue.order import Order
from approaches.queue.redis_store import Holder
from approaches.shop.orders import Status

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def epoch_zero(world):
    """Whatever earlier tests began: orders of epoch 0, the default, are taken."""
    world.rows("UPDATE redis_epoch SET epoch = 0 RETURNING 1")
    world.rows("UPDATE redis_progress SET epoch = 0 RETURNING 1")


def order(number: int, *, key: str | None = None, user: int = 1, quantity: int = 1) -> Order:
    return Order(
        id=f"00000000-0000-7000-8000-{number:012d}",
        user_id=user,
        key=key or f"k{number}",
        product_id=1,
        quantity=quantity,
        amount_cents=100,
        status=Status.ACCEPTED,
        version=1,
        accepted_at_us=1_700_000_000_000_000 + number,
    )


def with_connections(dsn, step, count=1):
    async def live():
        connections = [await AsyncConnection.connect(dsn, autocommit=True) for _ in range(count)]
        try:
            return await step(*connections)
        finally:
            for connection in connections:
                await connection.close()

    return asyncio.run(live())


def counters(world):
    return world.rows("SELECT reserved, sold FROM products WHERE id = 1")[0]


def test_recording_a_batch_again_changes_nothing(world):
    orders = [order(1), order(2, quantity=3)]

    async def step(connection):
        first = await ledger.insert_orders(connection, orders)
        again = await ledger.insert_orders(connection, [*orders, order(3)])
        return first, again

    first, again = with_connections(world.dsn, step)
    assert first.recorded == {orders[0].id, orders[1].id}
    assert again.recorded == first.recorded | {order(3).id}
    assert not first.stale_epoch | again.stale_epoch
    assert counters(world) == (5, 0)
    assert world.rows("SELECT version, status FROM order_events WHERE order_id = %s", orders[0].id)
    assert world.rows("SELECT count(*) FROM order_events") == [(6,)]


def test_a_second_order_under_one_key_is_not_taken_for_a_repeat(world):
    async def step(connection):
        await ledger.insert_orders(connection, [order(1, key="same")])
        return await ledger.insert_orders(connection, [order(2, key="same")])

    assert with_connections(world.dsn, step) == InsertResult(
        set(), set(), set(), {order(2).id: Holder(order(1).id, 1, 1)}
    )
    assert counters(world) == (1, 0)


def test_orders_of_a_redis_that_lost_its_data_are_not_recorded_unless_they_were_before(world):
    async def step(connection):
        await ledger.insert_orders(connection, [order(1)])
        assert await leader_ledger.begin_epoch(connection, after=0) == 1
        assert await leader_ledger.begin_epoch(connection, after=0) is None  # somebody was faster
        fresh = replace(order(3), epoch=1)
        return await ledger.insert_orders(connection, [order(1), order(2), fresh])

    intake = with_connections(world.dsn, step)
    assert intake == InsertResult({order(1).id, order(3).id}, {order(2).id}, set(), {})
    assert counters(world) == (2, 0)


def test_a_new_epoch_waits_for_the_insert_under_way_and_stops_the_one_that_waits_for_it(world):
    async def step(inserting, beginning, late):
        async with inserting.transaction():
            await ledger.insert_orders(inserting, [order(1)])
            begun = asyncio.create_task(leader_ledger.begin_epoch(beginning, after=0))
            await until_blocked(world)
            assert not begun.done()
        assert await begun == 1
        async with beginning.transaction():
            await leader_ledger.begin_epoch(beginning, after=1)
            waiting = asyncio.create_task(ledger.insert_orders(late, [replace(order(2), epoch=1)]))
            await until_blocked(world)
        return await waiting

    assert with_connections(world.dsn, step, 3) == InsertResult(set(), {order(2).id}, set(), {})
    assert counters(world) == (1, 0)


def test_an_order_is_recorded_or_cancelled_but_never_both(world):
    """The insert begins before the cancellation, and waits for it."""

    async def step(cancelling, inserting):
        async with cancelling.transaction():
            cancelled = await ledger.cancel_order(cancelling, order(1), "refused")
            assert cancelled.status is Status.CANCELLED
            recording = asyncio.create_task(ledger.insert_orders(inserting, [order(1), order(2)]))
            await until_blocked(world)
        result = await recording
        assert await ledger.cancel_order(cancelling, order(2), "too late") is None
        return result

    result = with_connections(world.dsn, step, 2)
    assert result == InsertResult({order(2).id}, set(), {order(1).id}, {})
    assert counters(world) == (1, 0)


def test_moves_are_numbered_in_the_order_in_which_the_product_row_was_changed(world):
    """An insert that waits for the row of the product has not taken its number yet."""

    async def step(settling, inserting):
        await ledger.insert_orders(settling, [order(1)])
        async with settling.transaction():
            await settling.execute("UPDATE products SET sold = sold WHERE id = 1")
            waiting = asyncio.create_task(ledger.insert_orders(inserting, [order(2)]))
            await until_blocked(world)
            await ledger.settle_orders(settling, [Result(order(1).id, Status.DECLINED, "ch1")])
        await waiting

    with_connections(world.dsn, step, 2)
    assert world.rows("SELECT order_id::text, kind FROM stock_moves ORDER BY seq") == [
        (order(1).id, "reserve"),
        (order(1).id, "release"),
        (order(2).id, "reserve"),
    ]


async def until_blocked(world):
    """Wait until one session waits for another's lock."""
    while not world.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0.01)


def test_the_ledger_itself_refuses_to_oversell_and_records_nothing_of_the_batch(world):
    async def step(connection):
        await ledger.insert_orders(connection, [order(n, quantity=10) for n in (1, 2, 3)])

    with pytest.raises(psycopg.errors.CheckViolation):
        with_connections(world.dsn, step)
    assert counters(world) == (0, 0)
    assert world.rows("SELECT count(*) FROM orders") == [(0,)]


def test_whoever_settles_second_learns_what_the_first_recorded(world):
    async def step(one, two):
        await ledger.insert_orders(one, [order(1)])
        approved = [Result(order(1).id, Status.CONFIRMED, "ch1")]
        declined = [Result(order(1).id, Status.DECLINED, "ch2")]
        async with one.transaction():
            await ledger.settle_orders(one, approved)
            waiting = asyncio.create_task(ledger.settle_orders(two, declined))
            await asyncio.sleep(0)
        return await waiting

    states = with_connections(world.dsn, step, 2)
    assert (states[order(1).id].status, states[order(1).id].version) == ("confirmed", 3)
    assert counters(world) == (0, 1)
    assert world.rows("SELECT kind FROM stock_moves ORDER BY kind") == [("reserve",), ("sell",)]
    assert world.rows("SELECT charge_id FROM payments") == [("ch1",)]


def test_versions_stay_without_gaps_over_an_unknown_outcome(world):
    async def step(connection):
        await ledger.insert_orders(connection, [order(1, quantity=2)])
        states = []
        for status in (Status.UNKNOWN, Status.UNKNOWN, Status.DECLINED, Status.UNKNOWN):
            charge = "ch" if status is Status.DECLINED else None
            result = Result(order(1).id, status, charge)
            states.append((await ledger.settle_orders(connection, [result]))[order(1).id])
        return [(state.status, state.version) for state in states]

    told = with_connections(world.dsn, step)
    assert told == [("unknown", 3), ("unknown", 3), ("declined", 4), ("declined", 4)]
    assert counters(world) == (0, 0)
    events = world.rows("SELECT version, status FROM order_events ORDER BY version")
    assert [version for version, _ in events] == [1, 2, 3, 4]


def test_concurrent_batches_lose_no_count(world):
    async def step(*connections):
        batches = [
            [order(5 * n + i, quantity=1) for i in range(4)] for n in range(len(connections))
        ]
        await asyncio.gather(*map(ledger.insert_orders, connections, batches))
        results = [
            [Result(one.id, Status.CONFIRMED if i % 2 else Status.DECLINED, one.id)]
            for batch in batches
            for i, one in enumerate(batch)
        ]
        halves = [results[n :: len(connections)] for n in range(len(connections))]

        async def settle(connection, mine):
            for result in mine:
                await ledger.settle_orders(connection, result)

        await asyncio.gather(*map(settle, connections, halves))

    with_connections(world.dsn, step, 5)
    assert counters(world) == (0, 10)


def test_an_order_that_is_not_on_record_has_no_state(world):
    async def step(connection):
        return await ledger.settle_orders(connection, [Result(order(9).id, Status.CONFIRMED, "c")])

    assert with_connections(world.dsn, step) == {}
