"""The ledger of the synchronous shop: reserve in one statement, settle in another.

Times of events are taken with clock_timestamp() after the product's row is locked. now() is the
start of the transaction, which may lie before the release that made room for it: the history would
look oversold at moments when it was not.
"""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow

from approaches.shop.catalogue import PRODUCT_SQL, Product
from approaches.shop.database import SyncPool
from approaches.shop.order_metrics import count_settled
from approaches.shop.orders import Purchase, Status
from approaches.shop.payments import ChargeResult, Outcome
from approaches.shop.problems import Code, Problem
from approaches.shop.stocktaking import STOCKTAKING_SQL, Stock

_ORDER_COLUMNS = """
    id::text, user_id, product_id, quantity, idempotency_key, amount_cents, status, version,
    extract(epoch FROM accepted_at)::float8, extract(epoch FROM settled_at)::float8
"""

# Either everything here happens or nothing: the conditional update decides about the stock, the
# constraints about a key used twice at once and about the limit per buyer, and they undo the whole
# statement.
_RESERVE = """
WITH previous AS (
    SELECT id FROM orders WHERE user_id = %(user)s AND idempotency_key = %(key)s
), full_up AS (
    SELECT FROM products p
    LEFT JOIN purchase_counts c ON c.product_id = p.id AND c.user_id = %(user)s
    WHERE p.id = %(product)s AND coalesce(c.held, 0) + %(quantity)s > p.per_user_limit
), offered AS (
    UPDATE products SET reserved = reserved + %(quantity)s
    WHERE id = %(product)s AND reserved + sold + %(quantity)s <= initial_stock
      AND NOT EXISTS (SELECT FROM previous) AND NOT EXISTS (SELECT FROM full_up)
    RETURNING price_cents * %(quantity)s AS amount_cents, per_user_limit, clock_timestamp() AS at
), counted AS (
    INSERT INTO purchase_counts (product_id, user_id, held, ceiling)
    SELECT %(product)s, %(user)s, %(quantity)s, per_user_limit FROM offered
    WHERE per_user_limit IS NOT NULL
    ON CONFLICT (product_id, user_id) DO UPDATE
    SET held = purchase_counts.held + excluded.held, ceiling = excluded.ceiling
), placed AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    SELECT %(order)s, %(user)s, %(product)s, %(quantity)s, %(key)s, amount_cents,
           'awaiting_payment', 2, at
    FROM offered
), told AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT %(order)s, step.version, step.status, at
    FROM offered, (VALUES (1, 'accepted'), (2, 'awaiting_payment')) AS step (version, status)
), moved AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at, relayed_at)
    SELECT %(order)s, 'reserve', %(quantity)s, at, at FROM offered
)
SELECT (SELECT amount_cents FROM offered), (SELECT id::text FROM previous),
       EXISTS (SELECT FROM products WHERE id = %(product)s), EXISTS (SELECT FROM full_up)
"""

