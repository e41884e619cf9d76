"""Connections to the ledger.

Single statements run in autocommit; several that belong together run in `connection.transaction()`.
A pool never opens the database at import: the schema is there before any app starts (one init
script), and no app ever changes it.
"""

from psycopg import AsyncConnection, Connection, InterfaceError, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

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


def async_pool(
    database_url: str, *, size: int, wait_s: float = 5.0
) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """Return a closed pool for asyncio of at most `size` connections; see `sync_pool`."""
    return AsyncConnectionPool(
        database_url,
        min_size=min(2, size),
        max_size=size,
        timeout=wait_s,
        kwargs=_CONNECTION,
        open=False,
        reconnect_timeout=5.0,
    )
