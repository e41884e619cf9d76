"""Laws about the buyers and what plays them: was the load that the scenario plans really there?

The strongest is the interactive response-time law N = X(R + Z) (Denning and Buzen 1978): in a
closed load every buyer is always either waiting for an answer or thinking, so user-seconds equal
request-seconds plus think-seconds. A saturated load generator breaks it long before its own CPU
figure shows anything.
"""

from collections.abc import Iterator

import numpy as np

from harness.analysis.columns import Integers, integers, late_ms
from harness.analysis.generator import generator_processes
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.run_facts import NANOSECONDS, RunFacts, overlap_s
from harness.results.findings import Law

INTERACTIVE = "interactive response-time law"
USERS = "planned users achieved"
GENERATOR_CPU = "generator CPU"
GENERATOR_LATE = "generator punctuality"

INTERACTIVE_TOLERANCE = 0.05
USERS_TOLERANCE = 0.02
CLOCK_LAG_S = 0.2
GENERATOR_CPU_LIMIT = 0.90
LATENESS_LIMITS_MS = {0.99: 250.0, 0.999: 500.0}
"""Limits by quantile; one with fewer than ten requests beyond it gives way to the tenth latest."""
FEWEST_BEYOND = 10


def interactive_response_time(facts: RunFacts) -> Iterator[Law]:
    """N = X(R + Z) in each stage: the share of user-seconds that no request or think accounts for.

    Every interval is clipped to the stage, so the law is exact also where users come and go.
    """
    begun_ns, ended_ns = _accounted(facts)
    buyers = facts.run.buyers
    born_ns, left_ns = integers(buyers, "born_ns"), integers(buyers, "left_ns")
    still_there = round(facts.end_s * NANOSECONDS)
    left_ns = np.where(left_ns < 0, still_there, left_ns)
    for stage in facts.stages:
        lived_s = overlap_s(born_ns, left_ns, stage)
        accounted_s = overlap_s(begun_ns, ended_ns, stage)
        if max(lived_s, accounted_s) == 0:
            yield unknown(INTERACTIVE, INTERACTIVE_TOLERANCE, "no buyer was there", stage.name)
            continue
        residual = (lived_s - accounted_s) / max(lived_s, accounted_s)
        detail = (
            f"{lived_s:.1f} user-seconds, {accounted_s:.1f} s of requests and thinking: "
            f"{100 * residual:+.2f} % unaccounted for"
        )
        sides = Sides(lived_s, accounted_s, "user-seconds")
        yield judge(INTERACTIVE, sides, residual, INTERACTIVE_TOLERANCE, detail, stage.name)


def _accounted(facts: RunFacts) -> tuple[Integers, Integers]:
    """Return begin and end (ns since t0) of every request, think time and parting think time."""
    requests = facts.run.requests
    intended_ns, think_ns = integers(requests, "intended_ns"), integers(requests, "think_ns")
    parting = parting_thinks(facts)
    begins = [integers(requests, "sent_ns"), intended_ns - think_ns, parting[0]]
    ends = [integers(requests, "done_ns"), intended_ns, parting[1]]
    return np.concatenate(begins), np.concatenate(ends)


def parting_thinks(facts: RunFacts) -> tuple[Integers, Integers]:
    """Return the think times after which a buyer left instead of sending another request.

    No request records them; they are the time from a buyer's last answer until it left, as far as
    a buyer may think that long.
    """
    buyers = facts.run.buyers.set_index(["process", "user"])
    last_done = facts.run.requests.groupby(["process", "user"])["done_ns"].max()
    both = buyers.assign(done_ns=last_done.reindex(buyers.index)).dropna(subset=["done_ns"])
    begun_ns, left_ns = integers(both, "done_ns"), integers(both, "left_ns")
    load = facts.scenario["load"]
    longest_s = max(float(load["think_max_s"]), float(load["poll_interval_s"]))
    ended_ns = np.minimum(left_ns, begun_ns + round(longest_s * NANOSECONDS))
    thought = ended_ns > begun_ns
    return begun_ns[thought], ended_ns[thought]


def planned_users_achieved(facts: RunFacts) -> Iterator[Law]:
    """At the end of each stage as many buyers were active as planned, to 2 %.

    One buyer more or less is allowed, and what the plan changes in two ticks of the stage clock.
    """
    before = 0
    for stage in facts.stages:
        reading = facts.users_at_end(stage)
        slack = 1 + CLOCK_LAG_S * abs(stage.users - before) / stage.seconds
        before = stage.users
        if reading is None:
            why = "the users at the end of the stage were not recorded"
            yield unknown(USERS, USERS_TOLERANCE, why, stage.name)
            continue
        t_s, active = reading
        planned = facts.schedule.planned_users(t_s)
        residual = max(abs(active - planned) - slack, 0.0) / max(planned, 1.0)
        detail = f"{active:g} of {planned:.4g} planned users were active at {t_s:.1f} s"
        sides = Sides(active, planned, "users")
        yield judge(USERS, sides, residual, USERS_TOLERANCE, detail, stage.name)


def generator_has_cpu_to_spare(facts: RunFacts) -> Iterator[Law]:
    """In no stage did a process of the load generator use 90 % of one core (Python's GIL)."""
    processes = generator_processes(facts)
    if not processes:
        yield unknown(GENERATOR_CPU, GENERATOR_CPU_LIMIT, "CPU time was not sampled")
        return
    share, stage, busiest = max(
        (one.used_s(stage.start_s, stage.end_s) / (stage.seconds * one.cores), stage.name, one.name)
        for one in processes
        for stage in facts.stages
    )
    who = f" ({busiest})" if len(processes) > 1 else ""
    detail = f"{100 * share:.1f} % of a core per process in stage {stage}, the most of all stages"
    detail += who
    sides = Sides(share, GENERATOR_CPU_LIMIT, "cores per process")
    yield judge(GENERATOR_CPU, sides, share, GENERATOR_CPU_LIMIT, detail)


def generator_is_punctual(facts: RunFacts) -> Iterator[Law]:
    """Requests are sent when they were intended: p99 within 250 ms, and p99.9 within 500 ms.

    A mean would hide that the generator stood still for a second: what it should have sent then
    came in a burst, and no answer was read in time. The residual is the worse of the two, as a
    share of its limit.
    """
    requests = facts.requests
    if requests.empty:
        yield unknown(GENERATOR_LATE, 1.0, "no request was sent")
        return
    behind_ms = np.sort(late_ms(requests))
    sides = [
        Sides(float(behind_ms[_position(len(behind_ms), q)]), limit_ms, f"ms (p{100 * q:g})")
        for q, limit_ms in LATENESS_LIMITS_MS.items()
    ]
    worst = max(sides, key=lambda one: one.left / one.right)
    quantiles = ", ".join(f"{one.unit[4:-1]} {one.left:.1f} ms" for one in sides)
    detail = (
        f"sent {behind_ms.mean():.1f} ms late on average, {quantiles}, at most {behind_ms[-1]:.1f}"
    )
    yield judge(GENERATOR_LATE, worst, max(worst.left / worst.right, 0.0), 1.0, detail)


def _position(n: int, q: float) -> int:
    """Return the place of a quantile among n sorted values, with ten beyond it if there are."""
    return max(0, n - 1 - max(round((1 - q) * n), min(FEWEST_BEYOND, n // 2)))
