"""The law that lets stamps of several machines be compared: their clocks agree.

The stores, the shop and the payment gateway stamp with the clocks of their own nodes, the requests
are stamped here. The audit and the other laws compare all of them.
"""

from collections.abc import Iterator

import numpy as np

from harness.analysis.columns import Floats
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.laws.times import CLOCK_TOLERANCE_S
from harness.analysis.run_facts import RunFacts
from harness.results.findings import Law
from harness.results.nodes import CLOCK_OFFSET, CLOCK_UNCERTAINTY, SOURCE, nodes_of

NODE_CLOCKS = "the nodes' clocks agree"


def node_clocks_agree(facts: RunFacts) -> Iterator[Law]:
    """No node's clock was ahead of this machine's, or behind it, by more than the tolerance.

    A reading bounds the true offset: it is off by no more than half the time that the answer took.
    The law is broken by a reading that cannot be true of a clock within the tolerance, and holds if
    some reading leaves no other possibility. The residual is the worst of the nodes, in s: what a
    broken one surely is off by, or else what the best reading leaves possible.
    """
    for name in nodes_of(facts.record.deployment):
        offsets_s, bounds_s = _readings(facts, f"{SOURCE}{name}")
        if len(offsets_s) == 0:
            yield unknown(NODE_CLOCKS, CLOCK_TOLERANCE_S, f"the clock of {name} was not read")
            continue
        surely_s = float((np.abs(offsets_s) - bounds_s).max())
        best = int((np.abs(offsets_s) + bounds_s).argmin())
        possible_s = float(abs(offsets_s[best]) + bounds_s[best])
        detail = (
            f"{name} is ahead by {1000 * offsets_s[best]:.1f} ms, ± {1000 * bounds_s[best]:.1f} ms"
        )
        if surely_s > CLOCK_TOLERANCE_S or possible_s <= CLOCK_TOLERANCE_S:
            residual_s = surely_s if surely_s > CLOCK_TOLERANCE_S else possible_s
            sides = Sides(offsets_s[best], 0.0, "s ahead")
            yield judge(NODE_CLOCKS, sides, residual_s, CLOCK_TOLERANCE_S, detail)
        else:
            yield unknown(NODE_CLOCKS, CLOCK_TOLERANCE_S, f"{detail}: answers took too long")


def _readings(facts: RunFacts, source: str) -> tuple[Floats, Floats]:
    """Return how far a clock was ahead, and how far that may be off, at each reading."""
    offsets, bounds = facts.telemetry(CLOCK_OFFSET), facts.telemetry(CLOCK_UNCERTAINTY)
    if source not in offsets or source not in bounds:
        return np.empty(0), np.empty(0)
    both = offsets[source].to_frame("offset").join(bounds[source].rename("bound")).dropna()
    return both["offset"].to_numpy(np.float64), both["bound"].to_numpy(np.float64)
