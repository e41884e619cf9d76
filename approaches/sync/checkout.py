"""Buying: reserve, charge, settle; and taking up what an earlier life of the process left behind.

Between the two transactions the ledger has the order as awaiting payment. A process that dies in
between, or does not learn how the payment ended, leaves an order that the reconciler finds: it asks
the gateway again under the same key, which executes the charge at most once, and settles the order.
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from approaches.shop.ids import new_order_id
from approaches.shop.order_ledger import Order
from approaches.shop.order_metrics import ORDERS_ACCEPTED
from approaches.shop.orders import Purchase
from approaches.shop.payments import Charge, ChargeResult
from approaches.shop.problems import Code, Problem
from approaches.shop.threaded_gateway import GatewayClient
from approaches.sync.sync_ledger import SyncLedger

RECONCILE_EVERY_S = 1.0

log = logging.getLogger(__name__)


class PaymentSlots:
    """Charges that may be in flight: one per thread of the server, the reconciler's included."""

    def __init__(self, gateway: GatewayClient, slots: int) -> None:
        self._gateway = gateway
        self._free = threading.BoundedSemaphore(slots)

    def charge(self, order_id: str, reference: str, amount_cents: int) -> ChargeResult:
        """Charge, and return the outcome as far as it is known."""
        with self._free:
            return self._gateway.charge(Charge(order_id, reference, amount_cents))

    @property
    def are_held_back(self) -> bool:
        """Return True while the gateway does not answer, so that charges wait for its return."""
        return self._gateway.breaker.is_open


class Checkout:
    """Takes orders to their outcome while the buyer waits."""

    def __init__(self, ledger: SyncLedger, payments: PaymentSlots) -> None:
        self._ledger = ledger
        self._payments = payments
        self._in_hand: set[str] = set()

    def buy(
        self, user_id: int, key: str, purchase: Purchase, *, waited_s: float = 0.0
    ) -> tuple[Order, bool]:
        """Buy, and return the order and whether this is a replay.

        `waited_s`, for a thread, is part of the order's duration.

        Raise Problem if nothing was bought, or if the key was used for another purchase.
        """
        order_id = new_order_id()
        with self._taking_in_hand(order_id):
            reserved = self._ledger.reserve(order_id, user_id, key, purchase)
            if isinstance(reserved, Order):
                if (reserved.product_id, reserved.quantity) != (
                    purchase.product_id,
                    purchase.quantity,
                ):
                    raise Problem(Code.KEY_REUSED, "the key belongs to another purchase")
                return reserved, True
            ORDERS_ACCEPTED.inc()
            result = self._payments.charge(order_id, key, reserved)
            return self._ledger.settle(order_id, result, waited_s=waited_s), False

    def is_in_hand(self, order_id: str) -> bool:
        """Return True if a request of this process is working on the order."""
        return order_id in self._in_hand

    def is_busy(self) -> bool:
        """Return True if a request of this process is working on any order."""
        return bool(self._in_hand)

    @contextmanager
    def _taking_in_hand(self, order_id: str) -> Iterator[None]:
        self._in_hand.add(order_id)
        try:
            yield
        finally:
            self._in_hand.discard(order_id)


class Reconciler:
    """Takes orders that nobody works on to their outcome."""

    def __init__(
        self, ledger: SyncLedger, payments: PaymentSlots, checkout: Checkout, slots: int
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._checkout = checkout
        self._slots = slots
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="reconcile")
        self._stopped = False

    def stop(self) -> None:
        """Begin nothing new; a charge in flight is left to the next life, which asks again."""
        self._stopped = True

    def reconcile(self) -> None:
        """Settle the orders that an earlier life of the process left, as far as they are known."""
        list(self._pool.map(self._reconcile, self._left_behind()))

    def _left_behind(self) -> list[Order]:
        """Return orders to take up; while the gateway does not answer, one, to notice its return.

        More would only keep the slots of buyers.
        """
        left = [
            order
            for order in self._ledger.open_orders(self._slots * 2)
            if not self._checkout.is_in_hand(order.order_id)
        ]
        return left[:1] if self._payments.are_held_back else left

    def _reconcile(self, order: Order) -> None:
        if self._stopped:
            return
        result = self._payments.charge(order.order_id, order.key, order.amount_cents)
        try:
            settled = self._ledger.settle(order.order_id, result)
        except Problem:
            return  # the ledger was emptied meanwhile
        log.warning("reconciled order %s: %s", order.order_id, settled.status)
