"""What every peer does with an order, once for threads and once for asyncio.

It is what the shop's workers do, as somebody would write it who uses the library as documented:
insert the order, charge it over a connection that is kept alive, settle it, put its state into
Redis.
"""

import json
import os
import uuid
from functools import cache
from typing import Any

import aiohttp
import psycopg_pool
import redis
import redis.asyncio
import urllib3

DSN = os.environ.get("PEERS_DSN", "")
REDIS_URL = os.environ.get("PEERS_REDIS_URL", "")
GATEWAY_URL = os.environ.get("PEERS_GATEWAY_URL", "")
CONNECTIONS = 20

INSERT = (
    "INSERT INTO peer_orders (id, user_id, product_id, quantity, amount_cents, status)"
    " VALUES (%(id)s, %(user)s, %(product)s, %(quantity)s, %(amount)s, 'awaiting_payment')"
    " ON CONFLICT DO NOTHING"
)
SETTLE = (
    "UPDATE peer_orders SET status = %s, charge_id = %s, settled_at = clock_timestamp()"
    " WHERE id = %s AND status = 'awaiting_payment'"
)


def new_order(number: int) -> dict[str, Any]:
    """Return the order with this number, as it is enqueued."""
    return {
        "id": str(uuid.uuid4()),
        "user": number,
        "product": 1,
        "quantity": 1,
        "amount": 99_900,
    }


def charge_body(order: dict[str, Any]) -> dict[str, Any]:
    """Return the body of POST /charges."""
    return {"order_id": order["id"], "reference": order["id"], "amount_cents": order["amount"]}


def status_of(charge: dict[str, Any]) -> str:
    """Return what an order becomes by its charge."""
    return "confirmed" if charge["outcome"] == "approved" else "declined"


@cache
def pool() -> psycopg_pool.ConnectionPool:
    """Return the connections of this process."""
    return psycopg_pool.ConnectionPool(DSN, min_size=1, max_size=CONNECTIONS, open=True)


@cache
def store() -> redis.Redis:
    """Return the Redis client of this process."""
    return redis.Redis.from_url(REDIS_URL)


@cache
def http() -> urllib3.PoolManager:
    """Return the HTTP client of this process."""
    return urllib3.PoolManager(maxsize=100)


def process(order: dict[str, Any]) -> None:
    """Record, charge and settle an order, in a thread."""
    with pool().connection() as connection:
        connection.execute(INSERT, order)
    body = json.dumps(charge_body(order))
    headers = {"Idempotency-Key": order["id"], "Content-Type": "application/json"}
    answer = http().request("POST", f"{GATEWAY_URL}/charges", body=body, headers=headers)
    charge = answer.json()
    with pool().connection() as connection:
        connection.execute(SETTLE, (status_of(charge), charge["charge_id"], order["id"]))
    store().hset(f"order:{order['id']}", mapping={"status": status_of(charge), "version": 3})


class Connections:
    """The clients of one event loop."""

    async def open(self) -> None:
        """Connect."""
        self.pool = psycopg_pool.AsyncConnectionPool(
            DSN, min_size=1, max_size=CONNECTIONS, open=False
        )
        await self.pool.open()
        self.store = redis.asyncio.Redis.from_url(REDIS_URL)
        self.http = aiohttp.ClientSession()

    async def close(self) -> None:
        """Disconnect."""
        await self.http.close()
        await self.store.aclose()
        await self.pool.close()

    async def charge(self, order: dict[str, Any]) -> dict[str, Any]:
        """Charge an order."""
        headers = {"Idempotency-Key": order["id"]}
        async with self.http.post(
            f"{GATEWAY_URL}/charges", json=charge_body(order), headers=headers
        ) as answer:
            return await answer.json()

    async def process(self, order: dict[str, Any]) -> None:
        """Record, charge and settle an order, in a coroutine."""
        async with self.pool.connection() as connection:
            await connection.execute(INSERT, order)
        charge = await self.charge(order)
        async with self.pool.connection() as connection:
            await connection.execute(SETTLE, (status_of(charge), charge["charge_id"], order["id"]))
        await self.store.hset(
            f"order:{order['id']}", mapping={"status": status_of(charge), "version": 3}
        )
