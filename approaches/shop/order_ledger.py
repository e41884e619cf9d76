"""Orders in the ledger, read and settled, for an approach that answers from the ledger.

How an order comes into the ledger is each approach's own business.

Times of events are taken with clock_timestamp() after the product's row is locked. now() is the
start of the transaction, which may lie before the release that made room for it: the history would
look oversold at moments when it was not.
"""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from approaches.shop.catalogue import PRODUCT_SQL, Product
from approaches.shop.order_metrics import count_settled
from approaches.shop.orders import TERMINAL, Status, order_view
from approaches.shop.payments import ChargeResult, Outcome
from approaches.shop.pools import SyncPool
from approaches.shop.problems import Code, Problem

ORDER_COLUMNS = """
    id::text, user_id, product_id, quantity, idempotency_key, amount_cents, status, version,
    extract(epoch FROM accepted_at)::float8, extract(epoch FROM settled_at)::float8
"""

_FIND_ORDER = f"SELECT {ORDER_COLUMNS} FROM orders WHERE id = %s"  # noqa: S608
_OPEN_ORDERS = f"""
    SELECT {ORDER_COLUMNS} FROM orders
    WHERE status IN ('accepted', 'awaiting_payment', 'unknown') ORDER BY accepted_at LIMIT %s
"""  # noqa: S608

# One statement, and so one transaction: whoever comes second waits for the order's row, finds it
# settled, and changes nothing. The time is taken with the product's row locked.
_SETTLE = f"""
WITH due AS (
    SELECT id AS order_id, product_id AS product, user_id AS buyer, quantity AS units,
           amount_cents AS amount
    FROM orders
    WHERE id = %(order)s AND status IN ('awaiting_payment', 'unknown') FOR UPDATE
), stock AS (
    UPDATE products
    SET reserved = reserved - units, sold = sold + CASE WHEN %(is_sold)s THEN units ELSE 0 END
    FROM due WHERE products.id = product
    RETURNING clock_timestamp() AS at
), settled AS (
    UPDATE orders SET status = %(status)s, version = version + 1, settled_at = at
    FROM due, stock WHERE orders.id = order_id
    RETURNING {ORDER_COLUMNS}
), recorded AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT order_id, settled.version, settled.status, at FROM due, stock, settled
), moved AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at, relayed_at)
    SELECT order_id, %(kind)s, units, at, at FROM due, stock
), paid AS (
    INSERT INTO payments (order_id, charge_id, outcome, amount_cents, at)
    SELECT order_id, %(charge)s, %(outcome)s, amount, at FROM due, stock
), uncounted AS (
    UPDATE purchase_counts SET held = held - units
    FROM due, stock WHERE NOT %(is_sold)s AND product_id = product AND user_id = buyer
)
SELECT * FROM settled
"""  # noqa: S608

_MARK_UNKNOWN = f"""
WITH marked AS (
    UPDATE orders SET status = 'unknown', version = version + 1
    WHERE id = %(order)s AND status = 'awaiting_payment'
    RETURNING {ORDER_COLUMNS}
), recorded AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT %(order)s, version, status, clock_timestamp() FROM marked
)
SELECT * FROM marked
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Order:
    """One row of `orders`, its columns in the order of ORDER_COLUMNS; times in epoch seconds."""

    order_id: str
    user_id: int
    product_id: int
    quantity: int
    key: str
    amount_cents: int
    status: Status
    version: int
    accepted_at_s: float
    settled_at_s: float | None

    @classmethod
    def of_row(cls, row: TupleRow) -> "Order":
        """Return the order in a row of ORDER_COLUMNS."""
        before, status, after = row[:6], Status(row[6]), row[7:]
        return cls(*before, status, *after)  # type: ignore[call-arg]

    def view(self) -> dict[str, object]:
        """Return the JSON view of the order."""
        return self.view_at(self.version, self.status)

    def view_at(self, version: int, status: Status) -> dict[str, object]:
        """Return the JSON view of the order as it was at a version, whose status was this."""
        return order_view(
            order_id=self.order_id,
            status=status,
            version=version,
            product_id=self.product_id,
            quantity=self.quantity,
            amount_cents=self.amount_cents,
            accepted_at_s=self.accepted_at_s,
            settled_at_s=self.settled_at_s if status in TERMINAL else None,
        )


class OrderLedger:
    """Orders in the ledger.

    Each call takes a connection for as long as it runs.
    """

    def __init__(self, pool: SyncPool) -> None:
        self._pool = pool

    def find_product(self, product_id: int) -> Product:
        """Return a product; raise Problem(not_found)."""
        with self._pool.connection() as connection:
            row = connection.execute(PRODUCT_SQL, (product_id,)).fetchone()
        if row is None:
            raise Problem(Code.NOT_FOUND, "there is no such product")
        return Product(*row)

    def find_order(self, order_id: str) -> Order:
        """Return an order; raise Problem(not_found)."""
        with self._pool.connection() as connection:
            return self.find_in(connection, order_id)

    def open_orders(self, limit: int) -> list[Order]:
        """Return at most `limit` orders without an outcome, oldest first."""
        with self._pool.connection() as connection:
            return [Order.of_row(row) for row in connection.execute(_OPEN_ORDERS, (limit,))]

    def settle(self, order_id: str, result: ChargeResult, *, waited_s: float = 0.0) -> Order:
        """Record the outcome of the payment, once, and return the order as it now is.

        An unknown outcome leaves the stock held. Raise Problem(not_found) if the order is gone.
        What ends thereby is counted, with what it had waited before it was accepted.
        """
        unknown = result.outcome is Outcome.UNKNOWN
        with self._pool.connection() as connection:
            row = connection.execute(
                _MARK_UNKNOWN if unknown else _SETTLE, _settlement(order_id, result)
            ).fetchone()
            if row is None:  # somebody was faster, or it is gone
                return self.find_in(connection, order_id)
        settled = Order.of_row(row)
        if settled.settled_at_s is not None:
            count_settled(settled.status, waited_s + settled.settled_at_s - settled.accepted_at_s)
        return settled

    def check(self) -> None:
        """Ask the database for anything; raise one of STORE_ERRORS if it does not answer."""
        with self._pool.connection(timeout=1.0) as connection:
            connection.execute("SELECT FROM products LIMIT 1")

    @staticmethod
    def find_in(connection: Connection[TupleRow], order_id: str) -> Order:
        """Return an order as this connection sees it; raise Problem(not_found)."""
        row = connection.execute(_FIND_ORDER, (order_id,)).fetchone()
        if row is None:
            raise Problem(Code.NOT_FOUND, "there is no such order")
        return Order.of_row(row)


def _settlement(order_id: str, result: ChargeResult) -> dict[str, object]:
    approved = result.outcome is Outcome.APPROVED
    return {
        "order": order_id,
        "is_sold": approved,
        "status": Status.CONFIRMED if approved else Status.DECLINED,
        "kind": "sell" if approved else "release",
        "charge": result.charge_id,
        "outcome": result.outcome,
    }
