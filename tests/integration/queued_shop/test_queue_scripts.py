"""The atomic steps in Redis, against a real server: what they promise under any order of calls."""

import asyncio
import contextlib
import json

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from approaches.queue import keys
from approaches.queue.leader_store import LeaderStore, OpenOrder
from approaches.queue.order import Order
from approaches.queue.redis_store import MAX_DELIVERIES, ORDERS, PAYMENTS, Mark, Settlement
from approaches.shop.orders import Status

pytestmark = pytest.mark.integration

ORDER = "00000000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def client(valkey):
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        yield client


@pytest.fixture(scope="module")
def call(valkey):
    """Run `step(store)` in one event loop that lasts for the module."""
    with asyncio.Runner() as runner:
        store = LeaderStore(valkey.url, timeout_s=5, connections=4)
        yield lambda step: runner.run(step(store))
        runner.run(store.close())


def seed(client, *, stock: int, limit: int | str = "") -> None:
    client.flushall()
    facts = {"name": "n", "price_cents": 250, "initial_stock": stock, "per_user_limit": limit}
    client.hset(keys.product(1), mapping=facts)
    client.set(keys.EPOCH, 7)
    client.set(keys.stock(1), stock)


def accept(call, order=ORDER, *, user=1, key="k", product=1, quantity=1):
    async def step(store):
        store.seen = Mark(0, 0)  # `seed` begins the same epoch again and again
        return await store.accept(
            order, user_id=user, key=key, product_id=product, quantity=quantity
        )

    return call(step)


def deliver(client, stream, consumer="w", count=100):
    with contextlib.suppress(redis.ResponseError):
        client.xgroup_create(stream.name, stream.group, id="0", mkstream=True)
    answer = client.xreadgroup(stream.group, consumer, {stream.name: ">"}, count=count)
    return [entry for entries in dict(answer or {}).values() for entry in flat(entries)]


def flat(entries):
    """RESP3 nests the entries once more."""
    return entries[0] if entries and isinstance(entries[0], list) else entries


def settlement(order, status, version=3, entry=""):
    return Settlement(order, 1, status, version, 1_700_000_000_000_000, entry)


ATTEMPTS = st.tuples(
    st.just("buy"), st.integers(1, 4), st.integers(0, 5), st.integers(1, 3)
)  # user, key, quantity
OUTCOMES = st.tuples(
    st.just("settle"), st.integers(0, 30), st.sampled_from(["confirmed", "declined", "unknown"])
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(ATTEMPTS | OUTCOMES, max_size=60),
    stock=st.integers(0, 12),
    limit=st.none() | st.integers(1, 6),
)
def test_no_history_oversells_or_breaks_the_limit_or_a_promise(client, call, steps, stock, limit):
    seed(client, stock=stock, limit="" if limit is None else limit)
    promised, units, ended = {}, {}, {}
    for number, step in enumerate(steps):
        if step[0] == "buy":
            _, user, key, quantity = step
            answer = accept(call, f"o{number}", user=user, key=f"k|{key}", quantity=quantity)
            held = sum(u[1] for o, u in units.items() if u[0] == user and o not in ended)
            free = stock - sum(u[1] for o, u in units.items() if o not in ended)
            if (user, key) in promised:
                same = promised[user, key][1] == quantity
                assert answer.verdict == ("replayed" if same else "key_reused")
                assert not same or answer.order_id == promised[user, key][0]
            elif limit is not None and held + quantity > limit:
                assert answer.verdict == "limit_reached"
            elif quantity > free:
                assert answer.verdict == "sold_out"
            else:
                assert (answer.verdict, answer.amount_cents) == ("accepted", 250 * quantity)
                promised[user, key] = (f"o{number}", quantity)
                units[f"o{number}"] = (user, quantity)
        elif units:
            order = sorted(units)[step[1] % len(units)]
            one = settlement(order, step[2], number + 3)
            call(lambda store, one=one: store.settle([one]))
            current = client.hget(keys.order(order), "s")
            if step[2] == "declined" and current == "declined":
                ended[order] = True
        open_units = sum(u[1] for o, u in units.items() if o not in ended)
        assert int(client.get(keys.stock(1))) == stock - open_units >= 0
    assert client.xlen(keys.ORDERS) == len(units)


