"""All metrics: every row of the comparison tables, in the order in which they are printed.

A metric is declared beside the function that measures it (`harness.analysis.metric`), in one of the
modules below. Those with no `better` describe the system or the load (a configured capacity, the
draws of the payment gateway, a count that a faster shop changes in either direction); they are
compared, but nobody wins them.
"""

from collections.abc import Iterable, Iterator, Sequence
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


def estimate_all(
    runs: Sequence[RunFacts], counts: Sequence[bool], metrics: Iterable[Metric] | None = None
) -> dict[str, Estimate]:
    """Estimate metrics (all, if left out) of some runs; `counts` says which of them count.

    A quantity is measured once, for all the metrics that are statistics of it, and not kept: of
    millions of requests each is large.
    """
    estimates = {}
    wanted = METRICS.values() if metrics is None else metrics
    for measure, statistics in groupby(wanted, key=lambda one: one.measure):
        quantities = [measure(facts) for facts in runs]
        for one in statistics:
            estimates[one.id] = estimate(quantities, counts, one.unit, one.scale, one.q)
    return estimates
