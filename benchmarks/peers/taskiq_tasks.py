"""taskiq: `taskiq worker taskiq_tasks:broker`, with a Redis stream that is acknowledged."""

import asyncio
import os
from typing import Any

import httpx
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker
from work import GATEWAY_URL, REDIS_URL, Connections, charge_body, new_order

broker = RedisStreamBroker(url=REDIS_URL)


class _WithHttpx(Connections):
    """The same with httpx as the client of the gateway."""

    async def open(self) -> None:
        await super().open()
        self.client = httpx.AsyncClient(limits=httpx.Limits(max_connections=100))

    async def charge(self, order: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": order["id"]}
        answer = await self.client.post(
            f"{GATEWAY_URL}/charges", json=charge_body(order), headers=headers
        )
        return answer.json()


connections = _WithHttpx() if os.environ.get("PEERS_CLIENT") == "httpx" else Connections()


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(_: TaskiqState) -> None:
    """Connect."""
    await connections.open()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def end(_: TaskiqState) -> None:
    """Disconnect."""
    await connections.close()


@broker.task
async def buy(order: dict) -> None:
    """Work off one order."""
    await connections.process(order)


async def _enqueue(count: int) -> None:
    await broker.startup()
    for number in range(count):
        await buy.kiq(new_order(number))
    await broker.shutdown()


def enqueue(count: int) -> None:
    """Put orders on the queue."""
    asyncio.run(_enqueue(count))
