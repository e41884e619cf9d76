"""The sale as a whole, by the ledger, as metrics that one process refreshes.

What is open and what is left are counted every few seconds: the open orders have an index of their
own. That no more units are promised than there are can only be seen in the orders of all time, so
that count becomes rarer as the ledger grows (`OversoldCheck`).

A process that no longer refreshes them sets them to NaN; the time of the last refresh says how old
the others are.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from approaches.shop.metrics import Gauge
from approaches.shop.orders import Status

INVENTORY_EVERY_S = 5.0
_REST = 99
"""An oversold check rests so many times as long as it took: it takes 1 % of one process' time."""

INVENTORY_SQL = """
WITH open AS (
    SELECT count(*) FILTER (WHERE status = 'accepted') AS accepted,
           count(*) FILTER (WHERE status = 'awaiting_payment') AS awaiting_payment,
           count(*) FILTER (WHERE status = 'unknown') AS unknown,
           coalesce(extract(epoch FROM clock_timestamp() - min(accepted_at)), 0)::float8 AS oldest_s
    FROM orders WHERE status IN ('accepted', 'awaiting_payment', 'unknown')
), shelf AS (
    SELECT coalesce(sum(initial_stock - reserved - sold), 0)::int AS free,
           coalesce(sum(reserved), 0)::int AS held, coalesce(sum(sold), 0)::int AS sold
    FROM products
)
SELECT accepted, awaiting_payment, unknown, oldest_s, free, held, sold FROM open, shelf
"""

OVERSOLD_SQL = """
WITH promised AS (
    SELECT product_id, sum(quantity) AS units FROM orders
    WHERE status <> 'declined' GROUP BY product_id
)
SELECT coalesce(sum(greatest(0, units - initial_stock)), 0)::int
FROM promised JOIN products ON id = product_id
"""

# A process that died does not refresh its numbers: `live` drops them with it.
_OPEN = Gauge(
    "shop_open_orders",
    "Orders without an outcome, by status",
    ["status"],
    multiprocess_mode="livemostrecent",
)
_OLDEST = Gauge(
    "shop_oldest_open_order_age_seconds",
    "How long ago the oldest order without an outcome was accepted; 0 if there is none",
    multiprocess_mode="livemostrecent",
)
_UNITS = Gauge(
    "shop_stock_units",
    "Units of all products: free, held by open orders, sold",
    ["state"],
    multiprocess_mode="livemostrecent",
)
_OVERSOLD = Gauge(
    "shop_oversold_units",
    "Units promised or sold beyond the stock of their product: not 0 is an alarm",
    multiprocess_mode="livemostrecent",
)
_TAKEN_AT = Gauge(
    "shop_stocktaking_timestamp_seconds",
    "When the ledger was last asked for the numbers of this service",
    multiprocess_mode="livemostrecent",
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Open orders, and units of all products: what one row of INVENTORY_SQL says."""

    accepted: float
    awaiting_payment: float
    unknown: float
    oldest_s: float
    free: float
    held: float
    sold: float

    @classmethod
    def of_row(cls, row: Sequence[float] | None) -> "Inventory":
        """Return the answer to INVENTORY_SQL, which is always one row."""
        if row is None:
            raise LookupError("the inventory has no row")
        return cls(*row)


class OversoldCheck:
    """When the orders of all time are to be counted again, however long counting them takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s = -math.inf

    def is_due(self) -> bool:
        """Return True if the last count has rested for long enough."""
        return self._clock() >= self._due_s

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count within the block; one that fails rests as well."""
        began_s = self._clock()
        try:
            yield
        finally:
            now_s = self._clock()
            self._due_s = now_s + max(INVENTORY_EVERY_S, _REST * (now_s - began_s))


def publish(inventory: Inventory) -> None:
    """Let the next scrape see these numbers, taken now."""
    _show(inventory)
    _TAKEN_AT.set_to_current_time()


def publish_oversold(units: float) -> None:
    """Let the next scrape see how many units are promised beyond the stock."""
    _OVERSOLD.set(units)


def clear() -> None:
    """Publish no numbers any more: this process does not refresh them."""
    _show(Inventory(*[math.nan] * 7))
    publish_oversold(math.nan)
    _TAKEN_AT.set(math.nan)


def _show(inventory: Inventory) -> None:
    _OPEN.labels(str(Status.ACCEPTED)).set(inventory.accepted)
    _OPEN.labels(str(Status.AWAITING_PAYMENT)).set(inventory.awaiting_payment)
    _OPEN.labels(str(Status.UNKNOWN)).set(inventory.unknown)
    _OLDEST.set(inventory.oldest_s)
    _UNITS.labels("free").set(inventory.free)
    _UNITS.labels("held").set(inventory.held)
    _UNITS.labels("sold").set(inventory.sold)
