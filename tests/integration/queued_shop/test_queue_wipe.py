"""Redis gone with all its data: the ledger puts the shop back on sale, and nothing is sold twice.

What only Redis knew is lost with it, which ACK=ledger makes harmless; whatever some process still
has in hand from before must not get past the rebuild.
"""

import asyncio
import threading

import httpx
import pytest
from psycopg import AsyncConnection

from approaches.queue import keys, leader_ledger, ledger
from approaches.queue.consumer import Consumer, Entry
from approaches.queue.leader_ledger import Snapshot
from approaches.queue.redis_store import ORDERS
from approaches.shop.accounts import Tokens
from approaches.shop.orders import Status
from tests.support.shop_world import SECRET, STOCK, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def pending(world) -> int:
    return world.redis.xpending(keys.PAYMENTS, keys.PAYMENT_WORKERS)["pending"]


def put_on_sale_by_a_leader(world):
    server, _ = world.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
    eventually(lambda: world.redis.get(keys.stock(1)) is not None)
    return server


def test_payments_in_hand_when_everything_is_lost_are_charged_and_released_once(world):
    world.start_gateway(mean_s=1.5)
    put_on_sale_by_a_leader(world)
    for _ in range(2):
        world.start("queue.payment_worker", PROCESSES=2, CONCURRENCY=4)
    world.accept(16)
    eventually(lambda: pending(world) == 16)
    before = world.epoch()
    world.valkey.wipe()
    eventually(lambda: world.settled(16), within_s=30)
    world.assert_sound(16)
    assert world.epoch() == before + 1
    assert world.rows("SELECT 1 FROM orders WHERE status = 'declined'")


class Buyer(threading.Thread):
    """Asks under one key until there is a word: 202, or sold out."""

    def __init__(self, url: str, user: int):
        super().__init__()
        self._url = url
        self._user = user
        self.answer: httpx.Response | None = None

    def run(self) -> None:
        token = Tokens(SECRET, 600).issue(self._user)["token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"k{self._user}"}
        with httpx.Client(base_url=self._url, timeout=15, trust_env=False) as client:
            while True:
                answer = client.post("/orders", json={"product_id": 1}, headers=headers)
                if answer.status_code in (202, 409):
                    self.answer = answer
                    return
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) >= 1


def test_with_ack_ledger_nothing_acknowledged_is_lost_with_redis(world):
    world.start_gateway(mean_s=0.3, decline_rate=0.0)
    put_on_sale_by_a_leader(world)
    for _ in range(2):
        world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=8)
    _, url = world.start("queue.api", PROCESSES=2, ACK="ledger")
    buyers = [Buyer(url, user) for user in range(1, STOCK + 6)]
    for number, buyer in enumerate(buyers):
        buyer.start()
        if number == STOCK // 2:
            eventually(lambda: world.rows("SELECT 1 FROM orders"))
            world.valkey.wipe()
    for buyer in buyers:
        buyer.join()
    told = [buyer.answer.json()["order_id"] for buyer in buyers if buyer.answer.status_code == 202]
    assert len(told) == len(set(told)) == STOCK
    eventually(lambda: world.settled(STOCK), within_s=30)
    assert {row[0] for row in world.rows("SELECT id::text FROM orders")} == set(told)
    world.assert_sound(STOCK)


@pytest.fixture
def late_entry(world):
    """One order of user 1, read by a worker that then loses its Redis with all data."""
    world.put_on_sale()
    world.accept(1)

    async def read(store):
        consumer = Consumer(store, ORDERS, "late")
        await consumer.read(1)  # creates the group
        return await consumer.read(1)

    entries = world.run(read)
    assert len(entries) == 1
    world.valkey.wipe()
    return entries


def dead_letters(world) -> int:
    return world.redis.xlen(keys.DEAD_LETTERS)


def test_an_order_read_before_the_loss_is_sold_again_if_there_is_stock(world, late_entry):
    put_on_sale_by_a_leader(world)
    assert world.redis.get(keys.stock(1)) == str(STOCK)  # the rebuild knew nothing of it
    world.record_late(late_entry)
    eventually(lambda: world.rows("SELECT count(*) FROM orders") == [(1,)])
    assert world.rows("SELECT id::text FROM orders") == [(late_entry[0].fields["o"],)]
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
    world.record_late(late_entry)  # as it would after a crash before it dropped the entry
    eventually(lambda: world.redis.xlen(keys.ORDERS) == 0)
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
    assert dead_letters(world) == 0


def test_an_order_read_before_the_loss_is_not_sold_beyond_the_stock(world, late_entry):
    others = put_on_sale_by_a_leader(world)
    others.pause()
    promised = set(world.accept(STOCK, first_user=10))
    world.record_late(late_entry)  # before any of those that the present Redis has accepted
    others.resume()
    eventually(lambda: world.redis.xlen(keys.ORDERS) == 0)
    assert {row[0] for row in world.rows("SELECT id::text FROM orders")} == promised
    assert world.rows("SELECT reserved FROM products WHERE id = 1") == [(STOCK,)]
    assert world.redis.get(keys.stock(1)) == "0"
    assert dead_letters(world) == 0


