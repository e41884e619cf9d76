"""The published figures that this project takes up, as data, with their own contradictions.

Source: "Backend of Thrones", analysis report, "Flash Sale Backend System - Performance Comparison".
They were measured by others with k6 on other hardware and other code; they are printed beside the
measured ones as what was claimed, never as a baseline.
"""

from dataclasses import dataclass
from typing import Final

SOURCE: Final = "Backend of Thrones, analysis report"


@dataclass(frozen=True, slots=True)
class Claim:
    """One published figure of both approaches, in the unit of the metric it is set beside."""

    metric: str
    section: str
    sync: float | None
    queue: float | None


CLAIMS: Final = (
    Claim("api_latency_avg_ms", "2.1", 1250, 82),
    Claim("api_latency_p95_ms", "2.1", 3400, 300),
    Claim("api_latency_p99_ms", "2.1", 8900, 890),
    Claim("purchase_latency_avg_ms", "2.2", None, 158),
    Claim("purchase_latency_p95_ms", "2.2", None, 563),
    Claim("order_time_p95_s", "2.1", 45.2, 10.2),
    Claim("payment_processing_avg_ms", "2.2", None, 6227),
    Claim("payment_processing_p95_ms", "2.2", None, 9434),
    Claim("throughput_rps", "2.1", 89, 177),
    Claim("accepted_orders", "2.1", 421, 1196),
    Claim("confirmed_orders", "2.1", 312, 999),
    Claim("success_rate_pct", "2.1", 74.1, 83.5),
    Claim("http_error_rate_pct", "2.1", 12.3, 0.8),
    Claim("server_errors", "2.1", 487, 0),
    Claim("timeouts", "2.1", 234, 2),
    Claim("sold_out_answers", "2.1", 18342, 46061),
    Claim("cpu_pct", "2.1", 34, 78),
    Claim("memory_peak_mb", "2.1", 420, 8200),
    Claim("containers", "2.1", 4, 13),
    Claim("payment_slots", "2.1", 1, 720),
)

CONTRADICTIONS: Final = (
    "Load: 89 req/s × 300 s are 26,700 requests, but the synchronous approach is said to have "
    "had 65,000 (1.2, 2.4); 177 req/s × 300 s are 53,100.",
    "Success rate of the queue: 83.5 % (2.1, 2.2), 89.6 % (3.5, 4.1, 5) and, before a repair, "
    "74 % (4.1), which is also the rate of the synchronous approach (2.1).",
    "Orders of the queue: 999 confirmed + 142 failed + 180 processing are 1,321, but 1,196 were "
    "accepted (2.2); of the accepted, 180 were never finished.",
    "Capacity: one payment of 2.5 s at a time (3.3) makes 120 payments in 300 s, but the "
    "synchronous approach is said to have confirmed 312.",
    "HTTP errors of the queue: 0.8 % (2.1) and 5.12 % (2.2); timeouts 2 and 0; answers 409 "
    "46,061 and 37,034; total order time p95 10.2 s and 9.66 s.",
    "Declined payments: 10 % are drawn (1.2), so about 90 % of accepted orders should be "
    "confirmed; 83.5 % were.",
    "Attempts: about 1,300 purchase attempts per test (1.2), but 65,000 and 54,742 in the "
    "funnel (2.4).",
    "Machine: 16 cores, of which 12 for Docker, and 8 cores (both 1.3); 100,000 concurrent users "
    "in the title, 300 in the load profile.",
    "Capacity before scaling: 2 payment containers are 200 slots (3.5), but 2 × 6 × 20 are 240.",
    "Latency: 93 % faster compares an answer that is the outcome with one that is an "
    "acceptance (2.1).",
    "Three runs were averaged (1.4), without interval, order or spread; no audit of stock or "
    "charges is described beyond the final stock counter.",
)
