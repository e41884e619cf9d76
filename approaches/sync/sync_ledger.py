"""How an order of the synchronous shop comes into the ledger: in one statement."""

from approaches.shop.inventory_metrics import INVENTORY_SQL, OVERSOLD_SQL, Inventory
from approaches.shop.order_ledger import Order, OrderLedger
from approaches.shop.orders import Purchase
from approaches.shop.placing import place, refusal

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
), recorded AS (
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


class SyncLedger(OrderLedger):
    """The ledger as the synchronous shop writes it."""

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
            amount_cents, earlier, known, full_up = place(connection, _RESERVE, parameters)
            if amount_cents is not None:
                return int(amount_cents)
            if earlier is not None:
                return self.find_in(connection, earlier)
        raise refusal(known=known, full_up=full_up)

    def read_inventory(self) -> Inventory:
        """Count open orders and units, as of one instant."""
        with self._pool.connection() as connection:
            return Inventory.of_row(connection.execute(INVENTORY_SQL).fetchone())

    def count_oversold(self) -> int:
        """Count the units promised beyond the stock; this reads every order."""
        with self._pool.connection() as connection:
            row = connection.execute(OVERSOLD_SQL).fetchone()
        return 0 if row is None else int(row[0])
