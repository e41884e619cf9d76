"""What a metric is: one declaration beside the function that measures it in a run.

    @metric("Confirmed orders", better="higher", group=ORDERS, lists={Listing.KEY: 1})
    def confirmed_orders(facts: RunFacts) -> Quantity:
        '''Confirmed orders in the ledger.'''

The function's name is the id, its docstring the description. Everything else that shows, lists or
compares metrics reads `harness.analysis.METRICS`: a new one takes its declaration and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.analysis.estimates import Quantity, Scale
from harness.analysis.outcomes import Better, Margin
from harness.analysis.run_facts import RunFacts

Measure = Callable[[RunFacts], Quantity]


class Group(StrEnum):
    """The groups of the tables, in their order."""

    LATENCY = "Latency and response time"
    THROUGHPUT = "Throughput"
    ORDERS = "Orders"
    RELIABILITY = "Reliability"
    RESOURCES = "Resource utilisation"
    SCALABILITY = "Scalability and backlog"
    MEASUREMENT = "The measurement itself"


class Listing(StrEnum):
    """The lists that have some metrics only; a declaration gives the place in each."""

    KEY = "the first figures of the page and of the terminal"
    PRIMARY = "what a campaign must decide that looks after some of its blocks"
    GATE = "what a gate decides by: the first of a history"
    MAIN = "the first table of a comparison; what each case and any two campaigns show"
    SWEEP = "what is shown, and judged, along a sweep"
    DETECTABLE = "whose smallest detectable difference stands below a comparison"
    BACKLOG = "the table of the backlog"
    COST = "what an order took, before any price"


Lists = Mapping[Listing, int]

DURATION: Final = Margin(0.15, 0.5)
MARGINS: Final = {
    "": Margin(0.05, 0.5),
    "%": Margin(0.05, 1.0),
    "req/s": Margin(0.05, 0.5),
    "orders/s": Margin(0.05, 0.1),
}
"""δ by unit: 5 % of counts, rates and shares (less than one; one percentage point), 15 % of times,
memory and CPU (half a unit), which vary more from run to run."""

QUANTILES: Final = {"avg": None, "p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of the tables: how it is measured, and how it is to be read.

    `q` is the quantile of a sample, null for its mean. Nobody wins a metric without `better`.
    """

    id: str
    title: str
    unit: str
    better: Better
    group: Group
    digits: int
    measure: Measure
    scale: Scale
    lists: Lists
    q: float | None = None

    @property
    def margin(self) -> Margin:
        """Return δ: the difference that does not matter."""
        if self.scale is Scale.EXACT:
            return Margin(0.0, 0.0)
        return MARGINS.get(self.unit, DURATION)

    @property
    def description(self) -> str:
        """Return what is measured, in a sentence or two."""
        lines = (self.measure.__doc__ or "").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())


@dataclass(frozen=True, slots=True)
class Measurement:
    """A function that measures a run, and the metrics that are made of it."""

    measure: Measure
    metrics: tuple[Metric, ...]

    def __call__(self, facts: RunFacts) -> Quantity:
        """Return the quantity of a run."""
        return self.measure(facts)


def metric(
    title: str,
    unit: str = "",
    *,
    better: Better = None,
    group: Group,
    digits: int = 0,
    scale: Scale = Scale.PLAIN,
    lists: Lists | None = None,
) -> Callable[[Measure], Measurement]:
    """Declare the metric of a function that returns one number per run."""

    def declare(measure: Measure) -> Measurement:
        one = Metric(
            id=_name(measure), title=title, unit=unit, better=better, group=group, digits=digits,
            measure=measure, scale=scale, lists=lists or {},
        )  # fmt: skip
        return Measurement(measure, (one,))

    return declare


def statistics(
    title: str,
    unit: str,
    *,
    better: Better = "lower",
    group: Group = Group.LATENCY,
    digits: int = 0,
    of: Mapping[str, Lists],
) -> Callable[[Measure], Measurement]:
    """Declare metrics that are statistics (`QUANTILES`) of the sample that a function returns."""

    def declare(measure: Measure) -> Measurement:
        name = _name(measure).removesuffix(f"_{unit}")
        found = (
            Metric(
                id=f"{name}_{statistic}_{unit}", title=f"{title}, {statistic}", unit=unit,
                better=better, group=group, digits=digits, measure=measure, scale=Scale.LOG,
                lists=lists, q=QUANTILES[statistic],
            )
            for statistic, lists in of.items()
        )  # fmt: skip
        return Measurement(measure, tuple(found))

    return declare


def _name(measure: Measure) -> str:
    return str(getattr(measure, "__name__"))  # noqa: B009 - a Callable has no __name__ for mypy
