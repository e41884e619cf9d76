"""Every way to take a unit sells each once; what a death in between leaves tells them apart."""

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as LostConnection

from approaches.queue import keys
from approaches.queue.multiplexed import Multiplexed
from approaches.queue.reservation import make_store
from approaches.queue.reservation.ledger_store import LedgerStore
from approaches.shop.pools import AsyncPool
from approaches.shop.problems import Code, Problem
from tests.support.queue_client import buy, client_of
from tests.support.shop_world import STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SCRIPT = "script"
OTHERS = ("counter", "update", "lock")
IN_LEDGER = ("update", "lock")


def order_id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


async def with_stores(world, reservation, step, processes=2):
    """Return what `step(stores)` returns, of as many stores as processes of the API have."""
    pools = [AsyncPool(world.service_dsn, size=4, within_s=30) for _ in range(processes)]
    stores = []
    try:
        for pool in pools:
            await pool.open()
            stores.append(make_store(reservation, world.valkey.url, pool, timeout_s=30))
        return await step(stores)
    finally:
        for store in stores:
            await store.close()
        for pool in pools:
            await pool.close()


def ask(world, reservation, attempts, *, at_once=True):
    """Make these attempts (user, key, quantity); return what each is answered, or its Problem."""

    async def step(stores):
        asked = [
            stores[number % len(stores)].accept(
                order_id(number), user_id=user, key=key, product_id=1, quantity=quantity
            )
            for number, (user, key, quantity) in enumerate(attempts, start=1)
        ]
        if at_once:
            return await asyncio.gather(*asked, return_exceptions=True)
        return [await one for one in asked]

    return asyncio.run(with_stores(world, reservation, step))


def limit_to(world, units: int) -> None:
    """Let a buyer hold so many units, in both stores."""
    world.redis.hset(keys.product(1), "per_user_limit", units)
    world.rows("UPDATE products SET per_user_limit = %s RETURNING 1", units)


def taken(world) -> tuple[int, int]:
    """Return how many units Redis and ledger count as taken."""
    ((reserved,),) = world.rows("SELECT reserved FROM products WHERE id = 1")
    return STOCK - int(world.redis.get(keys.stock(1))), reserved


@pytest.mark.parametrize("reservation", [SCRIPT, *OTHERS])
def test_buyers_who_come_at_once_get_exactly_what_there_is(world, reservation):
    world.put_on_sale()
    answers = ask(world, reservation, [(user, f"k{user}", 1) for user in range(1, 46)])
    verdicts = Counter(answer.verdict for answer in answers)
    assert verdicts == {"accepted": STOCK, "sold_out": 45 - STOCK}
    accepted = {answer.order_id for answer in answers if answer.verdict == "accepted"}
    stream = keys.PAYMENTS if reservation in IN_LEDGER else keys.ORDERS
    assert {fields["o"] for _, fields in world.redis.xrange(stream)} == accepted
    assert taken(world) == (STOCK, STOCK if reservation in IN_LEDGER else 0)


@pytest.mark.parametrize("reservation", [SCRIPT, *OTHERS])
def test_a_key_that_is_sent_many_times_at_once_makes_one_order(world, reservation):
    world.put_on_sale()
    answers = ask(world, reservation, [(1, "k", 1)] * 12)
    refused = [one for one in answers if isinstance(one, Problem)]
    assert {one.code for one in refused} <= {Code.IN_PROGRESS}
    assert not refused or reservation == "counter"
    answered = [one for one in answers if not isinstance(one, Problem)]
    assert Counter(one.verdict for one in answered)["accepted"] == 1
    assert len({one.order_id for one in answered}) == 1
    assert taken(world)[0] == 1


@pytest.mark.parametrize("reservation", [SCRIPT, *OTHERS])
def test_the_limit_per_buyer_holds_for_purchases_at_once(world, reservation):
    world.put_on_sale()
    limit_to(world, 2)
    answers = ask(world, reservation, [(1, f"k{number}", 1) for number in range(8)])
    assert Counter(one.verdict for one in answers) == {"accepted": 2, "limit_reached": 6}
    assert taken(world)[0] == 2


@pytest.mark.parametrize("reservation", OTHERS)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    attempts=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from("abc"), st.integers(1, 4)), max_size=12
    ),
    limit=st.none() | st.integers(1, 6),
)
def test_one_after_the_other_every_way_answers_as_the_script_does(
    world, reservation, attempts, limit
):
    said = []
    for way in (SCRIPT, reservation):
        world.reset()
        world.put_on_sale()
        world.rows("UPDATE products SET initial_stock = 7 RETURNING 1")
        world.redis.set(keys.stock(1), 7)
        if limit is not None:
            limit_to(world, limit)
        answers = ask(world, way, attempts, at_once=False)
        said.append([(one.verdict, one.order_id, one.amount_cents) for one in answers])
    assert said[0] == said[1]


