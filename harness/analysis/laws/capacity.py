"""Laws about what cannot be exceeded: the processors of a machine, the payment slots of a shop."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.analysis.columns import Integers, integers
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.node_usage import shop_cores, shop_here
from harness.analysis.run_facts import NANOSECONDS, RunFacts, steps
from harness.results.findings import Law
from harness.results.nodes import SOURCE, nodes_of
from harness.results.outages import outages

UTILISATION = "utilisation <= 1"
SLOTS = "payment slots >= charges in flight"
IDLE = "no slot idle while orders wait"
UNBOUNDED = "nothing is said to bound the charges in flight"

UTILISATION_TOLERANCE = 0.02
"""CPU counters advance in ticks and are sampled near, not at, the edges of the load."""
OVERLONG_NS = 2 * NANOSECONDS
"""Longer than any hand-over: on a machine that is full, orders wait for a tenth of it."""
IDLE_TOLERANCE = 0.2


def utilisation_at_most_one(facts: RunFacts) -> Iterator[Law]:
    """All services and the load generator together used no more CPU than they could have.

    Nor did the replicas on another machine use more than it has, or a service more than its limits
    allow, where the runtime enforces limits.
    """
    if shop_cores(facts) is None:
        why = "the services ran on machines of which nothing is known"
        yield unknown(UTILISATION, UTILISATION_TOLERANCE, why)
        return
    sources = [*shop_here(facts), "load"]
    known = facts.known_cpu_s(sources, 0.0, facts.load_s)
    needed = len(sources) if nodes_of(facts.record.deployment) else len(facts.approach_services) + 1
    if len(known) < needed:
        yield unknown(UTILISATION, UTILISATION_TOLERANCE, "CPU time was not sampled")
        return
    available_s = facts.load_s * facts.usable_cores
    share = sum(known) / available_s
    detail = f"{sum(known):.1f} CPU-seconds in {facts.load_s:g} s on {facts.usable_cores:g} cores"
    detail += f": {100 * share:.1f} %"
    sides = Sides(sum(known), available_s, "CPU-seconds")
    yield judge(UTILISATION, sides, max(0.0, share - 1), UTILISATION_TOLERANCE, detail)
    for name, node in nodes_of(facts.record.deployment).items():
        if not node["here"]:
            yield _within(facts, f"{SOURCE}{name}", float(node["cpus"]), name, "it has")
    for service, cpus in facts.enforced_cpus.items():
        yield _within(facts, service, cpus, service, "it is limited to")


def slots_cover_charges(facts: RunFacts) -> Iterator[Law]:
    """At no instant were more charges in flight than the approach has payment slots.

    A worker that is killed, or gives a slow gateway up, leaves its charge behind: it goes on at the
    gateway while the slot is free for the next. So charges under way during a fault are left out.
    """
    charges, slots = _undisturbed(facts), facts.topology["payment_slots"]
    if slots is None:
        yield unknown(SLOTS, 0.0, UNBOUNDED)
        return
    if charges.empty:
        yield unknown(SLOTS, 0.0, "no charge was executed")
        return
    _, in_flight = steps(integers(charges, "started_ns"), integers(charges, "finished_ns"))
    most = int(in_flight.max())
    detail = f"at most {most} charges in flight, {slots} slots"
    sides = Sides(most, slots, "charges in flight")
    yield judge(SLOTS, sides, max(0, most - slots) / slots, 0.0, detail)


def slots_are_used(facts: RunFacts) -> Iterator[Law]:
    """Slots that are declared are used while orders wait for one.

    An order waits overlong from 2 s after it was accepted until its charge begins. Slots that stand
    idle while orders do are no slots: of the slots that could have been in use, charges or overlong
    orders, at most a fifth may have stood idle. What came after a fault began is left out, because
    a recovery is an outcome of the approach.
    """
    charges, slots = facts.run.charges, facts.topology["payment_slots"]
    if slots is None:
        yield unknown(IDLE, IDLE_TOLERANCE, UNBOUNDED)
        return
    if charges.empty:
        yield unknown(IDLE, IDLE_TOLERANCE, "no charge was executed")
        return
    end_ns = min(
        (fault.begun_ns for fault in outages(facts.record)),
        default=round(facts.end_s * NANOSECONDS),
    )
    started_ns = integers(charges, "started_ns") - facts.t0_wall_ns
    finished_ns = integers(charges, "finished_ns") - facts.t0_wall_ns
    begun_ns = pd.Series(started_ns, index=charges["order_id"]).groupby(level=0).min()
    first_ns = begun_ns.reindex(facts.orders["order_id"]).fillna(end_ns).to_numpy(np.int64)
    settled_ns = np.where(facts.orders["settled"], facts.orders["settled_rel_ns"], end_ns)
    first_ns = np.minimum(first_ns, settled_ns.astype(np.int64))
    overdue_ns = integers(facts.orders, "accepted_rel_ns") + OVERLONG_NS
    late = overdue_ns < first_ns
    at_ns = np.unique(np.concatenate([started_ns, finished_ns, overdue_ns[late], first_ns[late]]))
    at_ns = np.append(at_ns[(at_ns >= 0) & (at_ns < end_ns)], end_ns)
    used = _at(at_ns[:-1], started_ns, finished_ns)
    waiting = _at(at_ns[:-1], overdue_ns[late], first_ns[late])
    widths_s = np.diff(at_ns) / NANOSECONDS
    used_s = float((used * widths_s).sum())
    idle_s = float((np.minimum(waiting, np.maximum(slots - used, 0)) * widths_s).sum())
    detail = (
        f"{used_s:.1f} slot-seconds of charges; {idle_s:.1f} stood idle while orders had waited "
        f"over {OVERLONG_NS / NANOSECONDS:g} s, {int(waiting.max(initial=0))} at once; "
        f"at most {int(used.max(initial=0))} of {slots} slots in use"
    )
    sides = Sides(used_s, used_s + idle_s, "slot-seconds")
    share = idle_s / (used_s + idle_s) if idle_s else 0.0
    yield judge(IDLE, sides, share, IDLE_TOLERANCE, detail)


def _at(at_ns: Integers, begins_ns: Integers, ends_ns: Integers) -> Integers:
    """Return how many of some intervals are under way at each of some instants."""
    begun = np.searchsorted(np.sort(begins_ns), at_ns, side="right")
    ended = np.searchsorted(np.sort(ends_ns), at_ns, side="right")
    return np.asarray(begun - ended, dtype=np.int64)


def _undisturbed(facts: RunFacts) -> pd.DataFrame:
    """Return the charges that were not in flight at any moment of a fault."""
    charges = facts.run.charges
    started_ns = integers(charges, "started_ns") - facts.t0_wall_ns
    finished_ns = integers(charges, "finished_ns") - facts.t0_wall_ns
    hit = np.zeros(len(charges), dtype=np.bool_)
    for fault in outages(facts.record):
        hit |= (started_ns <= fault.over_ns) & (finished_ns >= fault.begun_ns)
    return charges[~hit]


def _within(facts: RunFacts, source: str, cpus: float, name: str, of_which: str) -> Law:
    """Return whether a source used no more than so many processors."""
    used_s = facts.cpu_s(source, 0.0, facts.load_s)
    if used_s is None:
        return unknown(UTILISATION, UTILISATION_TOLERANCE, f"{name}: CPU was not sampled")
    sides = Sides(used_s, cpus * facts.load_s, "CPU-seconds")
    excess = max(0.0, sides.left / sides.right - 1)
    detail = f"{name}: {used_s:.1f} CPU-seconds of the {cpus:g} processors {of_which}"
    return judge(UTILISATION, sides, excess, UTILISATION_TOLERANCE, detail)
