"""ACK=ledger without servers: nothing is promised that the ledger does not hold."""

import asyncio

import pytest
from psycopg import OperationalError

from approaches.queue import acknowledgement
from approaches.queue.acknowledgement import LedgerWatch
from approaches.queue.changes import Change, Hub
from approaches.queue.order import Order
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import Store
from approaches.shop.orders import Status
from approaches.shop.problems import Code, Problem
from approaches.shop.settings import SettingsError

ORDER = Order("a", 7, "k", 1, 1, 500, Status.ACCEPTED, 1, 1_700_000_000_000_000)
ON_RECORD = Order("a", 7, "k", 1, 1, 500, Status.AWAITING_PAYMENT, 2, 1_700_000_000_000_000)


class Pool:
    """A ledger with one answer to every question; an exception is raised."""

    def __init__(self, answer=None):
        self.answer = answer
        self.asked = 0

    async def run(self, step, *, within_s=None):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def watch(pool, *, subscribed=True, news=(), order=ORDER):
    async def scene():
        hub = Hub(Store("redis://127.0.0.1:1/0", timeout_s=1))
        hub.is_subscribed = subscribed
        with hub.listening(order.id) as listener:
            for change in news:
                listener.notify(change)
            found = await LedgerWatch(hub, pool).recorded(order, listener)
        assert not hub._subscribers
        return found

    return asyncio.run(scene())


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(acknowledgement, "WITHIN_S", 0.1)
    monkeypatch.setattr(acknowledgement, "LOOK_EVERY_S", 0.02)


def test_the_news_of_the_commit_is_enough():
    pool = Pool()
    found = watch(pool, news=[Change(Status.AWAITING_PAYMENT, 2, None)])
    assert (found.status, found.version, pool.asked) == (Status.AWAITING_PAYMENT, 2, 0)


def test_an_order_that_is_further_is_on_record():
    assert watch(Pool(), order=ON_RECORD) is ON_RECORD


@pytest.mark.parametrize("subscribed", [True, False])
def test_without_news_the_ledger_is_asked(subscribed):
    assert watch(Pool(ON_RECORD), subscribed=subscribed) is ON_RECORD


def test_after_a_lost_subscription_the_ledger_is_asked_at_once():
    pool = Pool(ON_RECORD)
    assert watch(pool, news=[None]) is ON_RECORD
    assert pool.asked == 1


@pytest.mark.parametrize("subscribed", [True, False])
@pytest.mark.parametrize("news", [[], [Change(Status.ACCEPTED, 1, None)]])
def test_what_the_ledger_does_not_hold_in_time_is_not_promised(subscribed, news):
    with pytest.raises(Problem) as refused:
        watch(Pool(), subscribed=subscribed, news=news)
    assert refused.value.code is Code.STORE_DOWN
    assert refused.value.headers()["Retry-After"]


def test_a_ledger_that_does_not_answer_promises_nothing():
    with pytest.raises(OperationalError):
        watch(Pool(OperationalError("gone")))


def test_the_setting_is_read_or_refused_by_name(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://r")
    monkeypatch.delenv("ACK", raising=False)
    assert QueueSettings.from_environment().ack == "acceptance"
    monkeypatch.setenv("ACK", "ledger")
    assert QueueSettings.from_environment().ack == "ledger"
    monkeypatch.setenv("ACK", "commit")
    with pytest.raises(SettingsError, match="ACK must be acceptance or ledger, not 'commit'"):
        QueueSettings.from_environment()
