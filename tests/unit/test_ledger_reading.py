"""What a ledger yields is looked at before the load: its columns, their types, and what waits."""

from collections import namedtuple
from decimal import Decimal
from types import SimpleNamespace

import pandas as pd
import psycopg
import pytest
from psycopg.postgres import types

from harness.campaign import ledger_reading
from harness.campaign.ledger_reading import not_yielded
from harness.errors import UsageError
from harness.topology.ledger_mistakes import waiting
from harness.topology.ledger_sql import LedgerSql

Column = namedtuple("Column", "name type_code type_display")
SQL = LedgerSql("own.sql", {"orders": "o", "products": "p", "waiting": "w"})
ORDERS = {
    **dict.fromkeys(("product_id", "quantity"), "int4"),
    **{"order_id": "text", "amount_cents": "numeric", "status": "text", "key": "text"},
    **dict.fromkeys(("accepted_at", "settled_at"), "timestamptz"),
}
PRODUCTS = dict.fromkeys(("id", "price_cents", "initial_stock", "reserved", "sold"), "int8")


class Ledger:
    """A ledger whose relations have columns of these types, and in which something waits."""

    def __init__(self, orders=(), products=(), waits=None):
        self._types = {"orders": {**ORDERS, **dict(orders)}, "products": PRODUCTS | dict(products)}
        self._waits = waits

    def execute(self, query):
        if query == b"w":
            return SimpleNamespace(fetchone=self._waiting)
        of = self._types["orders" if b"AS orders" in query else "products"]
        columns = [Column(name, types[kind].oid, kind) for name, kind in of.items()]
        return SimpleNamespace(description=columns)

    def _waiting(self):
        if isinstance(self._waits, Exception):
            raise self._waits
        return self._waits


def test_what_is_not_yielded_is_named():
    found = not_yielded(Ledger(orders={"xmin": "xid"}), SQL)
    assert [one for one in found if "." in one] == ["orders.user_id", "orders.version"]
    assert "payments" in found


@pytest.mark.parametrize(
    ("ledger", "message"),
    [
        ({"orders": {"accepted_at": "int8"}}, r"orders.accepted_at is a int8, not a timestamptz"),
        ({"orders": {"settled_at": "timestamp"}}, r"orders.settled_at is a timestamp, not a"),
        ({"orders": {"amount_cents": "float8"}}, r"orders.amount_cents is a float8, not a whole"),
        ({"orders": {"product_id": "text"}}, r"orders.product_id is a text, not a whole number"),
        ({"products": {"sold": "float8"}}, r"products.sold is a float8, not a whole number"),
    ],
)
def test_a_column_of_a_type_that_would_be_misread_is_refused(ledger, message):
    with pytest.raises(UsageError, match=rf"^own\.sql: {message}"):
        not_yielded(Ledger(**ledger), SQL)


@pytest.mark.parametrize(
    ("row", "count"), [((3,), 3), ((None,), 0), (None, 0)], ids=["3", "a sum of none", "no row"]
)
def test_what_waits_is_counted(row, count):
    assert waiting(Ledger(waits=row), SQL) == count
    assert waiting(Ledger(waits=row), LedgerSql("own.sql", {})) == 0


@pytest.mark.parametrize("wrong", [psycopg.errors.UndefinedTable("no tasks"), ("many",)], ids=str)
def test_a_mistake_in_what_waits_is_named(wrong):
    with pytest.raises(UsageError, match=r"own\.sql: waiting: "):
        waiting(Ledger(waits=wrong), SQL)


@pytest.mark.parametrize("value", [Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"), None, "x"])
def test_a_number_that_is_not_whole_is_refused(value):
    with pytest.raises(UsageError, match="a sum is not a whole number in every row"):
        ledger_reading._whole(pd.Series([Decimal(1), value], dtype=object), "a sum")


def test_a_sum_may_be_numeric():
    found = ledger_reading._whole(pd.Series([Decimal(1), Decimal("20.00")], dtype=object), "a sum")
    assert found.tolist() == [1, 20]
