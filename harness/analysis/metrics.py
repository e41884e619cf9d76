"""All metrics: every row of the comparison tables, in the order in which they are printed.

A metric is declared beside the function that measures it (`harness.analysis.metric`), in one of the
modules below. Those with no `better` describe the system or the load (a configured capacity, the
draws of the payment gateway, a count that a faster shop changes in either direction); they are
compared, but nobody wins them.
"""

from collections.abc import Iterator
from itertools import groupby
from types import ModuleType

from harness.analysis import latency, levels, order_counts, resources
from harness.analysis.estimates import Estimate, estimate
from harness.analysis.metric import Group, Listing, Measurement, Metric
from harness.analysis.run_facts import RunFacts


def _declared(*modules: ModuleType) -> Iterator[Metric]:
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Measurement):
                yield from value.metrics


METRICS: dict[str, Metric] = {
    one.id: one
    for one in sorted(
        _declared(latency, order_counts, resources, levels),
        key=lambda one: list(Group).index(one.group),
    )
}
"""All metrics by id, in the order of the tables."""


def listed(listing: Listing) -> tuple[str, ...]:
    """Return the ids of the metrics in a list, in its order."""
    found = [one for one in METRICS.values() if listing in one.lists]
    return tuple(one.id for one in sorted(found, key=lambda one: one.lists[listing]))


def estimate_all(runs: list[RunFacts], counts: list[bool]) -> dict[str, Estimate]:
    """Estimate every metric of one variant; `counts` says which of its runs count.

    A quantity is measured once, for all the metrics that are statistics of it, and not kept: of
    millions of requests each is large.
    """
    estimates = {}
    for measure, metrics in groupby(METRICS.values(), key=lambda one: one.measure):
        quantities = [measure(facts) for facts in runs]
        for one in metrics:
            estimates[one.id] = estimate(quantities, counts, one.unit, one.scale, one.q)
    return estimates