def test_a_missing_counter_is_never_created_below_zero(client, call):
    client.flushall()
    assert accept(call).verdict == "stock_not_loaded"
    assert client.dbsize() == 0


def test_nothing_is_accepted_before_an_epoch_has_begun(client, call):
    seed(client, stock=1)
    client.delete(keys.EPOCH)
    assert accept(call).verdict == "stock_not_loaded"
    client.set(keys.EPOCH, 8)
    assert accept(call).verdict == "accepted"
    ((_, fields),) = client.xrange(keys.ORDERS)
    assert fields["ep"] == "8"


def test_only_the_holder_of_the_lock_begins_an_epoch_and_only_once(client, call):
    client.flushall()
    assert call(lambda store: store.epoch("mine", begin=4)) is None
    client.set(keys.LEADER, "mine")
    epoch = lambda **begin: call(lambda store: store.epoch("mine", **begin)).mark.epoch  # noqa: E731
    assert epoch() == 0
    assert epoch(begin=4) == 4
    assert epoch(begin=3) == 4
    assert epoch() == 4


def test_a_replay_is_answered_while_the_stock_is_missing(client, call):
    seed(client, stock=1)
    accept(call)
    client.delete(keys.stock(1))
    assert accept(call, "other").order_id == ORDER


def test_an_error_leaves_nothing_half_done(client, call):
    seed(client, stock=5)
    client.set(keys.ORDERS, "not a stream")
    with pytest.raises(redis.ResponseError):
        accept(call)
    assert client.get(keys.stock(1)) == "5"
    assert not client.exists(keys.idempotency(1, "k"), keys.buyers(1), keys.order(ORDER))


def test_scripts_survive_a_restart_of_the_script_cache(client, call):
    seed(client, stock=2)
    accept(call, "a", key="a")
    client.script_flush()
    assert accept(call, "b", key="b").verdict == "accepted"


def test_advancing_twice_enqueues_one_payment(client, call):
    seed(client, stock=5)
    accept(call)
    (entry_id, _), *_ = deliver(client, ORDERS)
    for _ in range(3):
        call(lambda store: store.advance([(entry_id, ORDER)]))
    assert client.xlen(keys.PAYMENTS) == 1
    assert client.xlen(keys.ORDERS) == 0
    assert client.hget(keys.order(ORDER), "v") == "2"


def test_a_release_happens_once_whatever_is_replayed_after_it(client, call):
    seed(client, stock=1)
    accept(call)
    for status, version in [("declined", 3), ("declined", 3), ("confirmed", 4), ("declined", 5)]:
        call(lambda store, s=status, v=version: store.settle([settlement(ORDER, s, v)]))
    assert client.get(keys.stock(1)) == "1"
    assert client.hgetall(keys.buyers(1)) == {"1": "0"}
    assert client.hget(keys.order(ORDER), "s") == "declined"


def test_unknown_keeps_the_stock_and_the_entry_until_the_answer(client, call):
    seed(client, stock=1)
    accept(call)
    (first, _), *_ = deliver(client, ORDERS)
    call(lambda store: store.advance([(first, ORDER)]))
    (entry, _), *_ = deliver(client, PAYMENTS)
    call(lambda store: store.settle([settlement(ORDER, "unknown", 3, entry)]))
    assert (client.get(keys.stock(1)), client.xlen(keys.PAYMENTS)) == ("0", 1)
    call(lambda store: store.settle([settlement(ORDER, "declined", 4, entry)]))
    assert (client.get(keys.stock(1)), client.xlen(keys.PAYMENTS)) == ("1", 0)


def test_no_release_goes_into_a_counter_that_is_being_rebuilt(client, call):
    seed(client, stock=1)
    accept(call)
    client.delete(keys.stock(1))
    answers = call(lambda store: store.settle([settlement(ORDER, "declined")]))
    assert answers == ["unloaded"]
    assert not client.exists(keys.stock(1))
    assert client.hget(keys.order(ORDER), "s") == "accepted"


def test_a_release_of_an_order_about_to_be_restored_is_not_taken_for_done(client, call):
    """Between the rebuild's snapshot (order open) and its writing: the relay must come back."""
    seed(client, stock=1)
    client.delete(keys.stock(1))
    answers = call(lambda store: store.settle([settlement(ORDER, "declined")]))
    assert answers == ["unloaded"]
    client.set(keys.LEADER, "mine")
    call(lambda store: store.restore("mine", [open_order()]))
    client.set(keys.stock(1), 0)
    answers = call(lambda store: store.settle([settlement(ORDER, "declined")]))
    assert answers == ["applied"]
    assert client.get(keys.stock(1)) == "1"


