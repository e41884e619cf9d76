"""Accepting a purchase: the key is claimed, the counters are taken, the task is sent."""

import time
from dataclasses import asdict

from approaches.celery.counters import Counters
from approaches.celery.records import Records
from approaches.celery.tasks import record
from approaches.shop.ids import new_order_id
from approaches.shop.order_ledger import Order
from approaches.shop.order_metrics import ORDERS_ACCEPTED
from approaches.shop.orders import Purchase, Status
from approaches.shop.problems import Code, Problem


class Checkout:
    """What the routes read and do, over PostgreSQL and Redis."""

    def __init__(self, records: Records, counters: Counters) -> None:
        self._records = records
        self._counters = counters
        self.find_product = records.find_product
        self.stock = counters.stock

    def check(self) -> None:
        """Ask both stores for anything."""
        self._records.check()
        self._counters.redis.ping()

    def find_order(self, order_id: str) -> Order:
        """Return an order: as recorded, else as it was accepted. Raise Problem(not_found)."""
        try:
            return self._records.find_order(order_id)
        except Problem:
            accepted = self._counters.remembered(order_id)
            if accepted is None:
                raise
            return accepted

    def buy(self, user_id: int, key: str, purchase: Purchase) -> tuple[Order, bool]:
        """Accept a purchase; return the order and whether this is a replay.

        Raise Problem(not_found | key_reused | in_progress | limit_reached | sold_out).
        """
        product, units = self.find_product(purchase.product_id), purchase.quantity
        bought = (product.product_id, units, key, product.price_cents * units)
        order = Order(new_order_id(), user_id, *bought, Status.ACCEPTED, 1, time.time(), None)
        claim = f"key:{user_id}:{key}"
        earlier = self._counters.claim(claim, order)
        if earlier is not None:
            return self._replayed(earlier), True
        try:
            self._counters.reserve(user_id, product, units)
        except Problem:
            self._counters.redis.delete(claim)
            raise
        # Whoever dies before the next line leaves a key that names no order, and a unit unsold.
        record.delay(asdict(order))
        self._counters.remember(order)
        ORDERS_ACCEPTED.inc()
        return order, False

    def _replayed(self, order_id: str) -> Order:
        try:
            return self.find_order(order_id)
        except Problem:
            raise Problem(Code.IN_PROGRESS, order_id=order_id) from None
