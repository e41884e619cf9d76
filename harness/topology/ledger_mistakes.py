"""Says of a mistake in a ledger's file of SQL in which statement it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from pydantic import ValidationError

from harness.errors import UsageError
from harness.topology.ledger_sql import LedgerSql

_OF_ITS_AUTHOR: Final = (
    *(psycopg.ProgrammingError, psycopg.DataError, psycopg.IntegrityError),
    *(TypeError, ValueError),
)
"""What another try does not mend. A store that is away or busy raises other errors of psycopg."""


@contextmanager
def blaming(sql: LedgerSql, name: str) -> Iterator[None]:
    """Turn what is the fault of a statement into UsageError that names it and its file."""
    try:
        yield
    except _OF_ITS_AUTHOR as error:
        raise UsageError(
            f"{sql.file}: {name}: {_first_words(error)}",
            "docs/measuring-your-own-system.md says what each statement yields or does",
        ) from error


def waiting(ledger: psycopg.Connection[Any], sql: LedgerSql) -> int:
    """Return how much work waits in tables of its own (UsageError: the statement is wrong)."""
    if "waiting" not in sql:
        return 0
    with blaming(sql, "waiting"):
        row = ledger.execute(sql.statement("waiting")).fetchone()
        return int(row[0] or 0) if row else 0  # a sum of no rows is NULL


def _first_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r}"
    return str(error).strip().partition("\n")[0]