def test_a_restored_open_order_has_a_payment_entry_and_a_settled_one_has_not(client, call):
    client.flushall()
    client.set(keys.LEADER, "mine")
    settled = replace(open_order(), id="settled", key="s", status=Status.CONFIRMED, version=3)
    for _ in range(2):
        assert call(lambda store: store.restore("mine", [open_order(), settled]))
    ((entry_id, fields),) = client.xrange(keys.PAYMENTS)
    assert (fields["o"], fields["k"], fields["a"]) == (ORDER, "k", "250")
    assert client.hget(keys.order(ORDER), "e") == entry_id
    assert not client.exists(keys.order("settled"))
    # it is settled in the ledger meanwhile: whoever takes the entry makes both ends meet
    call(lambda store: store.settle([settlement(ORDER, "confirmed", entry=entry_id)]))
    assert client.hget(keys.order(ORDER), "s") == "confirmed"
    assert client.xlen(keys.PAYMENTS) == 0


def open_order() -> Order:
    return Order(ORDER, 1, "k", 1, 1, 250, Status.AWAITING_PAYMENT, 2, 1_700_000_000_000_000)


def test_entries_of_a_silent_consumer_return_and_those_of_a_live_one_do_not(client, call):
    seed(client, stock=5)
    accept(call)
    deliver(client, ORDERS)
    client.set(keys.alive("w"), 1)
    requeue = lambda store: store.requeue(ORDERS, "w", mode="dead")  # noqa: E731
    assert call(requeue) == (0, 0)
    client.delete(keys.alive("w"))
    assert call(requeue) == (1, 0)
    assert client.xinfo_consumers(keys.ORDERS, keys.ORDER_WORKERS) == []
    ((entry_id, fields),) = deliver(client, ORDERS, "other")
    assert (fields["o"], fields["n"]) == (ORDER, "1")
    assert client.hget(keys.order(ORDER), "i") == entry_id


def test_an_entry_returned_too_often_becomes_a_dead_letter_that_says_why(client, call):
    seed(client, stock=5)
    accept(call)
    for _ in range(MAX_DELIVERIES + 1):
        ((entry_id, _),) = deliver(client, ORDERS)
        call(
            lambda store, e=entry_id: store.requeue(
                ORDERS, "w", mode="own", entry_id=e, reason="it burns"
            )
        )
    assert client.xlen(keys.ORDERS) == 0
    ((_, letter),) = client.xrange(keys.DEAD_LETTERS)
    assert (letter["o"], letter["reason"], letter["stream"]) == (ORDER, "it burns", keys.ORDERS)
    assert client.get(keys.stock(1)) == "4"  # it still holds its unit


def test_only_the_holder_of_the_lock_rebuilds(client, call):
    from approaches.shop.catalogue import Product

    client.flushall()
    product = Product(1, "n", 250, 7, 0, 0, None)
    rebuild = lambda store: store.rebuild("mine", product, stock=7, epoch=7)  # noqa: E731
    assert call(rebuild) is False
    client.set(keys.LEADER, "mine")
    assert call(rebuild) is False  # what is accepted would belong to no epoch
    client.set(keys.EPOCH, 7)
    assert call(rebuild) is True
    assert call(rebuild) is False  # it is there
    assert client.get(keys.stock(1)) == "7"


def test_an_end_is_published_although_redis_has_lost_the_order(client, call):
    seed(client, stock=1)
    with client.pubsub() as news:
        news.subscribe(keys.EVENTS)
        news.get_message(timeout=5)
        assert call(lambda store: store.settle([settlement(ORDER, "confirmed")])) == ["kept"]
        message = news.get_message(timeout=5)
    (change,) = json.loads(message["data"])
    assert (change["o"], change["s"], change["v"]) == (ORDER, "confirmed", 3)


