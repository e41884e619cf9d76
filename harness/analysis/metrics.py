"""The metrics: every row of the comparison tables, in the order in which they are printed.

A metric is a quantity of a run and the statistic taken of it. Those with no `better` describe the
system or the load (a configured capacity, the draws of the payment gateway, a count that a faster
shop changes in either direction); they are compared, but nobody wins them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.analysis import latency, levels, orders, resources
from harness.analysis.estimates import Estimate, Quantity, Scale, estimate
from harness.analysis.outcomes import Better, Margin
from harness.analysis.run_facts import RunFacts

Measure = Callable[[RunFacts], Quantity]

LATENCY = "Latency and response time"
THROUGHPUT = "Throughput"
ORDERS = "Orders"
RELIABILITY = "Reliability"
RESOURCES = "Resource utilisation"
SCALABILITY = "Scalability and backlog"
MEASUREMENT = "The measurement itself"


DURATION: Final = Margin(0.15, 0.5)
MARGINS: Final = {
    "": Margin(0.05, 0.5),
    "%": Margin(0.05, 1.0),
    "req/s": Margin(0.05, 0.5),
    "orders/s": Margin(0.05, 0.1),
}
"""δ by unit: 5 % of counts, rates and shares (less than one; one percentage point), 15 % of times,
memory and CPU (half a unit), which vary more from run to run."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the tables: how it is measured, and how it is to be read."""

    id: str
    title: str
    unit: str
    better: Better
    group: str
    digits: int
    measure: Measure
    scale: Scale
    q: float | None = None

    @property
    def margin(self) -> Margin:
        """Return δ: the difference that does not matter."""
        if self.scale is Scale.EXACT:
            return Margin(0.0, 0.0)
        return MARGINS.get(self.unit, DURATION)

    @property
    def description(self) -> str:
        """Return what is measured, in a sentence or two."""
        lines = (self.measure.__doc__ or "").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())


def _statistics() -> Iterator[Metric]:
    """Yield the metrics that are several statistics of one quantity."""
    families: tuple[tuple[str, str, str, Better, str, int, Measure, tuple[str, ...]], ...] = (
        ("api_latency", "API latency (service time)", "ms", "lower", LATENCY, 0,
         latency.api_latency_ms, ("avg", "p50", "p95", "p99")),
        ("api_response", "API response time (from the intended start)", "ms", "lower", LATENCY, 0,
         latency.api_response_ms, ("p50", "p95", "p99")),
        ("purchase_latency", "Purchase latency (acknowledgement)", "ms", "lower", LATENCY, 0,
         latency.purchase_latency_ms, ("avg", "p50", "p95", "p99")),
        ("attempt_latency", "Purchase latency with all retries (acknowledgement)", "ms", "lower",
         LATENCY, 0, latency.attempt_latency_ms, ("p50", "p95")),
        ("purchase_latency_peak", "Purchase latency at peak (acknowledgement)", "ms", "lower",
         LATENCY, 0, latency.purchase_latency_peak_ms, ("p95",)),
        ("refusal_latency", "Refusal latency (sold out)", "ms", "lower", LATENCY, 0,
         latency.refusal_latency_ms, ("p95",)),
        ("order_time", "Total order time", "s", "lower", LATENCY, 2,
         latency.order_time_s, ("avg", "p50", "p95")),
        ("order_time_seen", "Total order time as the buyer saw it", "s", "lower", LATENCY, 2,
         latency.order_time_seen_s, ("p95",)),
        ("payment_processing", "Payment processing time", "ms", "lower", LATENCY, 0,
         latency.payment_processing_ms, ("avg", "p95")),
        ("payment_latency", "Payment latency drawn", "ms", None, LATENCY, 0,
         latency.payment_latency_ms, ("avg", "p95")),
        ("processing_delay", "Processing delay at peak", "s", "lower", LATENCY, 2,
         latency.processing_delay_s, ("avg", "p95")),
        ("generator_lateness", "Lateness of the load generator", "ms", None, MEASUREMENT, 1,
         latency.lateness_ms, ("avg", "p99")),
    )  # fmt: skip
    shares = {"avg": None, "p50": 0.50, "p95": 0.95, "p99": 0.99}
    for name, title, unit, better, group, digits, measure, statistics in families:
        for statistic in statistics:
            yield Metric(
                id=f"{name}_{statistic}_{unit}", title=f"{title}, {statistic}", unit=unit,
                better=better, group=group, digits=digits, measure=measure, scale=Scale.LOG,
                q=shares[statistic],
            )  # fmt: skip


