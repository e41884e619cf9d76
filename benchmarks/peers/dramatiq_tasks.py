"""dramatiq: `dramatiq dramatiq_tasks --processes 2 --threads 20`."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from work import REDIS_URL, new_order, process

dramatiq.set_broker(RedisBroker(url=REDIS_URL))


@dramatiq.actor
def buy(order: dict) -> None:
    """Work off one order."""
    process(order)


def enqueue(count: int) -> None:
    """Put orders on the queue."""
    for number in range(count):
        buy.send(new_order(number))
