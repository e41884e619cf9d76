"""The ledger and its outbox: an order is accepted together with the row that says what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

from psycopg import AsyncConnection

from approaches.shop.catalogue import Product
from approaches.shop.ids import new_order_id
from approaches.shop.order_ledger import Order, OrderLedger
from approaches.shop.order_metrics import ORDERS_ACCEPTED
from approaches.shop.orders import TERMINAL, Purchase
from approaches.shop.payments import Charge, ChargeResult
from approaches.shop.placing import place, refusal
from approaches.shop.problems import Code, Problem

ASK_AGAIN_S = 1.0
"""Between two questions about a charge whose outcome is unknown."""

_FOLDER = Path(__file__).parent
_ACCEPT = (_FOLDER / "accept.sql").read_bytes()
_TAKE = (_FOLDER / "take.sql").read_bytes()

_DONE = "DELETE FROM outbox WHERE order_id = %s"
_AGAIN = """
UPDATE outbox SET due_at = clock_timestamp() + make_interval(secs => %s) WHERE order_id = %s
"""


class Outbox(OrderLedger):
    """The ledger as this shop writes it."""

    def buy(self, user_id: int, key: str, purchase: Purchase) -> tuple[Order, bool]:
        """Accept a purchase; return the order and whether this is a replay.

        Raise Problem(not_found | sold_out | limit_reached | key_reused | unauthorized).
        """
        order_id = new_order_id()
        parameters = {
            "order": order_id,
            "user": user_id,
            "key": key,
            "product": purchase.product_id,
            "quantity": purchase.quantity,
        }
        with self._pool.connection() as connection:
            earlier, accepted, known, full_up = place(connection, _ACCEPT, parameters)
        if accepted:
            ORDERS_ACCEPTED.inc()
            return self.find_order(order_id), False
        if earlier is not None:
            return self._replayed(earlier, purchase), True
        raise refusal(known=known, full_up=full_up)

    def _replayed(self, order_id: str, purchase: Purchase) -> Order:
        order = self.find_order(order_id)
        if (order.product_id, order.quantity) != (purchase.product_id, purchase.quantity):
            raise Problem(Code.KEY_REUSED, "the key belongs to another purchase")
        return order

    @staticmethod
    def stock(product: Product) -> int:
        """Return how many units may still be bought."""
        return product.stock

    def take(self, most: int, lease_s: float) -> list[Charge]:
        """Take work that is due, at most so much, and return what is to be charged.

        It is due again, for anybody, in `lease_s` seconds.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(_TAKE, {"most": most, "lease_s": lease_s})
            return [Charge(*row) for row in rows]

    def finish(self, order_id: str, result: ChargeResult) -> None:
        """Record the outcome of a payment, once, and drop its row; an unknown one is due again."""
        order = self.settle(order_id, result)
        with self._pool.connection() as connection:
            if order.status in TERMINAL:
                connection.execute(_DONE, (order_id,))
            else:
                connection.execute(_AGAIN, (ASK_AGAIN_S, order_id))


async def order_changes(database_url: str) -> AsyncIterator[str]:
    """Yield the id of each order whose status changes, as PostgreSQL announces it."""
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("LISTEN order_changes")
        async for change in connection.notifies():
            yield change.payload
