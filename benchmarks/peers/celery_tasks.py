"""Celery: `celery -A celery_tasks worker --pool prefork|threads|gevent`."""

from celery import Celery
from work import REDIS_URL, new_order, process

app = Celery("orders", broker=REDIS_URL)
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=4)


@app.task
def buy(order: dict) -> None:
    """Work off one order."""
    process(order)


def enqueue(count: int) -> None:
    """Put orders on the queue."""
    with app.producer_pool.acquire() as producer:
        for number in range(count):
            buy.apply_async((new_order(number),), producer=producer)
