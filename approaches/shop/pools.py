"""Connections to the ledger that callers take turns with.

Apart from database.py, because a worker has one connection of its own, and no pool. A pool never
opens the database at import: the schema is there before any app starts (one init script), and no
app ever changes it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from approaches.shop.database import (
    CONNECTION,
    AsyncLedgerConnection,
    LedgerConnection,
    StoreTimeout,
)

Result = TypeVar("Result")

SyncPool = ConnectionPool[LedgerConnection]


class _Pool(SyncPool):
    """A pool that gives up its idle connections when one has not answered in time.

    They froze together, and each would otherwise take a caller's time to find out.
    """

    def putconn(self, conn: LedgerConnection) -> None:
        """Take a connection back; where it is lost, replace the idle ones as well."""
        lost = conn.closed
        super().putconn(conn)
        if lost and not self.closed:
            self.drain()


def sync_pool(database_url: str, *, size: int, wait_s: float = 5.0) -> SyncPool:
    """Return a closed pool of at most `size` connections.

    A caller waits at most `wait_s` seconds for one.
    """
    return _Pool(
        database_url,
        connection_class=LedgerConnection,
        min_size=min(2, size),
        max_size=size,
        timeout=wait_s,
        kwargs=CONNECTION,
        open=False,
        reconnect_timeout=5.0,
    )


class AsyncPool:
    """At most `size` connections for asyncio, and a limit of time for everything done with them."""

    def __init__(self, database_url: str, *, size: int, within_s: float = 5.0) -> None:
        self._pool = AsyncConnectionPool(
            database_url,
            connection_class=AsyncLedgerConnection,
            min_size=min(2, size),
            max_size=size,
            timeout=within_s,
            kwargs=CONNECTION,
            open=False,
            reconnect_timeout=5.0,
        )
        self._within_s = within_s

    async def open(self) -> None:
        """Begin to connect; wait for nothing."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def run(
        self,
        step: Callable[[AsyncLedgerConnection], Awaitable[Result]],
        *,
        within_s: float | None = None,
    ) -> Result:
        """Run a step with a connection; raise one of STORE_ERRORS if there is no answer in time."""
        try:
            async with asyncio.timeout(within_s or self._within_s):
                async with self._pool.connection() as connection:
                    return await step(connection)
        except TimeoutError:
            await self._pool.drain()  # see _Pool
            raise StoreTimeout("the ledger does not answer in time") from None
