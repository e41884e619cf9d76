"""What the payment worker reads, and when, without stores."""

import asyncio

import pytest

from approaches.queue import payment_worker
from approaches.queue.consumer import Entry
from approaches.queue.payment_worker import PaymentWorker
from approaches.queue.queue_settings import QueueSettings
from approaches.shop.payments import ChargeResult, Outcome
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


class Gateway:
    """Answers the charges that it is told to, each once."""

    def __init__(self):
        self.breaker = Breaker()
        self.asked = []
        self.answers = {}

    def charge(self, charge):
        self.asked.append(charge.order_id)
        answer = asyncio.get_running_loop().create_future()
        self.answers[charge.order_id] = answer
        return answer

    async def close(self):
        pass


def entries(*numbers):
    return [Entry(f"{one}-0", {"o": f"o{one}", "k": f"k{one}", "a": "1"}) for one in numbers]


@pytest.fixture
def paying(monkeypatch):
    """Run `step(worker, stream, gateway, ledger)` beside a worker with four permits.

    Nothing is settled until the event `ledger` is set.
    """
    monkeypatch.setattr(payment_worker, "READ_WAIT_S", 0)
    monkeypatch.setattr(payment_worker, "BATCH_WAIT_S", 0)
    monkeypatch.setattr(payment_worker, "ASK_AGAIN_S", 0)

    def play(step):
        async def live():
            shop = Settings.from_environment(env={"GATEWAY_URL": "http://127.0.0.1:1"})
            settings = QueueSettings(shop, "redis://127.0.0.1:1/0", 1, 4, "acceptance")
            worker, stream, ledger = PaymentWorker(settings, "w"), Stream(), asyncio.Event()
            gateway = worker._gateway = Gateway()
            worker.consumer = stream

            async def settle(pending):
                await ledger.wait()
                return {entry.id for entry, result in pending if result.status == "unknown"}

            worker.settle = settle
            running = asyncio.create_task(worker.run())
            try:
                await step(worker, stream, gateway, ledger)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await worker.close()

        asyncio.run(live())

    return play


APPROVED = ChargeResult(Outcome.APPROVED, "ch")


def test_a_permit_is_free_again_once_the_gateway_has_answered(paying):
    async def step(worker, stream, gateway, ledger):
        stream.entries = entries(1, 2, 3, 4, 5)
        await until(lambda: len(gateway.asked) == 4)
        gateway.answers["o2"].set_result(APPROVED)
        await until(lambda: gateway.asked[4:] == ["o5"])
        assert len(worker._in_hand) == 5  # the answered one is not settled yet
        ledger.set()
        await until(lambda: len(worker._in_hand) == 4)

    paying(step)


def test_a_permit_is_kept_while_an_outcome_is_unknown(paying):
    async def step(worker, stream, gateway, ledger):
        ledger.set()
        stream.entries = entries(1, 2, 3, 4, 5)
        await until(lambda: len(gateway.asked) == 4)
        gateway.answers["o2"].set_result(ChargeResult(Outcome.UNKNOWN))
        await until(lambda: len(gateway.asked) == 5)
        assert gateway.asked[4] == "o2"  # asked again
        gateway.answers["o2"].set_result(APPROVED)
        await until(lambda: len(gateway.asked) == 6)
        assert gateway.asked[5] == "o5"

    paying(step)


def test_nothing_more_is_charged_while_too_much_waits_for_the_ledger(paying, monkeypatch):
    monkeypatch.setattr(payment_worker, "MOST_UNSETTLED", 3)

    async def step(worker, stream, gateway, ledger):
        stream.entries = entries(*range(20))
        await until(lambda: len(gateway.asked) == 4)
        for order_id in gateway.asked[:3]:
            gateway.answers[order_id].set_result(APPROVED)
        await until(lambda: len(worker._in_hand) - len(worker._charging) == 3)
        asked = len(gateway.asked)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(gateway.asked) == asked <= 4 + 3
        ledger.set()
        await until(lambda: len(gateway.asked) > asked)

    paying(step)
