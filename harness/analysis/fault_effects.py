"""What each fault of a run did: how long orders waited, what buyers saw, what the audit found.

Recovery is measured at the orders, not at the processes: a service that is healthy again has not
recovered while orders wait. An order is due when it was accepted plus the latency that the payment
gateway drew for it, but not before the fault. It was held up for as long as it was settled after
that: zero for an order that the fault did not concern, and whatever else delayed it is included.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from harness.analysis.columns import floats, integers, is_in
from harness.analysis.order_counts import errors
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.findings import Finding, Verdict, correctness
from harness.results.outages import FOREVER_NS, Outage, outages
from harness.results.record import FaultRecord

HARM_KINDS: Final = {
    "lost": ("I3", ("acknowledged orders lost",)),
    "cancelled": ("I3", ("acknowledged orders cancelled",)),
    "unfinished": (
        "I3",
        (
            "acknowledged orders not finished",
            "orders that were never acknowledged",
            "orders that nobody was told of",  # in audits of earlier versions
        ),
    ),
    "duplicated": ("I5", ("",)),
    "double_charged": ("I6", ("charges beyond",)),
    "charged_in_vain": ("I6", ("charges without", "money taken")),
    "oversold": ("I1", ("",)),
    "endless_streams": ("I18", ("event streams",)),
}
"""The kinds of harm to orders, by the invariant and the begin of the texts of its offences."""


def effects(facts: RunFacts, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return what each fault of a run did, in the order of their begin.

    A fault that could not be carried out has nothing but its plan and the `error`. The counts
    of `HARM_KINDS` are those of the whole run; null: not known.
    """
    record = facts.record
    counted = count_harm(findings)
    carried_out = outages(record)
    rows = []
    for fault in sorted(record.faults, key=_begin):
        row = {
            "run": facts.run.index,
            "case": record.case,
            "variant": facts.run.variant,
            "seed": record.seed,
            **fault.plan,
            "begun_s": _seconds(fault.begun_ns),
            "ended_s": _seconds(fault.ended_ns),
            "healthy_s": _seconds(fault.healthy_ns),
            "in_flight": fault.in_flight,
            "error": fault.error,
            **dict.fromkeys(("recovery_s", "failing_from_s", "failing_to_s", "failed_requests")),
            **dict.fromkeys(("slowest_purchase_ms", "confirmed_during", "unsettled")),
            "seen": {},
            **counted,
            "verdict": correctness(findings),
        }
        if fault.begun_ns is not None:
            outage = Outage.of(fault)
            later = [o.begun_ns for o in carried_out if o.begun_ns > outage.begun_ns]
            row |= _held_up(facts, outage)
            row |= _seen(facts, outage.begun_ns, min(later, default=FOREVER_NS))
            row["confirmed_during"] = _confirmed_between(facts, outage)
        rows.append(row)
    return rows


def count_harm(findings: Sequence[Finding]) -> dict[str, int | None]:
    """Count what a run did to orders, by kind: each is another matter, and none stands for another.

    Null is what nobody knows, such as a count that an earlier version did not make.

    An oversell shows in several histories of the same units, so the largest of them counts.
    """
    by_id = {finding.id: finding for finding in findings}
    counted: dict[str, int | None] = {}
    for name, (identifier, beginnings) in HARM_KINDS.items():
        found = by_id.get(identifier)
        if found is None or found.verdict is Verdict.UNKNOWN:
            counted[name] = None
        elif found.verdict is Verdict.PASS:
            counted[name] = 0
        elif not found.offences:  # an audit of an earlier version, which kept no kinds
            counted[name] = None
        else:
            sizes = [n for what, n in found.offences.items() if what.startswith(beginnings)]
            counted[name] = max(sizes, default=0) if name == "oversold" else sum(sizes)
    return counted


def _held_up(facts: RunFacts, outage: Outage) -> dict[str, Any]:
    """Return for how long orders were held up at most, and how many were never settled."""
    orders = facts.orders
    accepted_ns, settled_ns = (
        integers(orders, "accepted_rel_ns"),
        integers(orders, "settled_rel_ns"),
    )
    settled = orders["settled"].to_numpy(dtype=np.bool_)
    concerned = (accepted_ns < outage.ended_ns) & (~settled | (settled_ns > outage.begun_ns))
    unsettled = int(np.count_nonzero(concerned & ~settled))
    drawn_ms = facts.charges.drop_duplicates("order_id").set_index("order_id")["latency_ms"]
    latency_ms = floats(orders.assign(drawn=orders["order_id"].map(drawn_ms).fillna(0)), "drawn")
    due_ns = np.maximum(outage.begun_ns, accepted_ns + (latency_ms * 1e6).astype(np.int64))
    late_ns = (settled_ns - due_ns)[concerned & settled]
    longest_s = max(0.0, float(late_ns.max()) / NANOSECONDS) if len(late_ns) else 0.0
    return {"recovery_s": None if unsettled else longest_s, "unsettled": unsettled}


def _seen(facts: RunFacts, begun_ns: int, until_ns: int) -> dict[str, Any]:
    """Return what buyers saw from a fault's begin until the next one's.

    A request belongs to the last fault that had begun when it ended, so it counts once.
    """
    requests = facts.requests
    sent_ns, done_ns = integers(requests, "sent_ns"), integers(requests, "done_ns")
    during = (done_ns >= begun_ns) & (done_ns < until_ns)
    failed = during & errors(facts)
    statuses = integers(requests, "status")
    cut = is_in(requests, "endpoint", ["events"]) & (statuses == 200)
    cut &= is_in(requests, "outcome", ["indeterminate"])
    seen = Counter("no answer" if s == 0 else str(s) for s in statuses[failed].tolist())
    seen["event stream cut"] = int(np.count_nonzero(during & cut))
    purchases = during & is_in(requests, "endpoint", ["buy"]) & (statuses > 0)
    latency_ms = floats(requests, "latency_ms")[purchases]
    some = bool(failed.any())
    return {
        "failing_from_s": _seconds(max(begun_ns, int(sent_ns[failed].min()))) if some else None,
        "failing_to_s": _seconds(int(done_ns[failed].max())) if some else None,
        "failed_requests": int(np.count_nonzero(failed)),
        "slowest_purchase_ms": float(latency_ms.max()) if len(latency_ms) else None,
        "seen": {what: n for what, n in sorted(seen.items()) if n},
    }


def _confirmed_between(facts: RunFacts, outage: Outage) -> int:
    settled_ns = integers(facts.confirmed, "settled_rel_ns")
    return int(np.count_nonzero((settled_ns >= outage.begun_ns) & (settled_ns <= outage.over_ns)))


def _begin(fault: FaultRecord) -> int:
    return FOREVER_NS if fault.begun_ns is None else fault.begun_ns


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / NANOSECONDS
