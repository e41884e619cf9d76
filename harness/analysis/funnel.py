"""Where attempts to buy end: the way of an order, step by step, and the load stage by stage.

The steps of the funnel are read from different stores (the client's ledger, the order events, the
payment gateway's log), so that a step that loses orders shows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.analysis.columns import floats, integers, is_in
from harness.analysis.estimates import PERCENTILES, Sample, merge, percentile, t_interval
from harness.analysis.order_counts import errors
from harness.analysis.run_facts import RunFacts, overlap_s

STEPS = (
    ("attempts", "Purchase attempts", "distinct idempotency keys that buyers sent"),
    ("accepted", "Accepted", "orders that the ledger has or that buyers were told of"),
    ("queued", "Recorded", "orders with the event accepted"),
    ("processing", "Processing started", "orders with the event awaiting_payment"),
    ("charged", "Payment attempted", "orders for which the payment gateway executed a charge"),
    ("confirmed", "Confirmed", "orders confirmed in the ledger"),
)
EXITS = ("sold_out", "limited", "rejected", "indeterminate")
"""Final answers with which an attempt may end that has no order in the ledger."""


def funnel(runs: Sequence[RunFacts]) -> list[dict[str, Any]]:
    """Return the steps from attempt to confirmation, as means over the runs of a variant.

    `share_of_attempts` and `share_of_previous` are in %, null if there is nothing to divide by.
    `low` and `high` bound the mean, `share_low` and `share_high` the share of attempts, with 95 %
    confidence; they are null with one run.
    `left` says how those that did not come as far as the next step ended. A step that nobody could
    count is left out.
    """
    counted = [_steps_of(facts) for facts in runs]
    left = _exits(runs)
    uncounted = set() if all(facts.yields("charges") for facts in runs) else {"charged"}
    rows: list[dict[str, Any]] = []
    for name, title, meaning in (step for step in STEPS if step[0] not in uncounted):
        per_run = [steps[name] for steps in counted]
        total = sum(per_run)
        attempts = sum(steps["attempts"] for steps in counted)
        previous = sum(rows[-1]["per_run"]) if rows else attempts
        low, high = _interval([float(count) for count in per_run])
        shares = [100 * s[name] / s["attempts"] for s in counted if s["attempts"]]
        share_low, share_high = _interval(shares)
        rows.append(
            {
                "step": name,
                "title": title,
                "meaning": meaning,
                "mean": total / len(runs),
                "low": low,
                "high": high,
                "per_run": per_run,
                "share_of_attempts": 100 * total / attempts if attempts else None,
                "share_low": share_low,
                "share_high": share_high,
                "share_of_previous": 100 * total / previous if previous else None,
                "left": left.get(name, {}),
            }
        )
    return rows


def _interval(per_run: Sequence[float]) -> tuple[float | None, float | None]:
    if len(per_run) < 2:
        return None, None
    low, high = t_interval(per_run)
    return max(low, 0.0), high


def _steps_of(facts: RunFacts) -> dict[str, int]:
    """Return how many orders came how far; without a history, charged ones were in processing."""
    orders, events = facts.orders, facts.run.order_events
    events = events[events["order_id"].isin(orders["order_id"])]
    has_history = facts.yields("order_events")
    queued = events[is_in(events, "status", ["accepted"])] if has_history else orders
    processing = (
        events[is_in(events, "status", ["awaiting_payment"])] if has_history else facts.charges
    )
    return {
        "attempts": len(facts.attempts),
        "accepted": facts.accepted,
        "queued": int(queued["order_id"].nunique()),
        "processing": int(processing["order_id"].nunique()),
        "charged": int(facts.charges["order_id"].nunique()),
        "confirmed": len(facts.confirmed),
    }


def _exits(runs: Sequence[RunFacts]) -> dict[str, dict[str, float]]:
    """Return, by step, how many attempts ended there in which way, as means over the runs."""
    refused = dict.fromkeys(EXITS, 0)
    unrecorded = declined = still_open = 0
    for facts in runs:
        without_order = ~facts.attempts.index.isin(facts.orders["key"])
        for outcome in EXITS:
            refused[outcome] += int(
                (is_in(facts.attempts, "outcome", [outcome]) & without_order).sum()
            )
        unrecorded += facts.unrecorded
        declined += int(is_in(facts.orders, "status", ["declined"]).sum())
        still_open += len(facts.orders) - int(facts.orders["settled"].sum())
    n = len(runs)
    return {
        "attempts": {outcome: count / n for outcome, count in refused.items()},
        "accepted": {"not_recorded": unrecorded / n},
        "charged": {"declined": declined / n, "open": still_open / n},
    }


def stage_table(runs: Sequence[RunFacts]) -> list[dict[str, Any]]:
    """Return one row per stage: users planned and achieved, requests, latency, errors.

    Counts and rates are means over the runs, of requests sent in the stage; percentiles (ms) are
    those of the merged API requests and null if there are too few; `in_flight` is the mean number
    of requests in progress.
    """
    return [_stage_row(runs, position) for position in range(len(runs[0].stages))]


def _stage_row(runs: Sequence[RunFacts], position: int) -> dict[str, Any]:
    stage = runs[0].stages[position]
    sent = failed = in_flight_s = 0.0
    achieved: list[float] = []
    samples = []
    for facts in runs:
        rows = integers(facts.requests, "stage") == stage.number
        sent += float(np.count_nonzero(rows))
        failed += float(np.count_nonzero(rows & errors(facts)))
        requests = facts.requests
        in_flight_s += overlap_s(
            integers(requests, "sent_ns"), integers(requests, "done_ns"), stage
        )
        api = facts.api_requests
        within = is_in(api, "stage", [stage.number]) & api["answered"].to_numpy(dtype=np.bool_)
        samples.append(Sample(floats(api, "latency_ms")[within]))
        reading = facts.users_at_end(stage)
        achieved += [reading[1]] if reading else []
    n = len(runs)
    merged = merge(samples)
    return {
        "stage": stage.number,
        "name": stage.name,
        "start_s": stage.start_s,
        "end_s": stage.end_s,
        "planned_users": stage.users,
        "achieved_users": sum(achieved) / len(achieved) if achieved else None,
        "requests": sent / n,
        "rps": sent / n / stage.seconds,
        "in_flight": in_flight_s / n / stage.seconds,
        "errors": failed / n,
        "error_rate_pct": 100 * failed / sent if sent else None,
        **{
            f"p{q}_ms": percentile(merged, q / 100).value if isinstance(merged, Sample) else None
            for q in PERCENTILES
        },
    }
