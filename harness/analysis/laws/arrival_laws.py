"""The laws of an open load: whether those who were planned came, and came when they were due.

An open load is only as open as its generator: who is turned away, or comes late because the
generator is busy, is load that the shop was spared. So neither is corrected for; the run is
invalid, and says how far the generator got.
"""

from collections.abc import Iterator

import numpy as np

from harness.analysis.columns import integers
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.findings import Law

ARRIVED = "every buyer arrived"
ON_TIME = "buyers arrived on time"
LATE_S = 0.1
LATE_TOLERANCE = 0.01
"""Share of buyers whose first request may be sent later than `LATE_S` after they were due."""


def every_buyer_arrived(facts: RunFacts) -> Iterator[Law]:
    """As many buyers sent a request as each stage planned; nobody was turned away."""
    planned = {stage["name"]: int(stage["buyers"]) for stage in facts.scenario["open"]["stages"]}
    born_ns = integers(facts.run.buyers, "born_ns")
    asked = facts.run.buyers["user"].isin(facts.requests["user"]).to_numpy(dtype=np.bool_)
    for stage in facts.stages:
        start_ns, end_ns = stage.window_ns
        due = (born_ns >= start_ns) & (born_ns < end_ns)
        came, away = int(np.count_nonzero(due & asked)), int(np.count_nonzero(due & ~asked))
        expected = planned[stage.name]
        residual = (expected - came) / max(expected, 1)
        detail = f"{came} of {expected} buyers came, {away} found no room"
        detail += f"; {came / stage.seconds:.0f} per second"
        sides = Sides(came, expected, "buyers")
        yield judge(ARRIVED, sides, residual, 0.0, detail, stage.name)


def buyers_arrived_on_time(facts: RunFacts) -> Iterator[Law]:
    """Of 100 buyers at most one sent its first request later than 100 ms after it was due."""
    firsts = facts.requests.sort_values("sent_ns").groupby("user", sort=False).first()
    if firsts.empty:
        yield unknown(ON_TIME, LATE_TOLERANCE, "nobody came")
        return
    late_ns = integers(firsts, "sent_ns") - integers(firsts, "intended_ns")
    late = int(np.count_nonzero(late_ns > LATE_S * NANOSECONDS))
    share = late / len(firsts)
    detail = (
        f"{late} of {len(firsts)} buyers came more than {1000 * LATE_S:g} ms late, "
        f"the latest {late_ns.max() / 1e6:.0f} ms"
    )
    sides = Sides(share, LATE_TOLERANCE, "of all buyers")
    yield judge(ON_TIME, sides, share, LATE_TOLERANCE, detail)