_FIND_ORDER = f"SELECT {_ORDER_COLUMNS} FROM orders WHERE id = %s"  # noqa: S608
_OPEN_ORDERS = f"""
    SELECT {_ORDER_COLUMNS} FROM orders
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
    RETURNING {_ORDER_COLUMNS}
), told AS (
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
    RETURNING {_ORDER_COLUMNS}
), told AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT %(order)s, version, status, clock_timestamp() FROM marked
)
SELECT * FROM marked
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Order:
    """One row of `orders`; times in epoch seconds."""

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
        """Return the order in a row of _ORDER_COLUMNS."""
        before, status, after = row[:6], Status(row[6]), row[7:]
        return cls(*before, status, *after)  # type: ignore[call-arg]


class Ledger:
    """What the synchronous shop writes down.

    Each call takes a connection for as long as it runs.
    """

    def __init__(self, pool: SyncPool) -> None:
        self._pool = pool

    def reserve(self, order_id: str, user_id: int, key: str, purchase: Purchase) -> int | Order:
        """Reserve for a new order and return its amount in cents, or the key's earlier order.

        Raise Problem(not_found | sold_out | limit_reached | unauthorized); nothing is reserved
        then.
        """
        parameters = {
            "order": order_id,
            "user": user_id,
            "key": key,
            "product": purchase.product_id,
            "quantity": purchase.quantity,
        }
        with self._pool.connection() as connection:
            try:
                row = self._reserve(connection, parameters)
            except UniqueViolation:
                # Lost a race against the same key; by now the winner's order is committed and
                # found.
                row = self._reserve(connection, parameters)
            amount_cents, earlier, known, full_up = row
            if amount_cents is not None:
                return int(amount_cents)
            if earlier is not None:
                return self._find(connection, earlier)
        if not known:
            raise Problem(Code.NOT_FOUND, "there is no such product")
        if full_up:
            raise _limit_reached()
        raise Problem(Code.SOLD_OUT, "not enough units are left")

    @staticmethod
    def _reserve(connection: Connection[TupleRow], parameters: dict[str, object]) -> TupleRow:
        try:
            row = connection.execute(_RESERVE, parameters).fetchone()
        except CheckViolation as error:
            if error.diag.constraint_name == "purchase_counts_within_limit":
                raise _limit_reached() from None
            raise
        except ForeignKeyViolation:
            raise Problem(Code.UNAUTHORIZED, "the account does not exist any more") from None
        if row is None:
            raise LookupError("a SELECT without FROM returned no row")
        return row

    @staticmethod
    def _find(connection: Connection[TupleRow], order_id: str) -> Order:
        row = connection.execute(_FIND_ORDER, (order_id,)).fetchone()
        if row is None:
            raise Problem(Code.NOT_FOUND, "there is no such order")
        return Order.of_row(row)

    def settle(self, order_id: str, result: ChargeResult, *, waited_s: float = 0.0) -> Order:
        """Write the outcome of the payment down, once, and return the order as it now is.

        An unknown outcome leaves the stock held. Raise Problem(not_found) if the order is gone.
        What ends thereby is counted, with what it had waited before it was accepted.
        """
        unknown = result.outcome is Outcome.UNKNOWN
        with self._pool.connection() as connection:
            row = connection.execute(
                _MARK_UNKNOWN if unknown else _SETTLE, _settlement(order_id, result)
            ).fetchone()
            if row is None:  # somebody was faster, or it is gone
                return self._find(connection, order_id)
        settled = Order.of_row(row)
        if settled.settled_at_s is not None:
            count_settled(settled.status, waited_s + settled.settled_at_s - settled.accepted_at_s)
        return settled

    def find_order(self, order_id: str) -> Order:
        """Return an order; raise Problem(not_found)."""
        with self._pool.connection() as connection:
            return self._find(connection, order_id)

    def open_orders(self, limit: int) -> list[Order]:
        """Return at most `limit` orders without an outcome, oldest first."""
        with self._pool.connection() as connection:
            return [Order.of_row(row) for row in connection.execute(_OPEN_ORDERS, (limit,))]

    def find_product(self, product_id: int) -> Product:
        """Return a product; raise Problem(not_found)."""
        with self._pool.connection() as connection:
            row = connection.execute(PRODUCT_SQL, (product_id,)).fetchone()
        if row is None:
            raise Problem(Code.NOT_FOUND, "there is no such product")
        return Product(*row)

    def take_stock(self) -> Stock:
        """Count open orders and units, as of one instant."""
        with self._pool.connection() as connection:
            return Stock.of_row(connection.execute(STOCKTAKING_SQL).fetchone())

    def check(self) -> None:
        """Ask the database for anything; raise one of STORE_ERRORS if it does not answer."""
        with self._pool.connection(timeout=1.0) as connection:
            connection.execute("SELECT FROM products LIMIT 1")


def _limit_reached() -> Problem:
    return Problem(Code.LIMIT_REACHED, "the limit per buyer is reached")


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
