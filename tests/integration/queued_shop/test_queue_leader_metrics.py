"""What the leader shows of both stores: as it is, from one process, and only while it leads."""

import asyncio
import contextlib
import math
import re
import urllib.request

import pytest
from psycopg import AsyncConnection

from approaches.queue import keys, ledger
from approaches.queue.ledger import Result
from approaches.shop.inventory_metrics import (
    INVENTORY_EVERY_S,
    INVENTORY_SQL,
    OVERSOLD_SQL,
    Inventory,
    OversoldCheck,
)
from approaches.shop.metrics import render
from approaches.shop.orders import Status
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def number(text: str, name: str) -> float | None:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return None if found is None else float(found[1])


def read(url: str, name: str) -> float | None:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        return number(answer.read().decode(), name)


def stock(world) -> Inventory:
    return Inventory.of_row(world.rows(INVENTORY_SQL)[0])


def oversold(world) -> int:
    return world.rows(OVERSOLD_SQL)[0][0]


def place(world, statuses: dict[str, int], *, quantity: int = 1) -> None:
    """Write orders into the ledger, past every rule of the shop, accepted a minute ago."""
    for status, count in statuses.items():
        settled = status in ("confirmed", "declined")
        world.rows(
            "INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,"
            " status, version, accepted_at, settled_at) SELECT gen_random_uuid(), 1, 1, %s,"
            " gen_random_uuid()::text, 1, %s, 2, clock_timestamp() - interval '1 minute',"
            " CASE WHEN %s THEN clock_timestamp() END FROM generate_series(1, %s) RETURNING 1",
            quantity,
            status,
            settled,
            count,
        )


def test_an_empty_shop_has_nothing_open(world):
    assert stock(world) == Inventory(0, 0, 0, 0.0, STOCK, 0, 0)
    assert oversold(world) == 0
    world.rows("DELETE FROM products RETURNING 1")
    assert stock(world) == Inventory(0, 0, 0, 0.0, 0, 0, 0)
    assert oversold(world) == 0


def test_open_orders_are_counted_by_status_and_age(world):
    place(world, {"accepted": 1, "awaiting_payment": 2, "unknown": 3, "confirmed": 4})
    found = stock(world)
    assert (found.accepted, found.awaiting_payment, found.unknown) == (1, 2, 3)
    assert 60 <= found.oldest_s < 90
    assert oversold(world) == 0


@pytest.mark.parametrize("status", ["awaiting_payment", "unknown", "confirmed"])
def test_every_unit_promised_beyond_the_stock_is_oversold(world, status):
    place(world, {status: STOCK // 2}, quantity=2)
    assert oversold(world) == 0
    place(world, {"declined": 3}, quantity=5)
    assert oversold(world) == 0
    place(world, {status: 1}, quantity=3)
    assert oversold(world) == 3


def test_units_left_of_one_product_do_not_make_up_for_another(world):
    world.rows(
        "INSERT INTO products (id, name, price_cents, initial_stock) VALUES (2, 'other', 1, 100)"
        " RETURNING 1"
    )
    place(world, {"confirmed": STOCK + 2})
    assert oversold(world) == 2


def test_a_count_that_takes_long_is_rare_and_one_that_fails_is_no_exception():
    now_s = 1_000.0
    check = OversoldCheck(lambda: now_s)
    assert check.is_due()
    for took_s, rests_s in ((0.01, INVENTORY_EVERY_S), (2.0, 198.0)):
        with contextlib.suppress(TimeoutError), check.counting():
            now_s += took_s
            raise TimeoutError
        now_s += rests_s - 0.1
        assert not check.is_due()
        now_s += 0.2
        assert check.is_due()


def test_an_order_that_is_settled_twice_is_counted_once(world):
    place(world, {"awaiting_payment": 1})
    world.rows("UPDATE products SET reserved = 1 RETURNING 1")
    ((order_id,),) = world.rows("SELECT id::text FROM orders")

    async def settle(status: Status) -> None:
        async with await AsyncConnection.connect(world.dsn, autocommit=True) as connection:
            await ledger.settle_orders(connection, [Result(order_id, status, "c")])

    def counted() -> list[float]:
        text = render().decode()
        name = 'shop_order_duration_seconds_count{outcome="%s"}'
        return [number(text, name % outcome) or 0 for outcome in ("confirmed", "declined")]

    confirmed, declined = counted()
    for status in (Status.UNKNOWN, Status.CONFIRMED, Status.CONFIRMED, Status.DECLINED):
        asyncio.run(settle(status))
    assert counted() == [confirmed + 1, declined]


def test_only_the_leader_shows_numbers(world):
    _, url = world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: read(url, "shop_oversold_units") == 0)
    assert read(url, 'shop_stock_units{state="free"}') == STOCK
    for stream in (keys.ORDERS, keys.PAYMENTS):
        assert read(url, f'shop_stream_entries{{stream="{stream}"}}') == 0
    assert read(url, "shop_stocktaking_timestamp_seconds") > 0

    world.redis.set(keys.LEADER, "somebody-else")
    eventually(lambda: math.isnan(read(url, "shop_oversold_units")))
    assert math.isnan(read(url, 'shop_open_orders{status="unknown"}'))
    eventually(lambda: math.isnan(read(url, "shop_dead_letters_now")))
    assert math.isnan(read(url, "shop_stocktaking_timestamp_seconds"))

    world.redis.delete(keys.LEADER)
    eventually(lambda: read(url, "shop_oversold_units") == 0)


def test_accepted_orders_wait_in_the_stream_and_count_as_open(world):
    _, url = world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK))
    world.accept(4)
    waiting = f'shop_stream_entries{{stream="{keys.PAYMENTS}"}}'
    in_hand = f'shop_stream_pending_entries{{stream="{keys.PAYMENTS}"}}'
    eventually(lambda: read(url, waiting) == 4)
    assert read(url, 'shop_open_orders{status="awaiting_payment"}') == 4
    assert read(url, in_hand) == 0  # there is nobody to take one
    world.start_gateway(mean_s=8)
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=3)
    eventually(lambda: read(url, in_hand) == 3)
