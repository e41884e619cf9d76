"""Reads a ledger's relations, as `x-harness.ledger` says that its own tables yield them.

Only what was on sale is read: the warm-up sells another product. What belongs to no order at all is
kept, because the audit looks for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import pandas as pd
import psycopg
from psycopg.postgres import types
from psycopg.rows import class_row

from harness.errors import UsageError
from harness.runtimes import Deployment
from harness.scenario.sales import Sale
from harness.topology import RELATIONS, LedgerSql
from harness.topology.ledger_mistakes import blaming
from harness.topology.ledger_sql import Relation

_ORDERED_BY: Final = {
    "orders": "accepted_at, order_id",
    "order_events": "at, order_id, version",
    "payments": "at, order_id",
    "stock_moves": "at, order_id, kind",
}
"""The relations that are stored as tables, and the order of their rows."""

_IN_PLACE_OF_A_COLUMN: Final[Mapping[str, int | str]] = {"user_id": 0, "key": "", "version": 0}
_WHOLE: Final = ("product_id", "quantity", "amount_cents", "version", "seq")
_ALL_WHOLE: Final = (*_WHOLE, "price_cents", "initial_stock", "reserved", "sold")
_NUMBERS: Final = frozenset(types[one].oid for one in ("int2", "int4", "int8", "numeric"))
"""Types of a whole number; `numeric` is that of a sum, and its values are looked at."""
_TIME: Final = types["timestamptz"].oid

One = TypeVar("One")


def _is_time(column: str) -> bool:
    return column == "at" or column.endswith("_at")


def not_yielded(ledger: psycopg.Connection[Any], sql: LedgerSql) -> list[str]:
    """Return, as ``RELATION`` or ``RELATION.COLUMN``, what the ledger does not yield.

    Raises UsageError for a relation without a column that it must have, or with one of a type that
    would be misread.
    """
    found = list(sql.missing)
    for name, relation in RELATIONS.items():
        if name in sql:
            with blaming(sql, name):
                cursor = ledger.execute(sql.select("*", name, "LIMIT 0"))
            columns = _columns(cursor)
            absent = [column for column in relation.columns if column not in columns]
            if absent:
                raise UsageError(
                    f"{sql.file}: {name} yields no column {', '.join(absent)}",
                    f"it must yield {', '.join(relation.columns)}",
                )
            _check_types(cursor, f"{sql.file}: {name}", relation)
            found += [f"{name}.{one}" for one in relation.optional if one not in columns]
    return found


def ledger_frames(deployment: Deployment, sales: Sequence[Sale]) -> dict[str, pd.DataFrame]:
    """Read the ledger's tables of the sales, all as of one instant; times are epoch nanoseconds.

    A table that the ledger does not yield is empty, a column 0 or "": `not_yielded` names them.
    """
    sql = deployment.topology.ledger_sql
    with psycopg.connect(deployment.dsn(), connect_timeout=5) as ledger:
        ledger.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frames = {name: _frame(ledger, sql, name) for name in _ORDERED_BY}
    orders = frames.pop("orders")
    is_on_sale = orders["product_id"].isin([sale.product_id for sale in sales])
    elsewhere = orders.loc[~is_on_sale, "order_id"]
    return {
        "orders": orders[is_on_sale].reset_index(drop=True),
        **{
            name: frame[~frame["order_id"].isin(elsewhere)].reset_index(drop=True)
            for name, frame in frames.items()
        },
    }


def orders_of(deployment: Deployment, product_id: int) -> set[str]:
    """Return the ids of the orders of one product."""
    sql = deployment.topology.ledger_sql
    with (
        psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger,
        blaming(sql, "orders"),
    ):
        query = sql.select("order_id::text", "orders", among("product_id", [product_id]))
        return {order_id for (order_id,) in ledger.execute(query)}


def rows_of(
    kind: type[One],
    ledger: psycopg.Connection[Any],
    sql: LedgerSql,
    relation: str,
    rest: str,
    columns: Sequence[str] | None = None,
) -> list[One]:
    """Return rows of a relation as records, none if it is not yielded."""
    if relation not in sql:
        return []
    query = sql.select(", ".join(columns or RELATIONS[relation].columns), relation, rest)
    with blaming(sql, relation):
        return ledger.cursor(row_factory=class_row(kind)).execute(query).fetchall()


def among(column: str, products: Iterable[int]) -> str:
    """Return the condition that a column names one of some products."""
    return f"WHERE {column} IN ({', '.join(f'{product:d}' for product in products)})"


def _frame(ledger: psycopg.Connection[Any], sql: LedgerSql, name: str) -> pd.DataFrame:
    relation = RELATIONS[name]
    if name in sql:
        with blaming(sql, name):
            cursor = ledger.execute(sql.select("*", name, f"ORDER BY {_ORDERED_BY[name]}"))
            frame = pd.DataFrame(cursor.fetchall(), columns=_columns(cursor))
        frame = frame[[column for column in frame.columns if column in relation.known]]
    else:
        frame = pd.DataFrame(columns=[*relation.columns, *relation.optional])
    if not pd.api.types.is_string_dtype(frame["order_id"]):
        frame = frame.assign(order_id=frame["order_id"].map(str))
    for column in relation.optional:
        if column not in frame and column in _IN_PLACE_OF_A_COLUMN:
            frame[column] = _IN_PLACE_OF_A_COLUMN[column]
    for column in frame.columns.intersection(list(_WHOLE)):
        frame[column] = _whole(frame[column], f"{sql.file}: {name}.{column}")
    for column in frame.columns:
        if _is_time(column):
            frame[column] = _epoch_ns(frame[column])
    return frame.rename(columns=_stored_name)


def _check_types(cursor: psycopg.Cursor[Any], where: str, relation: Relation) -> None:
    """Raise UsageError for a column whose values would be taken for something else."""
    for column in cursor.description or ():
        if column.name not in relation.known:
            continue
        if _is_time(column.name) and column.type_code != _TIME:
            wanted = "a timestamptz"
        elif column.name in _ALL_WHOLE and column.type_code not in _NUMBERS:
            wanted = "a whole number, such as a bigint"
        else:
            continue
        found = column.type_display
        raise UsageError(f"{where}.{column.name} is a {found}, not {wanted}", "cast it there")


def _columns(cursor: psycopg.Cursor[Any]) -> list[str]:
    return [column.name for column in cursor.description or ()]


def _stored_name(column: str) -> str:
    """Return a column's name in the stored table: a time is counted in ns there."""
    if column == "at":
        return "at_ns"
    return f"{column.removesuffix('_at')}_ns" if column.endswith("_at") else column


def _whole(values: pd.Series, what: str) -> pd.Series:
    """Return values as whole numbers (UsageError: one of them is none)."""
    if pd.api.types.is_integer_dtype(values) or values.empty:
        return values
    wrong = UsageError(f"{what} is not a whole number in every row", "cast it there")
    try:
        whole = values.astype("int64")
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong from error
    if (whole != values).any():
        raise wrong
    return whole


def _epoch_ns(times: pd.Series) -> pd.Series:
    """Convert timestamps to nanoseconds since the epoch; a missing one is 0."""
    known = pd.to_datetime(times, utc=True).astype("datetime64[ns, UTC]")
    return known.astype("int64").where(known.notna(), 0)
