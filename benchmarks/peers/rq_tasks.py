"""RQ: `rq worker-pool orders -n 2`; a process is forked for each job."""

from rq import Queue
from work import new_order, process, store


def enqueue(count: int) -> None:
    """Put orders on the queue."""
    queue = Queue("orders", connection=store())
    queue.enqueue_many(
        [Queue.prepare_data(process, (new_order(number),)) for number in range(count)]
    )
