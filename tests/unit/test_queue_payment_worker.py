"""What the payment worker reads, and when, without stores."""

import asyncio

import pytest

from approaches.queue.consumer import Entry
from approaches.queue.payment_worker import PaymentWorker
from approaches.queue.queue_settings import QueueSettings
from approaches.shop.settings import Settings


class Stream:
    """A consumer that takes down how much it is asked for, and delivers what it is given."""

    def __init__(self):
        self.asked = []
        self.entries = []

    async def read(self, count, in_hand):
        self.asked.append(count)
        await asyncio.sleep(0)
        read, self.entries = self.entries[:count], self.entries[count:]
        return read


class Breaker:
    is_open = False

    def __init__(self):
        self.waited = 0

    def wait_s(self):
        self.waited += 1
        return 0.0


@pytest.fixture
def scene():
    """Run `step(worker, stream, breaker)` beside a worker with four permits that never ends."""

    def play(step):
        async def live():
            shop = Settings.from_environment(env={"GATEWAY_URL": "http://127.0.0.1:1"})
            settings = QueueSettings(shop, "redis://127.0.0.1:1/0", 1, 4, "acceptance")
            worker, stream, breaker = PaymentWorker(settings, "w"), Stream(), Breaker()
            worker.consumer = stream
            worker._gateway.breaker = breaker
            worker.pay = lambda entry: asyncio.Event().wait()
            running = asyncio.create_task(worker.run())
            try:
                await step(worker, stream, breaker)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await worker.close()

        asyncio.run(live())

    return play


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_it_reads_as_much_as_it_has_permits_for(scene):
    async def step(worker, stream, breaker):
        stream.entries = [Entry("1", {})]
        await until(lambda: 3 in stream.asked)
        assert set(stream.asked) == {4, 3}

    scene(step)


def test_it_reads_nothing_while_the_breaker_is_open_and_on_when_it_closes(scene):
    async def step(worker, stream, breaker):
        stream.entries = [Entry("1", {})]
        await until(lambda: worker._in_hand)
        breaker.is_open = True
        await until(lambda: breaker.waited > 2)
        stream.entries, asked = [Entry("2", {})], len(stream.asked)
        waited = breaker.waited
        await until(lambda: breaker.waited > waited + 20)
        assert len(stream.asked) == asked
        breaker.is_open = False
        await until(lambda: len(worker._in_hand) == 2)

    scene(step)


def test_with_nothing_in_hand_it_reads_one_entry_to_find_out_whether_the_gateway_is_back(scene):
    async def step(worker, stream, breaker):
        breaker.is_open = True
        await until(lambda: len(stream.asked) > 5)
        stream.entries = [Entry("1", {}), Entry("2", {})]
        await until(lambda: worker._in_hand)
        assert stream.asked[-1] == 1
        await until(lambda: breaker.waited > 20)
        assert len(worker._in_hand) == 1

    scene(step)
