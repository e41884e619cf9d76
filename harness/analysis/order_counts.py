"""What a run sold, refused and failed at: counts, shares and rates.

A correct refusal (409 sold out, 402 declined) is an answer, not an error. An attempt is one
idempotency key over all its retries; "purchase requests" counts the retries too.
"""

import numpy as np

from harness.analysis.columns import Flags, Integers, integers, is_in
from harness.analysis.estimates import Missing, Quantity, Ratio, Scalar, Scale
from harness.analysis.metric import Group, Listing, metric
from harness.analysis.run_facts import NANOSECONDS, RunFacts

PEAK_WINDOW_S = 5
NEVER_SOLD_OUT = "the stock never ran out"
NEVER_ALL_CONFIRMED = "not every unit was confirmed"


@metric(
    "Throughput", "req/s", better="higher", group=Group.THROUGHPUT, digits=1, scale=Scale.LOG,
    lists={Listing.MAIN: 11, Listing.SWEEP: 3},
)  # fmt: skip
def throughput_rps(facts: RunFacts) -> Quantity:
    """Answered requests per second of load."""
    return Ratio(float(len(answered_within_load_ns(facts))), facts.load_s)


@metric("Requests", group=Group.THROUGHPUT)
def http_requests(facts: RunFacts) -> Quantity:
    """Requests of the sale, answered or not."""
    return Scalar(float(len(facts.requests)))


