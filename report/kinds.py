"""The kinds of figures over time: which columns of the per-second series each shows, and how."""

from dataclasses import dataclass
from typing import Final

PERCENTILES: Final = {
    "api_p50_ms": ("api", 0.50),
    "api_p95_ms": ("api", 0.95),
    "purchase_p50_ms": ("purchase", 0.50),
}
"""Columns that are percentiles: of which latencies (`analysis.series`), and the share."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One column of the per-second series, or a percentile of latencies, as a line."""

    column: str
    label: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class TimeKind:
    """A kind of figure over time: what is drawn for one approach, and what of all together."""

    id: str
    title: str
    lead: str
    unit: str
    alone: tuple[Curve, ...]
    together: tuple[Curve, ...]
    log: bool = False
    within_load: bool = False
    compared: str = "Compared"


LATENCY = TimeKind(
    "latency",
    "Latency over time",
    "How long the shop took to answer any request, on a logarithmic scale. A point of p95 stands "
    "for at least 200 requests, one of p50 for 20. A request without answer is longer than all "
    "others, and drawn at the time that was waited for it.",
    "API latency, ms (log)",
    (Curve("api_p95_ms", "p95"), Curve("api_p50_ms", "p50", dashed=True)),
    (Curve("api_p95_ms", "p95"), Curve("api_p50_ms", "p50", dashed=True)),
    log=True,
)
THROUGHPUT = TimeKind(
    "throughput",
    "Throughput over time",
    "Answered requests per second. Under a closed load a slower shop is asked less: "
    "confirmed orders say more.",
    "requests per second",
    (Curve("requests", "answered"), Curve("errors", "5xx or no answer", dashed=True)),
    (Curve("requests", "answered"),),
)
USERS = TimeKind(
    "users",
    "Users over time",
    "Planned and achieved buyers; the bands are the stages.",
    "active buyers",
    (Curve("active", "achieved"), Curve("planned", "planned", dashed=True)),
    (Curve("active", "achieved"), Curve("planned", "planned", dashed=True)),
    within_load=True,
)
BACKLOG = TimeKind(
    "backlog",
    "Backlog over time",
    "Orders that were accepted and have no outcome yet, and the entries in the streams.",
    "open orders and entries in the streams",
    (Curve("open_orders", "open orders"), Curve("queue_depth", "queue depth", dashed=True)),
    (Curve("open_orders", "open orders"), Curve("queue_depth", "queue depth", dashed=True)),
)
STOCK = TimeKind(
    "stock",
    "Stock left over time",
    "Units that nobody holds, by the ledger: a reservation takes one, a declined payment "
    "gives it back.",
    "units left for sale",
    (Curve("stock_left", "stock left"), Curve("confirmed", "confirmed", dashed=True)),
    (Curve("stock_left", "stock left"),),
)
CONFIRMED = TimeKind(
    "confirmed",
    "Confirmed orders over time",
    "Orders whose payment was approved, by the ledger.",
    "orders, by the ledger",
    (Curve("confirmed", "confirmed"),),
    (Curve("confirmed", "confirmed"),),
    compared="Confirmed orders over time",
)
PURCHASE = TimeKind(
    "purchase",
    "Purchase latency over time",
    "From sending the purchase to its acknowledgement: the outcome from a synchronous shop, the "
    "acceptance from a queue. A point stands for at least 20 purchases that were not refused. One "
    "without acknowledgement is longer than all others, and drawn at the time that was waited "
    "for it.",
    "median, ms (log)",
    (Curve("purchase_p50_ms", "median"),),
    (Curve("purchase_p50_ms", "median"),),
    log=True,
    compared="Purchase latency over time",
)