@pytest.mark.parametrize("step", ["restore", "resume"])
def test_a_version_that_recovery_raises_is_published(client, call, step):
    seed(client, stock=1)
    accept(call)
    client.set(keys.LEADER, "mine")
    client.delete(keys.ORDERS)
    one = open_order()
    with client.pubsub() as news:
        news.subscribe(keys.EVENTS)
        news.get_message(timeout=5)
        if step == "restore":
            call(lambda store: store.restore("mine", [one]))
        else:
            assert call(lambda store: store.resume("mine", [OpenOrder(one)])) == 1
        message = news.get_message(timeout=5)
    (change,) = json.loads(message["data"])
    assert (change["o"], change["s"], change["v"]) == (ORDER, "awaiting_payment", 2)


def test_what_has_ended_leaves_redis_and_releases_nothing_later(client, call):
    seed(client, stock=1)
    accept(call)
    assert client.ttl(keys.order(ORDER)) == client.ttl(keys.idempotency(1, "k")) == -1
    call(lambda store: store.settle([settlement(ORDER, "declined")]))
    assert 0 < client.ttl(keys.order(ORDER)) < client.ttl(keys.idempotency(1, "k"))
    client.delete(keys.order(ORDER))
    assert call(lambda store: store.settle([settlement(ORDER, "declined")])) == ["kept"]
    assert client.get(keys.stock(1)) == "1"


@pytest.mark.parametrize("name", [keys.buyers(1), keys.ORDERS, keys.product(1)])
def test_a_key_of_another_type_leaves_nothing_half_done(client, call, name):
    seed(client, stock=5)
    client.delete(name)
    client.set(name, "what nobody wrote")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        accept(call)
    assert sorted(client.keys()) == sorted({keys.EPOCH, keys.product(1), keys.stock(1), name})
    assert client.get(keys.stock(1)) == "5"


def test_an_order_that_is_accepted_again_does_not_expire(client, call):
    seed(client, stock=5)
    accept(call)
    client.expire(keys.order(ORDER), 60)
    client.delete(keys.idempotency(1, "k"))
    assert client.ttl(keys.order(ORDER)) > 0
    assert accept(call).verdict == "accepted"
    assert client.ttl(keys.order(ORDER)) == -1


def test_a_full_redis_sells_nothing_and_drains_all_the_same(client, call):
    seed(client, stock=5)
    for name in ("a", "b"):
        accept(call, name, key=name)
    first, second = [entry_id for entry_id, _ in deliver(client, ORDERS)]
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.OutOfMemoryError):
            accept(call, "c", key="c")
        call(lambda store: store.beat({"w": 3_000}))
        assert client.exists(keys.alive("w"))
        assert call(lambda store: store.claim("mine", 3_000))
        assert call(lambda store: store.advance([(first, "a")])) == 1
        assert call(lambda store: store.settle([settlement("a", "unknown")])) == ["applied"]
        assert call(lambda store: store.settle([settlement("a", "declined", 4)])) == ["applied"]
        refused = Order("b", 1, "b", 1, 1, 250, Status.CANCELLED, 2, 0, 1)
        cancel = lambda store: store.cancel(refused, entry_id=second, reason="no")  # noqa: E731
        assert call(cancel) == "applied"
    finally:
        client.config_set("maxmemory", 0)
    assert client.get(keys.stock(1)) == "5"
    assert client.xlen(keys.ORDERS) == client.xlen(keys.PAYMENTS) == 0
    assert client.xlen(keys.DEAD_LETTERS) == 1


def test_an_order_is_unplaced_if_it_is_open_and_in_no_stream(client, call):
    seed(client, stock=9)
    for name in ("accepted", "paying", "ended", "in neither"):
        accept(call, name, key=name)
    entry = client.hget(keys.order("paying"), "i")
    call(lambda store: store.advance([(entry, "paying")]))
    call(lambda store: store.settle([settlement("ended", "confirmed")]))
    for name in ("ended", "in neither"):
        client.xdel(keys.ORDERS, client.hget(keys.order(name), "i"))
    names = ["accepted", "paying", "ended", "in neither", "unknown here"]
    unplaced = lambda store: store.unplaced(names)  # noqa: E731
    assert call(unplaced) == ["in neither", "unknown here"]
    deliver(client, PAYMENTS)
    call(lambda store: store.requeue(PAYMENTS, "w", mode="own"))  # the entry has another id now
    assert call(unplaced) == ["in neither", "unknown here"]
