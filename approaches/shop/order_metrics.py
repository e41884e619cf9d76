"""What becomes of orders, counted where it happens: the same names and cost in every approach.

An order is counted as settled by whoever moved it to its end, and only then; a step that is done
again after a crash moves nothing and counts nothing. So a process that dies between its commit and
its count leaves an order uncounted: alarms can bear that, the audit reads the ledger.
"""

from approaches.shop.metrics import Counter, Histogram
from approaches.shop.orders import Status

# 15 s is the limit of an alarm, and so is a bound: the quantile is exact there.
_BOUNDS_S = (0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300)

ORDERS_ACCEPTED = Counter("shop_orders_accepted", "Orders that were accepted, and held stock")
_DURATION = Histogram(
    "shop_order_duration_seconds",
    "From the arrival of a purchase at the shop to the end of its order, by outcome",
    ["outcome"],
    buckets=_BOUNDS_S,
)
for _outcome in (Status.CONFIRMED, Status.DECLINED):  # a rate needs a zero to begin with
    _DURATION.labels(str(_outcome))
PURCHASES_ABANDONED = Counter(
    "shop_purchases_abandoned", "Purchases whose buyer hung up before they were begun"
)


def count_settled(outcome: Status | str, duration_s: float) -> None:
    """Count an order that has just been confirmed or declined."""
    _DURATION.labels(str(outcome)).observe(max(0.0, duration_s))
