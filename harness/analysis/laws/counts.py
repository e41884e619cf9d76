"""Laws about counts: every request was sent, answered, recorded and counted exactly once."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.analysis.columns import Flags, Floats, integers, is_in
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.run_facts import NANOSECONDS, RunFacts, Stage
from harness.analysis.series import counts_per_second
from harness.results.findings import Law
from harness.results.outages import outages
from harness.results.record import EntryRequests
from harness.results.routes import ROUTES

CHAIN = "requests sent = outcomes"
SUMS = "per-second sums = totals"
RECORDED = "recorded = seen by Locust"
ENTRY_COUNTS = "client counts = the entry's log"
ENTRY_LATENCY = "latency at the client = in the entry's log"

ENTRY_COUNTS_TOLERANCE = 0.005
"""Requests that end within a clock's precision of the window are on one of its sides only."""
FEWEST_REQUESTS = 20
LOG_PRECISION_MS = 2.0
READING_MS, READING_SHARE = 50.0, 0.25
"""What lies between an answer's last byte at the entry and its reading by the client, at most."""

OUTCOMES = (
    "ok", "accepted", "confirmed", "declined", "sold_out", "limited", "rejected", "indeterminate"
)  # fmt: skip


def sent_equals_outcomes(facts: RunFacts) -> Iterator[Law]:
    """Every request that a buyer sent has one outcome in the ledger.

    A buyer's requests are a chain: each is intended at the end of the one before plus the time it
    thought, to the nanosecond. Where a request does not begin where another ended (or the buyer was
    born), one in between is missing. An outcome must be one that the status allows: a request
    without answer, or with a 5xx, may have happened.
    """
    columns = ["process", "user", "done_ns", "intended_ns", "think_ns"]
    requests = facts.run.requests[columns].sort_values(columns[:3], kind="stable")
    buyers = facts.run.buyers.set_index(["process", "user"])["born_ns"]
    owner = requests[["process", "user"]].to_numpy()
    is_first = np.append(True, (owner[1:] != owner[:-1]).any(axis=1))[: len(owner)]
    born_ns = buyers.reindex(pd.MultiIndex.from_arrays(owner[is_first].T)).to_numpy()
    before_ns = np.roll(integers(requests, "done_ns"), 1).astype(np.float64)
    before_ns[is_first] = born_ns
    begun_ns = integers(requests, "intended_ns") - integers(requests, "think_ns")
    missing = int(np.count_nonzero(before_ns != begun_ns))
    unfit = int(np.count_nonzero(~_outcome_fits(facts.run.requests)))
    total = len(requests)
    detail = f"{total} requests; {missing} do not follow from the one before"
    detail += f", {unfit} with an outcome that their status does not allow"
    sides = Sides(total + missing, total - unfit, "requests")
    yield judge(CHAIN, sides, (missing + unfit) / max(total, 1), 0.0, detail)


def _outcome_fits(requests: pd.DataFrame) -> Flags:
    status = integers(requests, "status")
    open_ended = (status == 0) | (status >= 500)
    known = is_in(requests, "outcome", OUTCOMES)
    fits: Flags = known & (~open_ended | is_in(requests, "outcome", ["indeterminate"]))
    return fits


def client_agrees_with_the_entry(facts: RunFacts) -> Iterator[Law]:
    """What the entry logged of the load is what the client recorded: how many, and how long.

    The entry's log is the one account of latency that the load generator has no part in. No answer
    is read before the entry has sent it, and a generator that is stopped, or has no processor,
    reads late what the entry sent in time. Not asked of an entry that logs no requests, nor of a
    run with faults in which a proxy asks twice and loses what it had not written yet, or which
    send requests of their own, as a prober does.
    """
    log = facts.record.entry_log
    sends_requests = any(fault.requests for fault in facts.record.faults) or facts.record.prober
    if log is None or not log.requests or outages(facts.record) or sends_requests:
        return
    logged = {(row.method, row.route): row for row in log.requests}
    requests = facts.run.requests
    done_ns = integers(requests, "done_ns")
    within = requests[(done_ns >= 0) & (done_ns < log.to_s * NANOSECONDS)]
    counts, latencies = [], []
    for endpoint, route in ROUTES.items():
        asked = within[is_in(within, "endpoint", [endpoint])]
        row = logged.get(route)
        count = row.count if row else 0
        if max(len(asked), count) < FEWEST_REQUESTS or endpoint == "events":
            continue
        answered = asked[integers(asked, "status") > 0]
        counts.append(_counts_apart(endpoint, len(answered), len(asked), count))
        if len(answered) and row and row.count:
            took_ns = integers(answered, "done_ns") - integers(answered, "sent_ns")
            latencies += _latencies_apart(endpoint, took_ns / 1e6, row)
    if counts:
        apart, sides, detail = max(counts, key=lambda one: one[0])
        yield judge(ENTRY_COUNTS, sides, apart, ENTRY_COUNTS_TOLERANCE, detail)
    if latencies:
        excess, sides, detail = max(latencies, key=lambda one: one[0])
        yield judge(ENTRY_LATENCY, sides, excess, 1.0, detail)


