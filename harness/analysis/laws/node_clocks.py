"""The law that lets stamps of several machines be compared: their clocks agree.

The stores, the shop and the payment gateway stamp with the clocks of their own nodes, the requests
are stamped here. The audit and the other laws compare all of them.
"""

from collections.abc import Iterator

from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.run_facts import RunFacts
from harness.results.findings import Law
from harness.results.nodes import CLOCK_TOLERANCE_S, node_clock, nodes_of

NODE_CLOCKS = "the nodes' clocks agree"


def node_clocks_agree(facts: RunFacts) -> Iterator[Law]:
    """No node's clock was ahead of this machine's, or behind it, by more than the tolerance.

    A reading bounds the true offset: it is off by no more than half the time that the answer took.
    The law is broken by a reading that cannot be true of a clock within the tolerance, and holds if
    some reading leaves no other possibility. The residual is the worst of the nodes, in s: what a
    broken one surely is off by, or else what the best reading leaves possible.
    """
    for name in nodes_of(facts.record.deployment):
        clock = node_clock(facts.run.telemetry, name)
        if clock is None:
            yield unknown(NODE_CLOCKS, CLOCK_TOLERANCE_S, f"the clock of {name} was not read")
            continue
        ahead_ms, uncertainty_ms = 1e3 * clock.ahead_s, 1e3 * clock.uncertainty_s
        detail = f"{name} is ahead by {ahead_ms:.1f} ms, ± {uncertainty_ms:.1f} ms"
        if clock.is_wrong or clock.is_right:
            residual_s = clock.surely_s if clock.is_wrong else clock.possible_s
            sides = Sides(clock.ahead_s, 0.0, "s ahead")
            yield judge(NODE_CLOCKS, sides, residual_s, CLOCK_TOLERANCE_S, detail)
        else:
            yield unknown(NODE_CLOCKS, CLOCK_TOLERANCE_S, f"{detail}: answers took too long")