def test_an_order_read_before_the_loss_gives_way_to_its_buyers_next_try(world, late_entry):
    others = put_on_sale_by_a_leader(world)
    others.pause()
    again = "00000000-0000-7000-8000-00000000000a"
    answer = world.run(
        lambda store: store.accept(again, user_id=1, key="k-1", product_id=1, quantity=1)
    )
    assert answer.verdict == "accepted"
    world.record_late(late_entry)
    others.resume()
    eventually(lambda: world.redis.xlen(keys.ORDERS) == 0)
    assert world.rows("SELECT id::text FROM orders") == [(again,)]
    assert world.redis.get(keys.stock(1)) == str(STOCK - 1)
    assert dead_letters(world) == 0


def test_a_leader_paused_with_an_old_snapshot_writes_nothing(world, monkeypatch):
    """It read the ledger, slept through the loss of Redis, and wakes when others have sold."""
    read, taken, wake = Snapshot.product, asyncio.Event(), asyncio.Event()

    async def scene():
        paused, other = world.leader(), world.leader()

        async def slow_read(snapshot):
            product = await read(snapshot)
            taken.set()
            await wake.wait()
            return product

        monkeypatch.setattr(Snapshot, "product", slow_read)
        sleeping = asyncio.create_task(paused.put_on_sale())
        await taken.wait()
        monkeypatch.setattr(Snapshot, "product", read)
        world.redis.flushall()
        await other.put_on_sale()
        await asyncio.to_thread(world.accept, 5)
        wake.set()
        await sleeping
        for candidate in (paused, other):
            await candidate.close()

    asyncio.run(scene())
    assert world.redis.get(keys.stock(1)) == str(STOCK - 5)
    assert world.redis.get(keys.EPOCH) == str(world.epoch())
    assert world.redis.xlen(keys.ORDERS) == 5


def test_a_leader_that_finds_no_epoch_and_sleeps_begins_none_behind_the_back_of_another(
    world, monkeypatch
):
    begin, taken, wake = leader_ledger.begin_epoch, asyncio.Event(), asyncio.Event()

    async def scene():
        paused, other = world.leader(), world.leader()

        async def slow_begin(connection, **marks):
            taken.set()
            await wake.wait()
            return await begin(connection, **marks)

        monkeypatch.setattr(leader_ledger, "begin_epoch", slow_begin)
        sleeping = asyncio.create_task(paused.put_on_sale())
        await taken.wait()
        monkeypatch.setattr(leader_ledger, "begin_epoch", begin)
        world.redis.delete(keys.LEADER)  # it expires
        await other.put_on_sale()
        wake.set()
        await sleeping
        for candidate in (paused, other):
            await candidate.close()

    asyncio.run(scene())
    assert world.redis.get(keys.EPOCH) == str(world.epoch())


def test_an_order_settled_between_snapshot_and_rebuild_ends_in_redis_too(world, monkeypatch):
    """Confirmed or declined while the leader holds a snapshot in which they are open."""
    world.start_gateway(mean_s=0.05)
    world.put_on_sale()
    orders = world.accept(2)
    for order_id in orders:
        entry = world.redis.hget(keys.order(order_id), "i")
        fields = dict(world.redis.xrange(keys.ORDERS, entry, entry))[entry]
        world.record_late([Entry(entry, fields)])
    read = Snapshot.product

    async def scene():
        leader = world.leader()

        async def read_then_settle(snapshot):
            product = await read(snapshot)
            statuses = zip(orders, (Status.CONFIRMED, Status.DECLINED), strict=True)
            results = [ledger.Result(one, status, f"ch-{one}") for one, status in statuses]
            async with await AsyncConnection.connect(world.dsn, autocommit=True) as connection:
                states = await ledger.settle_orders(connection, results)
            answers = await leader._store.settle(list(states.values()))
            assert set(answers) == {"kept", "unloaded"}
            return product

        monkeypatch.setattr(Snapshot, "product", read_then_settle)
        world.redis.flushall()
        await leader.put_on_sale()
        await leader.close()

    asyncio.run(scene())
    monkeypatch.undo()
    world.redis.delete(keys.LEADER)
    world.start("queue.order_worker", PROCESSES=1, CONCURRENCY=5)
    world.start("queue.payment_worker", PROCESSES=1, CONCURRENCY=5)
    eventually(lambda: world.settled(2))
    eventually(lambda: world.redis.get(keys.stock(1)) == str(STOCK - 1))
    shown = [world.redis.hget(keys.order(one), "s") for one in orders]
    assert shown == ["confirmed", "declined"]
