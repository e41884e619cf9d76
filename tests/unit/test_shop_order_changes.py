"""Whoever watches an order is woken when it changes, and when a change may have been missed."""

import asyncio

from approaches.shop.order_changes import OrderChanges


class Channel:
    """What is announced; it breaks once it has been told to."""

    def __init__(self):
        self.messages = asyncio.Queue()
        self.subscriptions = 0

    async def listen(self):
        self.subscriptions += 1
        while True:
            message = await self.messages.get()
            if message is None:
                raise ConnectionError("gone")
            yield message


async def woken(changed):
    async with asyncio.timeout(10):
        await changed.wait()


def watching(test):
    """Run a test with two orders watched and the channel listened to."""

    async def run():
        channel = Channel()
        changes = OrderChanges(channel.listen)
        listening = asyncio.create_task(changes.run())
        try:
            with changes.watching("one") as one, changes.watching("two") as two:
                await test(channel, changes, one, two)
        finally:
            listening.cancel()

    asyncio.run(run())


def test_only_who_watches_the_order_is_woken():
    async def test(channel, _, one, two):
        channel.messages.put_nowait("nobody's")
        channel.messages.put_nowait("one")
        await woken(one)
        assert not two.is_set()

    watching(test)


def test_all_are_woken_when_the_subscription_is_lost_and_there_is_another(monkeypatch):
    monkeypatch.setattr("approaches.shop.order_changes.LISTEN_AGAIN_S", 0)

    async def test(channel, _, one, two):
        channel.messages.put_nowait(None)
        await woken(one)
        await woken(two)
        two.clear()
        channel.messages.put_nowait("two")
        await woken(two)
        assert channel.subscriptions == 2

    watching(test)


def test_who_has_left_is_forgotten():
    async def test(_, changes, one, two):
        with changes.watching("three") as three:
            changes.wake_all()
            assert three.is_set()
        three.clear()
        changes.wake_all()
        assert not three.is_set()
        assert one.is_set()
        assert two.is_set()

    watching(test)
