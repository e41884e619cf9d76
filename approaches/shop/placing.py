"""An order is placed in the ledger by one statement; what it is comes with each approach.

The constraints of the schema decide what two statements at once may not both do.
"""

from typing import LiteralString

from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow

from approaches.shop.problems import Code, Problem


def place(
    connection: Connection[TupleRow], statement: LiteralString | bytes, order: dict[str, object]
) -> TupleRow:
    """Carry out a statement that places an order, or says why it did not, and return its row.

    Raise Problem(limit_reached | unauthorized) for what the constraints refuse.
    """
    try:
        return _carry_out(connection, statement, order)
    except UniqueViolation:
        # Lost a race against the same key; by now the winner's order is committed and found.
        return _carry_out(connection, statement, order)


def refusal(*, known: bool, full_up: bool) -> Problem:
    """Return why nothing was placed: no `known` product, a buyer who is `full_up`, or no units."""
    if not known:
        return Problem(Code.NOT_FOUND, "there is no such product")
    return _limit_reached() if full_up else Problem(Code.SOLD_OUT, "not enough units are left")


def _carry_out(
    connection: Connection[TupleRow], statement: LiteralString | bytes, order: dict[str, object]
) -> TupleRow:
    try:
        row = connection.execute(statement, order).fetchone()
    except CheckViolation as error:
        if error.diag.constraint_name == "purchase_counts_within_limit":
            raise _limit_reached() from None
        raise
    except ForeignKeyViolation:
        raise Problem(Code.UNAUTHORIZED, "the account does not exist any more") from None
    if row is None:
        raise LookupError("a SELECT without FROM returned no row")
    return row


def _limit_reached() -> Problem:
    return Problem(Code.LIMIT_REACHED, "the limit per buyer is reached")