Apart = tuple[float, Sides, str]
"""How far two sides are apart, the sides, and what they are."""


def _counts_apart(endpoint: str, answered: int, sent: int, logged: int) -> Apart:
    """Compare counts; a request without an answer at the client may be in the log."""
    missing = max(answered - logged, logged - sent, 0)
    detail = f"{endpoint}: {answered} answers to {sent} requests, {logged} in the entry's log"
    return missing / max(sent, logged), Sides(answered, logged, "requests"), detail


def _latencies_apart(endpoint: str, took_ms: Floats, row: EntryRequests) -> list[Apart]:
    """Compare quantiles; the residual is what they differ by, as a share of what they may."""
    found = []
    for quantile, q, at_entry in (("p50", 0.50, row.p50_ms), ("p95", 0.95, row.p95_ms)):
        at_client = float(np.quantile(took_ms, q))
        late, early = at_client - at_entry, at_entry - at_client
        excess = max(
            late / (READING_MS + READING_SHARE * at_entry),
            early / (LOG_PRECISION_MS + 0.01 * at_entry),
        )
        detail = f"{endpoint}, {quantile}: {at_client:.1f} ms, {at_entry:.1f} ms in the entry's log"
        found.append((excess, Sides(at_client, at_entry, f"ms ({quantile})"), detail))
    return found


def per_second_sums_equal_totals(facts: RunFacts) -> Iterator[Law]:
    """The per-second series, added up, is the number of requests and of confirmed orders.

    Every request must have been sent in the stage that it is labelled with, to a second.
    """
    table = counts_per_second(facts)
    done, total = int(table["done"].sum()), len(facts.requests)
    confirmed = int(table["confirmed"].iloc[-1])
    mislabelled = sum(_sent_elsewhere(facts, stage) for stage in facts.stages)
    wrong = abs(total - done) + abs(len(facts.confirmed) - confirmed) + mislabelled
    detail = f"{done} of {total} requests, {confirmed} of {len(facts.confirmed)} confirmed orders"
    if mislabelled:
        detail += f"; {mislabelled} requests were not sent in the stage they are labelled with"
    yield judge(SUMS, Sides(done, total, "requests"), wrong / max(total, 1), 0.0, detail)


def _sent_elsewhere(facts: RunFacts, stage: Stage) -> int:
    start_ns, end_ns = stage.window_ns
    labelled = integers(facts.requests, "stage") == stage.number
    sent_ns = integers(facts.requests, "sent_ns")[labelled]
    outside = (sent_ns < start_ns - NANOSECONDS) | (sent_ns > end_ns + NANOSECONDS)
    return int(np.count_nonzero(outside))


def recorded_equals_locust(facts: RunFacts) -> Iterator[Law]:
    """The ledger holds as many requests as Locust counted by itself."""
    totals = facts.record.recorded
    if totals is None:
        yield unknown(RECORDED, 0.0, "the generators' own counts were not recorded")
        return
    recorded, locust = totals.recorded, totals.locust
    stored = len(facts.run.requests)
    wrong = max(abs(recorded - locust), abs(recorded - stored))
    detail = f"{recorded} recorded, {locust} seen by Locust, {stored} stored"
    sides = Sides(min(recorded, stored), locust, "requests")
    yield judge(RECORDED, sides, wrong / max(locust, 1), 0.0, detail)
