"""How many orders the order worker takes at once, without stores."""

import asyncio

import pytest

from approaches.queue import order_worker
from approaches.queue.consumer import Entry
from approaches.queue.order_worker import LARGEST_BATCH, OrderWorker
from approaches.queue.queue_settings import QueueSettings
from approaches.shop.settings import Settings


class Stream:
    """A stream with a backlog; it ends the worker when there is nothing left."""

    def __init__(self, backlog: int):
        self.backlog = backlog
        self.asked: list[int] = []

    async def read(self, count: int) -> list[Entry]:
        self.asked.append(count)
        if not self.backlog:
            raise EOFError
        read = min(count, self.backlog)
        self.backlog -= read
        return [Entry(f"{one}-0", {}) for one in range(read)]


@pytest.fixture
def asked(monkeypatch):
    """Return what a worker of 15 asks for while it carries a backlog."""
    monkeypatch.setattr(order_worker, "BATCH_EVERY_S", 0)

    def carry(backlog: int) -> list[int]:
        async def live():
            shop = Settings.from_environment(env={})
            settings = QueueSettings(shop, "redis://127.0.0.1:1/0", 1, 15, "acceptance")
            worker, stream = OrderWorker(settings, "w"), Stream(backlog)
            worker.consumer = stream

            async def record(entries):
                pass

            worker.record = record
            with pytest.raises(EOFError):
                await worker.run()
            await worker.close()
            return stream.asked

        return asyncio.run(live())

    return carry


def test_batches_grow_while_more_are_waiting_and_are_small_again_afterwards(asked):
    assert asked(15 + 30 + 60 + 120 + 240 + 240 + 7) == [
        *(15, 30, 60, 120, LARGEST_BATCH, LARGEST_BATCH, LARGEST_BATCH),
        15,
    ]


def test_without_a_backlog_batches_are_those_of_the_setting(asked):
    assert asked(14) == [15, 15]
