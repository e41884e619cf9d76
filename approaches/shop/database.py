"""Connections to the ledger.

Single statements run in autocommit; several that belong together run in `connection.transaction()`.
A pool never opens the database at import: the schema is there before any app starts (one init
script), and no app ever changes it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from psycopg import AsyncConnection, Connection, InterfaceError, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

Result = TypeVar("Result")


class StoreTimeout(OperationalError):
    """The database took longer than somebody was ready to wait; what was asked may still happen."""


# What "the store does not answer" looks like; a statement that hits one of these may or may not
# have been executed.
STORE_ERRORS = (OperationalError, InterfaceError, PoolTimeout)

# Statements are prepared at their first use: they are few and every one is hot.
_CONNECTION = {"autocommit": True, "prepare_threshold": 0}


def sync_pool(
    database_url: str, *, size: int, wait_s: float = 5.0
) -> ConnectionPool[Connection[TupleRow]]:
    """Return a closed pool of at most `size` connections.

    A caller waits at most `wait_s` seconds for one.
    """
    return ConnectionPool(
        database_url,
        min_size=min(2, size),
        max_size=size,
        timeout=wait_s,
        kwargs=_CONNECTION,
        open=False,
        reconnect_timeout=5.0,
    )


class AsyncPool:
    """At most `size` connections for asyncio, and a limit of time for everything done with them.

    A server that is paused keeps its connections open and answers nothing, and a statement that is
    cancelled asks that very server to end it. So whoever is late is not waited for: the step ends
    in its own time, with its connection, and takes effect or not, as after any lost answer.
    """

    def __init__(self, database_url: str, *, size: int, within_s: float = 5.0) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            database_url,
            min_size=min(2, size),
            max_size=size,
            timeout=within_s,
            kwargs=_CONNECTION,
            open=False,
            reconnect_timeout=5.0,
        )
        self._within_s = within_s
        self._late: set[asyncio.Task[object]] = set()

    async def open(self) -> None:
        """Begin to connect; wait for nothing."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        for task in self._late:
            task.cancel()
        await self._pool.close()

    async def run(
        self,
        step: Callable[[AsyncConnection[TupleRow]], Awaitable[Result]],
        *,
        within_s: float | None = None,
    ) -> Result:
        """Run a step with a connection; raise one of STORE_ERRORS if there is no answer in time."""
        task = asyncio.create_task(self._run(step))
        try:
            await asyncio.wait({task}, timeout=within_s or self._within_s)
        finally:
            if not task.done():
                self._abandon(task)
        if not task.done():
            raise StoreTimeout("the ledger does not answer in time")
        return task.result()

    async def _run(self, step: Callable[[AsyncConnection[TupleRow]], Awaitable[Result]]) -> Result:
        async with self._pool.connection() as connection:
            return await step(connection)

    def _abandon(self, task: "asyncio.Task[Any]") -> None:
        self._late.add(task)
        task.add_done_callback(self._forget)
        task.cancel()

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more
