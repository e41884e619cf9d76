"""Laws about what cannot be exceeded: the processors of a machine, the payment slots of a shop."""

import numpy as np
import pandas as pd

from harness.analysis.facts import RunFacts, integers, steps
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.findings import Law
from harness.outages import outages

UTILISATION = "utilisation <= 1"
SLOTS = "payment slots >= charges in flight"

UTILISATION_TOLERANCE = 0.02
"""CPU counters advance in ticks and are sampled near, not at, the edges of the load."""


def utilisation_at_most_one(facts: RunFacts) -> list[Law]:
    """All services and the load generator together used no more CPU than the machine has.

    Nor did a service use more than its limits allow, where the runtime enforces limits.
    """
    sources = [*facts.topology["services"], "load"]
    used = [facts.cpu_s(source, 0.0, facts.load_s) for source in sources]
    known = [seconds for seconds in used if seconds is not None]
    if len(known) < len(facts.approach_services) + 1:
        return unknown(UTILISATION, UTILISATION_TOLERANCE, "CPU time was not sampled")
    share = sum(known) / (facts.load_s * facts.cores)
    detail = f"{sum(known):.1f} CPU-seconds in {facts.load_s:g} s on {facts.cores} cores"
    detail += f": {100 * share:.1f} %"
    sides = Sides(sum(known), facts.load_s * facts.cores, "CPU-seconds")
    law = judge(UTILISATION, sides, max(0.0, share - 1), UTILISATION_TOLERANCE, detail)
    return [law, *_within_limits(facts)]


def slots_cover_charges(facts: RunFacts) -> list[Law]:
    """At no instant were more charges in flight than the approach has payment slots.

    A worker that is killed, or gives a slow gateway up, leaves its charge behind: it goes on at the
    gateway while the slot is free for the next. So charges under way during a fault are left out.
    """
    charges, slots = _undisturbed(facts), int(facts.topology["payment_slots"])
    if charges.empty:
        return unknown(SLOTS, 0.0, "no charge was executed")
    _, in_flight = steps(integers(charges, "started_ns"), integers(charges, "finished_ns"))
    most = int(in_flight.max())
    detail = f"at most {most} charges in flight, {slots} slots"
    sides = Sides(most, slots, "charges in flight")
    return [judge(SLOTS, sides, max(0, most - slots) / slots, 0.0, detail)]


def _undisturbed(facts: RunFacts) -> pd.DataFrame:
    """Return the charges that were not in flight at any moment of a fault."""
    charges = facts.run.charges
    started_ns = integers(charges, "started_ns") - facts.t0_wall_ns
    finished_ns = integers(charges, "finished_ns") - facts.t0_wall_ns
    hit = np.zeros(len(charges), dtype=np.bool_)
    for fault in outages(facts.record):
        hit |= (started_ns <= fault.over_ns) & (finished_ns >= fault.begun_ns)
    return charges[~hit]


def _within_limits(facts: RunFacts) -> list[Law]:
    laws = []
    for service, cpus in facts.enforced_cpus.items():
        used_s = facts.cpu_s(service, 0.0, facts.load_s)
        if used_s is None:
            laws += unknown(UTILISATION, UTILISATION_TOLERANCE, f"{service}: CPU was not sampled")
            continue
        sides = Sides(used_s, cpus * facts.load_s, "CPU-seconds")
        share = sides.left / sides.right
        detail = f"{service}: {used_s:.1f} CPU-seconds of the {cpus:g} processors it is limited to"
        laws.append(judge(UTILISATION, sides, max(0.0, share - 1), UTILISATION_TOLERANCE, detail))
    return laws
