"""Connections to the ledger, and what its errors mean.

Single statements run in autocommit; several that belong together run in `connection.transaction()`.

Everything that is asked of the ledger has a limit of time on both sides. A server that is paused,
or a network that drops packets, leaves connections open and silent, and to cancel a statement is to
ask that very server. So a connection that is late is closed and never used again; what it was asked
takes effect or not, as after any lost answer. The server's own limit is the shorter one, so that
where both work it is the server that answers, and the connection lives.
"""

import asyncio
import time
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import (
    AsyncConnection,
    Connection,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    waiting,
)
from psycopg.rows import TupleRow

Result = TypeVar("Result")
Ready = Any
"""What psycopg's generators yield and are sent: whether a socket can be read or written."""

STATEMENT_LIMIT_S = 5.0
CONNECT_LIMIT_S = 3
_SERVER_LIMIT_MS = 4_500
_POLL_S = 0.1


class StoreTimeout(OperationalError):
    """The database took longer than somebody was ready to wait; what was asked may still happen."""


STORE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""The ledger is away, or cannot or will not do its work at present (a limit, a lock, a read-only
transaction): ask again later. Such a statement may or may not have been executed."""

REFUSALS = (IntegrityError, DataError)
"""The ledger refuses what was sent (a constraint, a value): asking again cannot help. What is in
neither tuple is a wrong statement, or a ledger that is not set up for us."""

# Statements are prepared at their first use: they are few and every one is hot. Either side finds
# out in about half a minute that the other has gone.
CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": 0,
    "connect_timeout": CONNECT_LIMIT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": (
        f"-c statement_timeout={_SERVER_LIMIT_MS}"
        f" -c idle_in_transaction_session_timeout={_SERVER_LIMIT_MS}"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    ),
}


def _limited(
    steps: Generator[Ready, Ready, Result], limit_s: float
) -> Generator[Ready, Ready, Result]:
    """Take the steps of an exchange with the server; raise StoreTimeout once the time is over."""
    give_up_at_s = time.monotonic() + limit_s
    try:
        wanted = next(steps)
        while True:
            wanted = steps.send((yield wanted))
            if time.monotonic() >= give_up_at_s:
                raise StoreTimeout(f"the ledger does not answer within {limit_s:g} s")
    except StopIteration as end:
        result: Result = end.value
        return result


class LedgerConnection(Connection[TupleRow]):
    """A connection that closes itself when the server does not answer in time."""

    limit_s = STATEMENT_LIMIT_S

    def wait(self, gen: Any, interval: float = _POLL_S, timeout: float | None = None) -> Any:
        """Exchange one message with the server; raise StoreTimeout if that takes too long."""
        try:
            return super().wait(_limited(gen, timeout or self.limit_s), interval)
        except StoreTimeout:
            self.pgconn.finish()
            raise


class AsyncLedgerConnection(AsyncConnection[TupleRow]):
    """The same for asyncio; it also closes itself when the task that waits for it is cancelled.

    psycopg would ask the server to cancel the statement, and wait for that.
    """

    limit_s = STATEMENT_LIMIT_S

    async def wait(self, gen: Any, interval: float = _POLL_S, timeout: float | None = None) -> Any:
        """Exchange one message with the server; raise StoreTimeout if that takes too long."""
        steps = _limited(gen, timeout or self.limit_s)
        try:
            return await waiting.wait_async(steps, self.pgconn.socket, interval=interval)
        except (StoreTimeout, asyncio.CancelledError):
            self.pgconn.finish()
            raise


async def connect(database_url: str) -> AsyncLedgerConnection:
    """Return a connection for asyncio; raise OperationalError."""
    return await AsyncLedgerConnection.connect(database_url, **CONNECTION)
