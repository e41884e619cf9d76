"""What a request met, by how many buyers were active when it was sent.

The stages of a load are windows of time; a claim such as "from 150 users on it times out" is about
users. The peak is cut into equal levels, and a request belongs to the level of its start, whether
the load was then rising or falling: a shop that is still busy with the rush when buyers leave shows
it in the lower levels. Requests sent after the load, by buyers who finish, belong to none.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import Floats, floats, integers, is_in
from harness.analysis.estimates import Missing, Quantity, Ratio, Sample, Scalar, Scale, estimate
from harness.analysis.latency import not_refused
from harness.analysis.metric import Group, metric
from harness.analysis.order_counts import NEVER_SOLD_OUT, errors, sold_out_ns
from harness.analysis.run_facts import NANOSECONDS, RunFacts

LEVELS = 6
NO_CLOCK = "active users were not recorded"

Measured = tuple[Quantity, Quantity, Quantity]


def levels(runs: Sequence[RunFacts], counts: Sequence[bool]) -> list[dict[str, Any]]:
    """Return one row per level of users, from the lowest, each number an estimate over the runs.

    A row holds the requests that were sent while more than `above` and at most `up_to` users were
    active: how many, the share of them (%) with a 5xx or no answer, and percentiles of their
    latency (ms), in which an unanswered request is longer than all others. An open load plans no
    users, and has no levels.
    """
    peak = max(stage.users for stage in runs[0].stages)
    edges = sorted({round(peak * level / LEVELS) for level in range(LEVELS + 1)})
    per_run = [_measure(facts, edges[1:]) for facts in runs]
    return [
        {"above": above, "up_to": up_to, **_row([run[level] for run in per_run], counts)}
        for level, (above, up_to) in enumerate(pairwise(edges))
    ]


def _row(measured: Sequence[Measured], counts: Sequence[bool]) -> dict[str, Any]:
    requests, failed, latency_ms = (list(column) for column in zip(*measured, strict=True))
    return {
        "requests": asdict(estimate(requests, counts, "", Scale.PLAIN, None)),
        "error_rate_pct": asdict(estimate(failed, counts, "%", Scale.PLAIN, None)),
        "latency_p50_ms": asdict(estimate(latency_ms, counts, "ms", Scale.LOG, 0.50)),
        "latency_p95_ms": asdict(estimate(latency_ms, counts, "ms", Scale.LOG, 0.95)),
    }


def _measure(facts: RunFacts, ends: Sequence[int]) -> list[Measured]:
    """Return, by level, the requests of a run, the share that failed, and their latencies."""
    if facts.run.clock.empty:
        return [(Missing(NO_CLOCK), Missing(NO_CLOCK), Missing(NO_CLOCK)) for _ in ends]
    requests = facts.requests
    during = is_in(requests, "stage", [stage.number for stage in facts.stages])
    level_of = np.where(during, np.searchsorted(ends, active_users(facts, requests)), -1)
    failed = errors(facts)
    at_once = ~is_in(requests, "endpoint", ["events"])
    answered = requests["answered"].to_numpy(dtype=np.bool_)
    latency_ms = floats(requests, "latency_ms")
    found: list[Measured] = []
    for level in range(len(ends)):
        sent = level_of == level
        n = float(np.count_nonzero(sent))
        api = sent & at_once
        waits = Sample(latency_ms[api & answered], latency_ms[api & ~answered])
        found.append((Scalar(n), Ratio(100.0 * np.count_nonzero(sent & failed), n), waits))
    return found


def active_users(facts: RunFacts, requests: pd.DataFrame) -> Floats:
    """Return how many users were active when each request was sent, from the clock's readings."""
    return _active_at(facts, integers(requests, "sent_ns") / NANOSECONDS)


def _active_at(facts: RunFacts, at_s: Floats) -> Floats:
    clock = facts.run.clock.sort_values("t_s", kind="stable")
    active: Floats = np.interp(at_s, floats(clock, "t_s"), floats(clock, "active"))
    return active


@metric("Users at a purchase, median", group=Group.SCALABILITY, scale=Scale.LOG)
def users_at_purchase(facts: RunFacts) -> Quantity:
    """Users who were active when a purchase was sent that was not refused: their median.

    This, not the peak of the load, is the crowd under which purchase latencies were measured.
    """
    buys, _ = not_refused(facts)
    if facts.run.clock.empty:
        return Missing(NO_CLOCK)
    if buys.empty:
        return Missing("no purchase was sent that was not refused")
    return Scalar(float(np.median(active_users(facts, buys))))


@metric("Users when all was sold", group=Group.SCALABILITY, scale=Scale.LOG)
def users_at_sold_out(facts: RunFacts) -> Quantity:
    """Users who were active when every unit was first reserved or sold."""
    if facts.run.clock.empty:
        return Missing(NO_CLOCK)
    at_ns = sold_out_ns(facts)
    if at_ns is None:
        return Missing(NEVER_SOLD_OUT)
    return Scalar(float(_active_at(facts, np.array([at_ns / NANOSECONDS]))[0]))


@metric(
    "Users at the first failed request", better="higher", group=Group.SCALABILITY,
    scale=Scale.LOG,
)  # fmt: skip
def users_at_first_failure(facts: RunFacts) -> Quantity:
    """Users who were active when the first request was sent that got a 5xx or no answer."""
    if facts.run.clock.empty:
        return Missing(NO_CLOCK)
    failed = facts.requests[errors(facts)]
    if failed.empty:
        return Missing("no request failed")
    first = failed.nsmallest(1, "sent_ns")
    return Scalar(float(active_users(facts, first)[0]))
