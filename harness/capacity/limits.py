"""The limits that a level must keep, and what a run measured of them.

The purchase latency counts from the moment at which a buyer meant to buy, so a generator that sends
late hides nothing (coordinated omission), until the acknowledgement, over all retries. A purchase
that was never acknowledged is longer than all others. The latency is that of the busiest stage:
what comes before it is the way there.

How long the backlog takes after the load is a limit, because an acceptance costs less than an
order: a shop that accepts more than it works off looks fast for as long as the load is short. With
a load of T seconds and a limit of D, a rate passes if it is at most 1 + D/T times what is worked
off.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.columns import Floats, integers, is_in
from harness.analysis.estimates import nearest_rank
from harness.analysis.order_counts import errors
from harness.analysis.run_facts import ACKNOWLEDGED, NANOSECONDS, RunFacts

PERCENTILE = 0.95
FEWEST_PURCHASES = 20
"""Fewer have no value of which one in twenty is beyond."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run must keep: each value is the most that is allowed."""

    purchase_p95_ms: float = 200.0
    error_pct: float = 0.1
    drain_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run measured of its limits.

    `purchase_p95_ms` is null if more than one in twenty purchases was not acknowledged, or there
    were too few of them. Errors are requests that got a 5xx answer or none, and purchases that were
    turned away, in % of all requests. `drain_s` is how long after the load the last order was
    settled, null if `unsettled` orders were open at the end.
    """

    purchases: int
    purchase_p95_ms: float | None
    error_pct: float
    drain_s: float | None
    unsettled: int


def measure(facts: RunFacts) -> Measured:
    """Return what a run measured of its limits."""
    requests = facts.requests
    refused = is_in(requests, "endpoint", ["buy"]) & ~is_in(requests, "status", ACKNOWLEDGED)
    failed = errors(facts) | refused
    took_ms = _took_ms(facts)
    settled = facts.orders["settled"].to_numpy(dtype=np.bool_)
    last_ns = integers(facts.orders, "settled_rel_ns")[settled].max(initial=0)
    is_whole = bool(settled.all())
    return Measured(
        purchases=len(took_ms),
        purchase_p95_ms=_p95_ms(took_ms),
        error_pct=100.0 * float(np.count_nonzero(failed)) / max(len(requests), 1),
        drain_s=max(0.0, float(last_ns) / NANOSECONDS - facts.load_s) if is_whole else None,
        unsettled=int(np.count_nonzero(~settled)),
    )


def broken(limits: Limits, measured: Measured) -> Iterator[str]:
    """Yield in words which limits a run did not keep."""
    latency_ms, drain_s = measured.purchase_p95_ms, measured.drain_s
    if measured.purchases < FEWEST_PURCHASES:
        yield f"only {measured.purchases} purchases were sent: too few for a p95"
    elif latency_ms is None:
        yield "more than 5 % of the purchases were not acknowledged"
    elif latency_ms > limits.purchase_p95_ms:
        yield f"purchase p95 {latency_ms:,.0f} ms, limit {limits.purchase_p95_ms:g} ms"
    if measured.error_pct > limits.error_pct:
        yield f"errors {measured.error_pct:.3g} %, limit {limits.error_pct:g} %"
    if drain_s is None:
        yield f"{measured.unsettled:,} orders were not settled when the drain ended"
    elif drain_s > limits.drain_s:
        yield f"the backlog took {drain_s:.1f} s after the load, limit {limits.drain_s:g} s"


def _took_ms(facts: RunFacts) -> Floats:
    """Return how long each purchase of the busiest stage took, in ms; infinity: for ever."""
    buys = facts.purchases_with("key", "intended_ns", "done_ns", "status")
    begun_ns = buys.groupby("key", sort=False)["intended_ns"].min()
    acknowledged = buys[is_in(buys, "status", ACKNOWLEDGED)]
    done_ns = acknowledged.groupby("key", sort=False)["done_ns"].min().reindex(begun_ns.index)
    begin_ns, end_ns = facts.peak.window_ns
    at_peak = (begun_ns >= begin_ns) & (begun_ns < end_ns)
    took_ms: Floats = ((done_ns - begun_ns) / 1e6).fillna(np.inf)[at_peak].to_numpy(np.float64)
    return took_ms


def _p95_ms(took_ms: Floats) -> float | None:
    if len(took_ms) < FEWEST_PURCHASES:
        return None
    value = nearest_rank(took_ms, PERCENTILE)
    return value if np.isfinite(value) else None
