"""Times of a run: what a buyer waits for an answer, and what an order takes to its outcome.

Acknowledgement and outcome are different things (a synchronous shop answers with the outcome, a
queue with the acceptance), so each has its own metrics. The time of an outcome is the ledger's, not
the polling buyer's, whose view is shown apart. What never came is not dropped: a request without
answer, a purchase that was not acknowledged and an order that was not settled enter as longer than
all others (right-censored), so that nobody looks faster by answering fewer.
"""

import numpy as np
import pandas as pd

from harness.analysis.columns import (
    Flags,
    Floats,
    floats,
    integers,
    is_in,
    late_ms,
    response_ms,
    rows,
)
from harness.analysis.estimates import Missing, Quantity, Sample
from harness.analysis.metric import Group, Listing, statistics
from harness.analysis.run_facts import ACKNOWLEDGED, NANOSECONDS, TERMINAL, RunFacts

NO_CHARGES = "nobody could ask the payment gateway"
UNSETTLED = "were not settled when the run ended"
UNACKNOWLEDGED = "had no acknowledgement"
OPEN_ENDED = "indeterminate"
"""The outcome of a purchase with a 5xx or no answer: neither acknowledged nor refused."""


@statistics("API latency (service time)", "ms", of={"avg": {}, "p50": {}, "p95": {}, "p99": {}})
def api_latency_ms(facts: RunFacts) -> Quantity:
    """Answer times of all requests of the sale but event streams, in ms.

    A request without answer is longer than all others.
    """
    requests = facts.api_requests
    answered = requests["answered"].to_numpy(dtype=np.bool_)
    latency_ms = floats(requests, "latency_ms")
    return Sample(latency_ms[answered], latency_ms[~answered])


@statistics(
    "API response time (from the intended start)", "ms", of={"p50": {}, "p95": {}, "p99": {}},
)  # fmt: skip
def api_response_ms(facts: RunFacts) -> Quantity:
    """Time from the intended start to the answer, of all requests but event streams, in ms.

    A request without answer is longer than all others.
    """
    requests = facts.api_requests
    answered = requests["answered"].to_numpy(dtype=np.bool_)
    took_ms = response_ms(requests)
    return Sample(took_ms[answered], took_ms[~answered])


@statistics(
    "Purchase latency (acknowledgement)", "ms",
    of={
        "avg": {},
        "p50": {Listing.PRIMARY: 1, Listing.MAIN: 4},
        "p95": {
            Listing.KEY: 3, Listing.PRIMARY: 2, Listing.GATE: 2, Listing.MAIN: 5,
            Listing.DETECTABLE: 3, Listing.SWEEP: 5,
        },
        "p99": {Listing.MAIN: 6},
    },
)  # fmt: skip
def purchase_latency_ms(facts: RunFacts) -> Quantity:
    """Time from sending ``POST /orders`` to its acknowledgement (201, 202, 402), in ms.

    Each try by itself. One with a 5xx or no answer is longer than all others; refusals are apart.
    """
    return _sample_ms(*not_refused(facts))


def not_refused(facts: RunFacts) -> tuple[pd.DataFrame, Flags]:
    """Return the purchases that were not refused, and which of them were acknowledged."""
    buys = facts.purchases
    acknowledged = is_in(buys, "status", ACKNOWLEDGED)
    kept = acknowledged | is_in(buys, "outcome", [OPEN_ENDED])
    return buys[kept], acknowledged[kept]


def _sample_ms(buys: pd.DataFrame, acknowledged: Flags) -> Sample:
    latency_ms = floats(buys, "latency_ms")
    return Sample(latency_ms[acknowledged], latency_ms[~acknowledged], UNACKNOWLEDGED)


