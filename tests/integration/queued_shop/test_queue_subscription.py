"""The subscription of a process: what proves that it lives, and what proves that it is lost."""

import asyncio
import contextlib
import json
import time

import pytest
import redis
import uvloop

from approaches.queue import changes, keys
from approaches.queue.cancellation import cancel
from approaches.queue.changes import Change, Hub
from approaches.queue.redis_store import Store
from approaches.shop.orders import Status
from tests.support.freezing_proxy import FreezingProxy

pytestmark = pytest.mark.integration

CONFIRMED = Change(Status.CONFIRMED, 3, 5)


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(changes, "PING_EVERY_S", 0.02)
    monkeypatch.setattr(changes, "SILENCE_LIMIT_S", 0.2)


@pytest.fixture
def publish(valkey):
    """Publish the end of an order, as the scripts do."""
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        ended = json.dumps([{"o": "a", "s": "confirmed", "v": 3, "st": "5"}])
        yield lambda: client.publish(keys.EVENTS, ended)


@contextlib.asynccontextmanager
async def listening(url):
    """Have a listener of order `a`, which has heard that the subscription began."""
    store = Store(url, timeout_s=5)
    hub = Hub(store)
    running = asyncio.create_task(hub.run())
    try:
        with hub.listening("a") as listener:
            assert await listener.hear(10) is None
            yield listener
    finally:
        await cancel([running])
        await store.close()


def test_a_process_that_was_busy_reads_what_has_arrived_and_keeps_its_subscription(
    run, valkey, publish
):
    async def scene():
        async with listening(valkey.url) as listener:
            for _ in range(10):
                time.sleep(0.3)  # a turn of the loop lasts longer than the limit
                await asyncio.sleep(0)
            publish()
            return await listener.hear(10)

    assert run(scene()) == CONFIRMED


def test_a_subscription_that_freezes_is_replaced_and_every_listener_looks_again(
    run, valkey, publish
):
    async def scene():
        async with listening(f"redis://127.0.0.1:{proxy.port}/0") as listener:
            proxy.freeze(b"SUBSCRIBE")
            publish()
            assert await listener.hear(10) is None
            publish()
            return await listener.hear(10)

    with FreezingProxy(valkey.port) as proxy:
        assert run(scene()) == CONFIRMED


def test_a_quiet_subscription_is_kept(run, valkey, publish):
    async def scene():
        async with listening(valkey.url) as listener:
            with pytest.raises(TimeoutError):
                await listener.hear(0.5)
            publish()
            return await listener.hear(10)

    assert run(scene()) == CONFIRMED