def _values() -> Iterator[Metric]:
    """Yield the metrics that are one number per run."""
    log, plain, exact = Scale.LOG, Scale.PLAIN, Scale.EXACT
    rows: tuple[tuple[Measure, str, str, Better, str, int, Scale], ...] = (
        (orders.throughput_rps, "Throughput", "req/s", "higher", THROUGHPUT, 1, log),
        (orders.http_requests, "Requests", "", None, THROUGHPUT, 0, plain),
        (orders.peak_throughput_rps, "Peak throughput", "req/s", "higher", THROUGHPUT, 1, log),
        (orders.goodput_per_s, "Goodput", "orders/s", "higher", THROUGHPUT, 2, log),
        (orders.time_to_sold_out_s, "Time to sell out", "s", "lower", THROUGHPUT, 1, log),
        (orders.time_to_all_confirmed_s, "Time to confirm the last unit", "s", "lower",
         THROUGHPUT, 1, log),
        (orders.purchase_attempts, "Purchase attempts", "", None, ORDERS, 0, plain),
        (orders.purchase_requests, "Purchase requests", "", None, ORDERS, 0, plain),
        (orders.accepted_orders, "Accepted orders", "", "higher", ORDERS, 0, plain),
        (orders.confirmed_orders, "Confirmed orders", "", "higher", ORDERS, 0, plain),
        (orders.declined_orders, "Declined orders", "", None, ORDERS, 0, plain),
        (orders.open_orders, "Orders still open", "", "lower", ORDERS, 0, plain),
        (orders.success_rate_pct, "Success rate (of accepted)", "%", "higher", ORDERS, 1, plain),
        (orders.success_rate_settled_pct, "Success rate (of settled)", "%", None,
         ORDERS, 1, plain),
        (orders.stock_utilisation_pct, "Stock utilisation", "%", "higher", ORDERS, 1, plain),
        (orders.paid_and_never_told, "Confirmed orders whose buyer was never told", "", "lower",
         ORDERS, 0, plain),
        (orders.http_error_rate_pct, "HTTP error rate", "%", "lower", RELIABILITY, 2, plain),
        (orders.server_errors, "Server errors (5xx)", "", "lower", RELIABILITY, 0, plain),
        (orders.timeouts, "Timeouts", "", "lower", RELIABILITY, 0, plain),
        (orders.sold_out_answers, "Out of stock (409)", "", None, RELIABILITY, 0, plain),
        (orders.indeterminate_attempts, "Indeterminate attempts", "", "lower",
         RELIABILITY, 0, plain),
        (resources.cpu_pct, "CPU usage", "%", None, RESOURCES, 1, plain),
        (resources.cpu_cores, "CPU cores used", "cores", None, RESOURCES, 2, log),
        (resources.selling_cpu_s_per_order, "CPU time per confirmed order, while selling", "s",
         "lower", RESOURCES, 3, log),
        (resources.cpu_s_per_order, "CPU time per confirmed order, whole run", "s", None,
         RESOURCES, 3, log),
        (resources.cpu_ms_per_request, "CPU time per answered request", "ms", "lower",
         RESOURCES, 2, log),
        (resources.selling_memory_gb_s_per_order, "Memory time per confirmed order, while selling",
         "GB·s", "lower", RESOURCES, 3, log),
        (resources.memory_gb_s_per_order, "Memory time per confirmed order, whole run", "GB·s",
         None, RESOURCES, 3, log),
        (resources.memory_peak_mb, "Memory, peak", "MB", "lower", RESOURCES, 0, log),
        (resources.containers, "Containers", "", "lower", RESOURCES, 0, exact),
        (resources.payment_slots, "Payment capacity", "slots", "higher", SCALABILITY, 0, exact),
        (levels.users_at_first_failure, "Users at the first failed request", "", "higher",
         SCALABILITY, 0, log),
        (levels.users_at_purchase, "Users at a purchase, median", "", None, SCALABILITY, 0, log),
        (levels.users_at_sold_out, "Users when all was sold", "", None, SCALABILITY, 0, log),
        (resources.queue_depth_max, "Queue depth, most", "", "lower", SCALABILITY, 0, plain),
        (resources.queue_depth_avg, "Queue depth, average", "", "lower", SCALABILITY, 1, plain),
        (resources.open_orders_max, "Open orders, most", "", None, SCALABILITY, 0, plain),
        (resources.open_orders_avg, "Open orders, average", "", None, SCALABILITY, 1, plain),
        (resources.backlog_drain_s, "Backlog drain time", "s", "lower", SCALABILITY, 1, plain),
        (resources.generator_cpu_pct, "CPU of the load generator", "%", None,
         MEASUREMENT, 1, plain),
        (resources.other_cores, "CPU used by others", "cores", None, MEASUREMENT, 2, plain),
    )  # fmt: skip
    for measure, title, unit, better, group, digits, scale in rows:
        name = getattr(measure, "__name__")  # noqa: B009 - a Callable has no __name__ for mypy
        yield Metric(name, title, unit, better, group, digits, measure, scale)


_GROUPS = (LATENCY, THROUGHPUT, ORDERS, RELIABILITY, RESOURCES, SCALABILITY, MEASUREMENT)

METRICS: dict[str, Metric] = {
    metric.id: metric
    for metric in sorted([*_statistics(), *_values()], key=lambda m: _GROUPS.index(m.group))
}
"""All metrics by id, in the order of the tables."""


def estimate_all(runs: list[RunFacts], counts: list[bool]) -> dict[str, Estimate]:
    """Estimate every metric of one approach; `counts` says which of its runs count.

    A quantity is measured once, for all the metrics that are statistics of it, and not kept: of
    millions of requests each is large.
    """
    estimates = {}
    for measure, metrics in groupby(METRICS.values(), key=lambda metric: metric.measure):
        quantities = [measure(facts) for facts in runs]
        for metric in metrics:
            estimates[metric.id] = estimate(quantities, counts, metric.unit, metric.scale, metric.q)
    return estimates
