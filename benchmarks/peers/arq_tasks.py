"""arq: `arq arq_tasks.WorkerSettings`, one event loop per process."""

import asyncio

from arq import create_pool
from arq.connections import RedisSettings
from work import REDIS_URL, Connections, new_order


async def buy(context: dict, order: dict) -> None:
    """Work off one order."""
    await context["connections"].process(order)


async def start(context: dict) -> None:
    """Connect."""
    context["connections"] = Connections()
    await context["connections"].open()


async def end(context: dict) -> None:
    """Disconnect."""
    await context["connections"].close()


class WorkerSettings:
    """What `arq` runs."""

    functions = (buy,)
    on_startup = start
    on_shutdown = end
    max_jobs = 100
    keep_result = 0
    redis_settings = RedisSettings.from_dsn(REDIS_URL)


async def _enqueue(count: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for number in range(count):
        await pool.enqueue_job("buy", new_order(number))


def enqueue(count: int) -> None:
    """Put orders on the queue."""
    asyncio.run(_enqueue(count))