@statistics("Purchase latency with all retries (acknowledgement)", "ms", of={"p50": {}, "p95": {}})
def attempt_latency_ms(facts: RunFacts) -> Quantity:
    """Time from the first send of an attempt to its acknowledgement, over all its retries, in ms.

    An attempt that ended without acknowledgement or refusal is longer than all others.
    """
    buys, acknowledged = not_refused(facts)  # there may be millions of refusals
    acknowledged_ns = buys[acknowledged].groupby("key")["done_ns"].min()
    failed_ns = buys[~acknowledged].groupby("key")["done_ns"].max()
    attempts = facts.attempts
    open_ended = attempts.index[is_in(attempts, "outcome", [OPEN_ENDED])]
    given_up_ns = failed_ns[failed_ns.index.isin(open_ended.difference(acknowledged_ns.index))]

    def since_ms(done_ns: "pd.Series[int]") -> Floats:
        return (done_ns.to_numpy(dtype=np.float64) - facts.first_sent_ns(done_ns.index)) / 1e6

    return Sample(since_ms(acknowledged_ns), since_ms(given_up_ns), UNACKNOWLEDGED)


@statistics("Purchase latency at peak (acknowledgement)", "ms", of={"p95": {Listing.GATE: 1}})
def purchase_latency_peak_ms(facts: RunFacts) -> Quantity:
    """Time from sending ``POST /orders`` to its acknowledgement, of those sent at peak, in ms.

    Peak is the stage with most users, or of an open load with most arrivals per second.
    """
    begin_ns, end_ns = facts.peak.window_ns
    buys, acknowledged = not_refused(facts)
    sent_ns = integers(buys, "sent_ns")
    at_peak = (sent_ns >= begin_ns) & (sent_ns < end_ns)
    return _sample_ms(buys[at_peak], acknowledged[at_peak])


@statistics("Refusal latency (sold out)", "ms", of={"p95": {}})
def refusal_latency_ms(facts: RunFacts) -> Quantity:
    """Answer times of ``POST /orders`` that were refused as sold out (409), in ms."""
    buys = facts.purchases
    return Sample(floats(buys, "latency_ms")[is_in(buys, "outcome", ["sold_out"])])


@statistics(
    "Total order time", "s", digits=2,
    of={
        "avg": {},
        "p50": {Listing.MAIN: 7},
        "p95": {
            Listing.KEY: 2, Listing.PRIMARY: 3, Listing.GATE: 3, Listing.MAIN: 8,
            Listing.DETECTABLE: 2, Listing.SWEEP: 4,
        },
    },
)  # fmt: skip
def order_time_s(facts: RunFacts) -> Quantity:
    """Time from the first send of the attempt until the order is settled in the ledger, in s."""
    orders = facts.orders.dropna(subset=["first_sent_ns"])
    settled = orders["settled"].to_numpy(dtype=np.bool_)
    begun_s = floats(orders, "first_sent_ns") / NANOSECONDS
    settled_s = integers(orders, "settled_rel_ns") / NANOSECONDS
    open_s = np.maximum(facts.end_s - begun_s[~settled], 0.0)
    return Sample(settled_s[settled] - begun_s[settled], open_s, UNSETTLED)


@statistics("Total order time as the buyer saw it", "s", digits=2, of={"p95": {}})
def order_time_seen_s(facts: RunFacts) -> Quantity:
    """Time from the first send until the buyer saw the outcome of an order, in s.

    Counts attempts whose buyer was given an order; who left before the outcome is unfinished.
    """
    # A mask that is a Series would make pandas index all keys, too, to see that they are the same.
    attempts = rows(facts.attempts, (facts.attempts["order_id"] != "").to_numpy(dtype=np.bool_))
    first_seen_ns = facts.outcome_seen_ns.reindex(attempts["order_id"]).to_numpy(dtype=np.float64)
    seen = ~np.isnan(first_seen_ns)
    sent_ns = floats(attempts, "first_sent_ns")
    waited_ns = np.maximum(facts.end_s * NANOSECONDS - sent_ns[~seen], 0.0)
    seen_s = (first_seen_ns[seen] - sent_ns[seen]) / NANOSECONDS
    return Sample(seen_s, waited_ns / NANOSECONDS, "buyers did not learn the outcome")