@pytest.mark.parametrize("reservation", OTHERS)
def test_nothing_is_sold_of_what_does_not_exist(world, reservation):
    (answer,) = ask(world, reservation, [(1, "k", 1)])
    if reservation == "counter":  # not on sale yet: Redis knows no product
        assert answer.verdict == "stock_not_loaded"
        assert not world.redis.exists(keys.stock(1))
    world.rows("DELETE FROM stock_moves RETURNING 1")
    world.rows("DELETE FROM order_events RETURNING 1")
    world.rows("DELETE FROM orders RETURNING 1")
    world.rows("DELETE FROM products RETURNING 1")
    (answer,) = ask(world, reservation, [(1, "another", 1)])
    assert answer.verdict == "stock_not_loaded"


@pytest.mark.parametrize("reservation", IN_LEDGER)
def test_an_account_that_is_gone_buys_nothing(world, reservation):
    world.put_on_sale()
    world.rows("DELETE FROM users WHERE id = 1 RETURNING 1")
    (answer,) = ask(world, reservation, [(1, "k", 1)])
    assert (answer.code, answer.status) == (Code.UNAUTHORIZED, 401)
    assert taken(world) == (0, 0)


def dies_at(monkeypatch, command: str) -> None:
    """From now on a process of the API dies before it sends this command."""
    call = Multiplexed.call

    async def sent(self, *words):
        if words[0] == command:
            raise LostConnection("the process has died")
        return await call(self, *words)

    monkeypatch.setattr(Multiplexed, "call", sent)


@pytest.mark.parametrize(
    ("command", "again"),
    [("SET", "accepted"), ("HSET", Code.IN_PROGRESS), ("XADD", "replayed")],
    ids=str,
)
def test_with_counters_a_death_before_the_order_is_enqueued_loses_its_unit(
    world, monkeypatch, command, again
):
    """With the script there is no such moment: it takes the unit and enqueues, or does neither.

    What the buyer learns who asks again, now and for ever, depends on the step.
    """
    world.put_on_sale()
    with monkeypatch.context() as patched:
        dies_at(patched, command)
        (answer,) = ask(world, "counter", [(1, "k", 1)])
        assert isinstance(answer, LostConnection)
    assert (taken(world), world.redis.xlen(keys.ORDERS)) == ((1, 0), 0)
    (answer,) = ask(world, "counter", [(1, "k", 1)])
    assert again in (getattr(answer, "code", ""), getattr(answer, "verdict", ""))
    enqueued = world.redis.xlen(keys.ORDERS)
    assert enqueued == (1 if again == "accepted" else 0)
    assert taken(world)[0] == enqueued + 1  # one is nobody's


@pytest.mark.parametrize("reservation", IN_LEDGER)
def test_an_order_of_the_ledger_that_was_not_enqueued_is_enqueued_by_the_leader(
    world, monkeypatch, reservation
):
    world.put_on_sale()

    async def never(*_):
        raise LostConnection("the process has died")

    with monkeypatch.context() as patched:
        patched.setattr(LedgerStore, "_enqueue", never)
        (answer,) = ask(world, reservation, [(1, "k", 1)])
    assert answer.verdict == "accepted"  # it is on record
    assert taken(world) == (0, 1)
    world.rows("UPDATE orders SET accepted_at = accepted_at - interval '1 minute' RETURNING 1")

    async def resume():
        leader = world.leader()
        assert await leader.lead()
        await leader._resumption.resume(leader.token)
        await leader.close()

    asyncio.run(resume())
    ((_, payment),) = world.redis.xrange(keys.PAYMENTS)
    assert payment["o"] == answer.order_id
    assert taken(world) == (1, 1)
    (again,) = ask(world, reservation, [(1, "k", 1)])
    assert (again.verdict, again.order_id) == ("replayed", answer.order_id)


@pytest.mark.parametrize("reservation", IN_LEDGER)
def test_while_redis_is_off_sale_the_ledger_sells_and_a_rebuild_counts_it(world, reservation):
    world.put_on_sale()
    world.redis.delete(keys.stock(1))
    (answer,) = ask(world, reservation, [(1, "k", 3)])
    assert answer.verdict == "accepted"
    assert not world.redis.exists(keys.stock(1))

    async def rebuild():
        leader = world.leader()
        await leader.put_on_sale()
        await leader.close()

    asyncio.run(rebuild())
    assert taken(world) == (3, 3)
    ((_, payment),) = world.redis.xrange(keys.PAYMENTS)
    assert payment["o"] == answer.order_id


@pytest.mark.parametrize("reservation", OTHERS)
def test_the_whole_shop_settles_what_it_accepted(world, reservation):
    world.start_gateway()
    world.start_workers()
    _, url = world.start("queue.api", PROCESSES=2, RESERVATION=reservation)
    with client_of(url) as client:
        for user in range(1, 13):
            assert buy(client, user, "k").status_code == 202
    eventually(lambda: world.settled(12))
    world.assert_sound(12)