@metric(
    "Peak throughput", "req/s", better="higher", group=Group.THROUGHPUT, digits=1,
    scale=Scale.LOG,
)  # fmt: skip
def peak_throughput_rps(facts: RunFacts) -> Quantity:
    """Answered requests per second in the busiest five seconds of the load."""
    seconds = max(int(facts.load_s), 1)
    per_second = np.bincount(answered_within_load_ns(facts) // NANOSECONDS, minlength=seconds)
    width = min(PEAK_WINDOW_S, seconds)
    return Scalar(float(np.convolve(per_second, np.ones(width), mode="valid").max() / width))


def answered_within_load_ns(facts: RunFacts) -> Integers:
    """Return when each answer arrived, in ns since t0, of those that arrived during the load."""
    requests = facts.requests
    done_ns = integers(requests, "done_ns")
    within = (done_ns >= 0) & (done_ns < facts.load_s * NANOSECONDS)
    answers_ns: Integers = done_ns[within & requests["answered"].to_numpy(dtype=np.bool_)]
    return answers_ns


@metric(
    "Goodput", "orders/s", better="higher", group=Group.THROUGHPUT, digits=2, scale=Scale.LOG,
    lists={Listing.MAIN: 10, Listing.SWEEP: 2},
)  # fmt: skip
def goodput_per_s(facts: RunFacts) -> Quantity:
    """Confirmed orders per second.

    If the stock ever ran out: up to the last confirmation, because after it there was
    nothing left to sell. Otherwise: those confirmed during the load, over the load.
    """
    confirmed_ns = integers(facts.confirmed, "settled_rel_ns")
    if sold_out_ns(facts) is not None and len(confirmed_ns):
        return Ratio(float(len(confirmed_ns)), float(confirmed_ns[-1]) / NANOSECONDS)
    within = confirmed_ns < facts.load_s * NANOSECONDS
    return Ratio(float(np.count_nonzero(within)), facts.load_s)


def sold_out_ns(facts: RunFacts) -> int | None:
    """Return the first instant (ns since t0) at which every unit was reserved or sold."""
    signs = facts.stock_moves["kind"].map({"reserve": 1, "release": -1, "sell": 0})
    changes = integers(facts.stock_moves, "quantity") * signs.fillna(0).to_numpy(dtype=np.int64)
    return _first_reached(facts, changes, integers(facts.stock_moves, "at_rel_ns"))


def _first_reached(
    facts: RunFacts,
    changes: Integers,
    at_ns: Integers,
) -> int | None:
    """Return when the running sum first reaches the stock; moves of one instant count together."""
    held = np.cumsum(changes)
    last_of_instant = np.append(at_ns[1:] != at_ns[:-1], True)[: len(at_ns)]
    reached = np.flatnonzero(last_of_instant & (held >= facts.initial_stock))
    return int(at_ns[reached[0]]) if len(reached) else None


@metric(
    "Time to sell out", "s", better="lower", group=Group.THROUGHPUT, digits=1, scale=Scale.LOG,
    lists={Listing.MAIN: 2},
)  # fmt: skip
def time_to_sold_out_s(facts: RunFacts) -> Quantity:
    """Time until every unit was reserved or sold, in s."""
    at_ns = sold_out_ns(facts)
    return Missing(NEVER_SOLD_OUT) if at_ns is None else Scalar(at_ns / NANOSECONDS)


@metric(
    "Time to confirm the last unit", "s", better="lower", group=Group.THROUGHPUT, digits=1,
    scale=Scale.LOG, lists={Listing.MAIN: 3},
)  # fmt: skip
def time_to_all_confirmed_s(facts: RunFacts) -> Quantity:
    """Time until the last unit was confirmed, in s."""
    units = integers(facts.confirmed, "quantity")
    at_ns = _first_reached(facts, units, integers(facts.confirmed, "settled_rel_ns"))
    return Missing(NEVER_ALL_CONFIRMED) if at_ns is None else Scalar(at_ns / NANOSECONDS)


@metric("Purchase attempts", group=Group.ORDERS)
def purchase_attempts(facts: RunFacts) -> Quantity:
    """Distinct idempotency keys that buyers sent."""
    return Scalar(float(len(facts.attempts)))


@metric("Purchase requests", group=Group.ORDERS)
def purchase_requests(facts: RunFacts) -> Quantity:
    """Requests to ``POST /orders``, retries included."""
    return Scalar(float(len(facts.purchases)))


@metric("Accepted orders", better="higher", group=Group.ORDERS)
def accepted_orders(facts: RunFacts) -> Quantity:
    """Orders in the ledger, and orders that buyers were told of (201, 202, 402) and it lacks."""
    return Scalar(float(facts.accepted))


@metric(
    "Confirmed orders", better="higher", group=Group.ORDERS,
    lists={
        Listing.KEY: 1, Listing.PRIMARY: 4, Listing.MAIN: 1, Listing.DETECTABLE: 1,
        Listing.SWEEP: 1,
    },
)  # fmt: skip
def confirmed_orders(facts: RunFacts) -> Quantity:
    """Confirmed orders in the ledger."""
    return Scalar(float(len(facts.confirmed)))


@metric("Declined orders", group=Group.ORDERS)
def declined_orders(facts: RunFacts) -> Quantity:
    """Orders whose payment was declined."""
    return Scalar(float(np.count_nonzero(is_in(facts.orders, "status", ["declined"]))))


@metric("Orders still open", better="lower", group=Group.ORDERS)
def open_orders(facts: RunFacts) -> Quantity:
    """Orders that had no outcome when the run ended."""
    return Scalar(float(len(facts.orders) - facts.orders["settled"].sum()))


@metric("Success rate (of accepted)", "%", better="higher", group=Group.ORDERS, digits=1)
def success_rate_pct(facts: RunFacts) -> Quantity:
    """Confirmed orders as a share of accepted orders, in %."""
    return Ratio(100.0 * len(facts.confirmed), float(facts.accepted))


@metric("Success rate (of settled)", "%", group=Group.ORDERS, digits=1)
def success_rate_settled_pct(facts: RunFacts) -> Quantity:
    """Confirmed orders as a share of settled orders, in %."""
    return Ratio(100.0 * len(facts.confirmed), float(facts.orders["settled"].sum()))


@metric("Stock utilisation", "%", better="higher", group=Group.ORDERS, digits=1)
def stock_utilisation_pct(facts: RunFacts) -> Quantity:
    """Confirmed units as a share of the initial stock, in %."""
    units = float(integers(facts.confirmed, "quantity").sum())
    return Ratio(100.0 * units, float(facts.initial_stock))


@metric("Confirmed orders whose outcome was never shown", better="lower", group=Group.ORDERS)
def confirmed_never_shown(facts: RunFacts) -> Quantity:
    """Confirmed orders whose outcome no answer and no event ever showed a buyer."""
    knows = facts.confirmed["order_id"].isin(facts.outcome_seen_ns.index)
    return Scalar(float(len(facts.confirmed) - knows.sum()))


@metric(
    "HTTP error rate", "%", better="lower", group=Group.RELIABILITY, digits=2,
    lists={Listing.KEY: 4, Listing.GATE: 5, Listing.MAIN: 9, Listing.SWEEP: 6},
)  # fmt: skip
def http_error_rate_pct(facts: RunFacts) -> Quantity:
    """Requests that got a 5xx answer or none, as a share of all requests, in %."""
    failed = errors(facts)
    return Ratio(100.0 * float(np.count_nonzero(failed)), float(len(failed)))


def errors(facts: RunFacts) -> Flags:
    """Return which requests of the sale got a 5xx answer or none."""
    status = integers(facts.requests, "status")
    failed: Flags = (status == 0) | (status >= 500)
    return failed


@metric("Server errors (5xx)", better="lower", group=Group.RELIABILITY)
def server_errors(facts: RunFacts) -> Quantity:
    """Answers with status 5xx."""
    return Scalar(float(np.count_nonzero(integers(facts.requests, "status") >= 500)))


@metric("Timeouts", better="lower", group=Group.RELIABILITY)
def timeouts(facts: RunFacts) -> Quantity:
    """Requests that got no answer within the buyer's patience, or the answer 408."""
    timed_out = is_in(facts.requests, "error", ["timeout"])
    return Scalar(float(np.count_nonzero(timed_out | is_in(facts.requests, "status", [408]))))


@metric("Out of stock (409)", group=Group.RELIABILITY)
def sold_out_answers(facts: RunFacts) -> Quantity:
    """Answers 409 that said sold out."""
    return Scalar(float(np.count_nonzero(is_in(facts.purchases, "outcome", ["sold_out"]))))


@metric("Indeterminate attempts", better="lower", group=Group.RELIABILITY)
def indeterminate_attempts(facts: RunFacts) -> Quantity:
    """Attempts after whose last retry the buyer still did not know whether it had bought."""
    unknown = is_in(facts.attempts, "outcome", ["indeterminate"])
    return Scalar(float(np.count_nonzero(unknown)))
