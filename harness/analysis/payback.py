"""When the more expensive of two variants pays for itself: its extra cost and its extra sales.

An order that is not confirmed in the sale is counted as lost, and revenue is counted whole, as in
the published report; `revenue_to_pay` says what an order must bring, whatever its margin. Orders
are paired by block, as everywhere; bills and prices have no spread, so every interval comes from
orders.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.analysis.estimates import Estimate, geometric_mean, log_t_interval, t_interval
from harness.analysis.prices import Prices
from harness.analysis.run_facts import RunFacts

USD = "USD"
NO_BILL = "the price table has no bill for it"
NOTHING_MORE = "it does not confirm more orders"

FIGURES = (
    ("bill_factor", "Monthly bill ratio", "×", 1, "Bill of a month ÷ that of the cheaper."),
    ("cost_per_order_factor", "Cost of a confirmed order, times as much", "×", 2,
     "Provisioned for the month; it does not depend on how many sales there are."),
    ("extra_bill", "Extra monthly cost", USD, 0, "Bill of a month − that of the cheaper."),
    ("extra_orders", "More orders confirmed in a sale", "", 0, "Paired by block."),
    ("extra_revenue", "More revenue in a sale", USD, 0, "These orders × the price of the product."),
    ("orders_to_pay", "Extra orders in a month that pay for it", "", 2,
     "Extra monthly cost ÷ the price of the product."),
    ("sales_to_pay", "Sales in a month that pay for it", "", 5,
     "Extra monthly cost ÷ more revenue in a sale."),
    ("revenue_to_pay", "What an extra order must bring to pay for it", USD, 2,
     "Extra monthly cost ÷ more orders in its sales: a bound for the margin of an order."),
    ("roi", "Revenue beyond what is paid more, as a share of it (not profit)", "%", 0,
     "(More revenue in a month − more to pay) ÷ more to pay. Revenue is not profit: what the goods "
     "cost is not taken off, as in the published report."),
)  # fmt: skip
"""What is said of a pair: id, title, unit, decimals, what it is."""


@dataclass(frozen=True, slots=True)
class Costed:
    """The runs of a variant, which of them count, their blocks, and whose bill it has."""

    name: str
    billed: str
    runs: Sequence[RunFacts]
    counts: Sequence[bool]
    blocks: Sequence[int]

    def confirmed_by_block(self) -> dict[int, int]:
        """Return the orders confirmed in each block whose run counts."""
        rows = zip(self.blocks, self.runs, self.counts, strict=True)
        return {block: len(facts.confirmed) for block, facts, counted in rows if counted}


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its interval; one of exact numbers is a point, one of a single block open."""

    value: float
    low: float | None
    high: float | None

    def times(self, factor: float) -> "Interval":
        """Return it multiplied by a number that is not negative."""
        return Interval(self.value * factor, _times(self.low, factor), _times(self.high, factor))

    def less(self, term: float) -> "Interval":
        """Return it less a number."""
        low, high = (None if end is None else end - term for end in (self.low, self.high))
        return Interval(self.value - term, low, high)

    def into(self, dividend: float) -> "Interval | None":
        """Return a number that is not negative divided by it, or None if it may not divide.

        An interval that reaches 0 leaves the quotient without an upper end.
        """
        if self.value <= 0:
            return None
        low = dividend / self.high if self.high is not None else None
        high = dividend / self.low if self.low is not None and self.low > 0 else None
        return Interval(dividend / self.value, low, high)


def _times(end: float | None, factor: float) -> float | None:
    return None if end is None else end * factor


def described() -> list[dict[str, Any]]:
    """Return what each figure is, in the order in which they are printed."""
    return [
        {"id": id, "title": title, "unit": unit, "digits": digits, "description": description}
        for id, title, unit, digits, description in FIGURES
    ]


def compare(one: Costed, other: Costed, prices: Prices, price_usd: float) -> dict[str, Any]:
    """Return every figure of two variants, the one with the smaller bill taken as the cheaper."""
    bill_one, bill_other = prices.usd_per_month(one.billed), prices.usd_per_month(other.billed)
    if bill_one is None or bill_other is None:
        found: dict[str, Interval | None] = {}
        cheaper, dearer, n, why = one, other, 0, NO_BILL
    else:
        cheaper, dearer = (one, other) if bill_one <= bill_other else (other, one)
        fewer, more = cheaper.confirmed_by_block(), dearer.confirmed_by_block()
        pairs = [(fewer[block], more[block]) for block in sorted(set(fewer) & set(more))]
        bills = min(bill_one, bill_other), max(bill_one, bill_other)
        found = _figures(pairs, bills, prices.sales_per_month, price_usd)
        n, why = len(pairs), NOTHING_MORE if pairs else "no block has both"
    return {
        "cheaper": cheaper.name,
        "dearer": dearer.name,
        "figures": {
            id: asdict(_estimate(found.get(id), unit, n, why)) for id, _, unit, _, _ in FIGURES
        },
    }


def _figures(
    pairs: Sequence[tuple[int, int]], bills: tuple[float, float], sales: float, price_usd: float
) -> dict[str, Interval | None]:
    """Return the figures of blocks of (orders of the cheaper, of the dearer); None: no such."""
    extra_bill = bills[1] - bills[0]
    factor = bills[1] / bills[0] if bills[0] else None
    found: dict[str, Interval | None] = {
        "bill_factor": None if factor is None else _exact(factor),
        "extra_bill": _exact(extra_bill),
        "orders_to_pay": _exact(extra_bill / price_usd),
    }
    if not pairs:
        return found
    extra = _mean([float(after - before) for before, after in pairs])
    revenue = extra.times(price_usd)
    return found | {
        "extra_orders": extra,
        "extra_revenue": revenue,
        "sales_to_pay": revenue.into(extra_bill),
        "revenue_to_pay": extra.times(sales).into(extra_bill),
        "roi": revenue.times(sales).less(extra_bill).times(100 / extra_bill)
        if extra_bill
        else None,
        "cost_per_order_factor": None if factor is None else _cost_factor(pairs, factor),
    }


def _cost_factor(pairs: Sequence[tuple[int, int]], bill_factor: float) -> Interval | None:
    """Return how many times as much an order costs; None if in a block nothing was confirmed."""
    if any(min(pair) == 0 for pair in pairs):
        return None
    ratios = [bill_factor * before / after for before, after in pairs]
    low, high = log_t_interval(ratios) if len(ratios) > 1 else (None, None)
    return Interval(geometric_mean(ratios), low, high)


def _exact(value: float) -> Interval:
    return Interval(value, value, value)


def _mean(values: Sequence[float]) -> Interval:
    low, high = t_interval(values) if len(values) > 1 else (None, None)
    return Interval(math.fsum(values) / len(values), low, high)


def _estimate(span: Interval | None, unit: str, n: int, why_not: str) -> Estimate:
    """Return a figure in the form of all numbers."""
    if span is None:
        return Estimate(None, unit, None, None, n, "not measured", (why_not,), ())
    if span.low == span.high == span.value:
        return Estimate(span.value, unit, span.low, span.high, n, "from the price table", (), ())
    method = f"from orders paired by block, n = {n}"
    return Estimate(span.value, unit, span.low, span.high, n, method, _open(span), ())


def _open(span: Interval) -> tuple[str, ...]:
    """Return why an interval lacks an end, if it does."""
    if span.low is None:
        return ("one block: no interval",)
    return ("no upper end: it may confirm no more orders",) if span.high is None else ()
