"""Known-bad histories for the audit: `DEFECTS` by name, each breaks a simulated run in one way."""

from tests.defects import answers, buyers, orders, payments, probes, stamps, stock
from tests.defects.breaking import DEFECTS, Defect
from tests.defects.orders import lost_half_way, undrained

__all__ = [
    "DEFECTS",
    "Defect",
    "answers",
    "buyers",
    "lost_half_way",
    "orders",
    "payments",
    "probes",
    "stamps",
    "stock",
    "undrained",
]