@statistics("Payment processing time", "ms", of={"avg": {Listing.BACKLOG: 7}, "p95": {}})
def payment_processing_ms(facts: RunFacts) -> Quantity:
    """Time of an order from awaiting payment to its outcome, by the ledger's events, in ms."""
    if not facts.yields("order_events"):
        return Missing("the ledger yields no order_events")
    events = facts.run.order_events
    events = events[events["order_id"].isin(facts.orders["order_id"])]
    awaiting = events[is_in(events, "status", ["awaiting_payment"])]
    ended = events[is_in(events, "status", TERMINAL)]
    begun_ns = awaiting.groupby("order_id")["at_ns"].min()
    ended_ns = ended.groupby("order_id")["at_ns"].min().reindex(begun_ns.index)
    settled = ended_ns.notna().to_numpy(dtype=np.bool_)
    begun = begun_ns.to_numpy(dtype=np.int64) - facts.t0_wall_ns
    finished = ended_ns[settled].to_numpy(dtype=np.int64) - facts.t0_wall_ns
    open_ns = np.maximum(facts.end_s * NANOSECONDS - begun[~settled], 0.0)
    return Sample((finished - begun[settled]) / 1e6, open_ns / 1e6, UNSETTLED)


@statistics("Payment latency drawn", "ms", better=None, of={"avg": {Listing.BACKLOG: 8}, "p95": {}})
def payment_latency_ms(facts: RunFacts) -> Quantity:
    """Latency of the charges that the payment gateway executed, as it drew them, in ms."""
    if not facts.yields("charges"):
        return Missing(NO_CHARGES)
    return Sample(floats(facts.charges, "latency_ms"))


@statistics(
    "Processing delay at peak", "s", digits=2,
    of={"avg": {Listing.BACKLOG: 5}, "p95": {Listing.BACKLOG: 6}},
)  # fmt: skip
def processing_delay_s(facts: RunFacts) -> Quantity:
    """Time from acceptance to outcome less the payment's own latency, at peak, in s.

    Peak is the stage with most users, or of an open load with most arrivals per second; an order
    belongs to the stage in which it was accepted.
    """
    if not facts.yields("charges"):
        return Missing(NO_CHARGES)
    peak = facts.peak
    begin_ns, end_ns = peak.window_ns
    accepted_ns = integers(facts.orders, "accepted_rel_ns")
    orders = facts.orders[(accepted_ns >= begin_ns) & (accepted_ns < end_ns)]
    if orders.empty:
        return Missing(f"no order was accepted in the stage with most users ({peak.name})")
    paying_s = facts.charges.groupby("order_id")["latency_ms"].sum() / 1000
    settled = orders[orders["settled"].to_numpy(dtype=np.bool_)]
    took_s = _since_acceptance_s(settled) - paying_s.reindex(settled["order_id"]).fillna(
        0
    ).to_numpy(dtype=np.float64)
    still_open = orders[~orders["settled"].to_numpy(dtype=np.bool_)]
    waited_s = facts.end_s - integers(still_open, "accepted_rel_ns") / NANOSECONDS
    return Sample(took_s, np.maximum(waited_s, 0.0), UNSETTLED)


@statistics(
    "Lateness of the load generator", "ms", better=None, group=Group.MEASUREMENT, digits=1,
    of={"avg": {}, "p99": {}},
)  # fmt: skip
def generator_lateness_ms(facts: RunFacts) -> Quantity:
    """How long after its intended time the load generator sent each request, in ms."""
    return Sample(late_ms(facts.requests))


def _since_acceptance_s(orders: pd.DataFrame) -> Floats:
    took_ns = integers(orders, "settled_rel_ns") - integers(orders, "accepted_rel_ns")
    took_s: Floats = took_ns / NANOSECONDS
    return took_s
