"""What a confirmed order costs, from provisioned and from used resources, in US dollars.

Provisioned resources are paid for whether they are used or not, so their cost per order is that of
the month divided by the orders of its sales; used resources are what the run took, at the rates of
a cloud that bills by use. The price table (`prices.toml`) is an input, and no number here is worth
more than it: the bills are not those of the machine on which the run was made.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.analysis import payback
from harness.analysis.estimates import Missing, Quantity, Ratio, Scalar, Scale, estimate
from harness.analysis.metric import Measure
from harness.analysis.payback import NO_BILL, USD, Costed
from harness.analysis.prices import Prices
from harness.analysis.resources import approach_cpu_s, memory_gb_s
from harness.analysis.run_facts import RunFacts

PER = 1000
"""How many confirmed orders a cost is for."""

HOUR_S = 3600

ROWS = (
    ("bill", "Bill of a month", 0, "What the variant costs provisioned for a month."),
    ("provisioned_month", "Cost of 1,000 confirmed orders, provisioned for the month", 2,
     "The month's bill ÷ the orders confirmed in the sales of a month."),
    ("provisioned_sale", "Cost of 1,000 confirmed orders, provisioned for the sale only", 4,
     "The month's bill for the minutes of load and drain ÷ the orders confirmed."),
    ("used_selling", "Cost of 1,000 confirmed orders, from what was used while selling", 5,
     "CPU time and memory × time until the last confirmation, at the rates for use ÷ the orders "
     "confirmed."),
    ("used", "Cost of 1,000 confirmed orders, from what the whole run used", 5,
     "CPU time and memory × time of load and drain at the rates for use ÷ the orders confirmed; "
     "who sells out early has refused buyers for longer."),
    ("revenue", "Revenue of a sale", 0, "Confirmed orders × the price of the product."),
)  # fmt: skip
"""What is computed of one variant: id, title, decimals, what it is."""


def cost(variants: Sequence[Costed], prices: Prices) -> dict[str, Any]:
    """Return the costs of each variant, and of each with the first, with their price table."""
    price_usd = float(variants[0].runs[0].scenario["product"]["price_cents"]) / 100
    baseline, *others = variants
    return {
        "prices": prices.model_dump(mode="json"),
        "order_usd": price_usd,
        "rows": [
            {"id": id, "title": title, "unit": USD, "digits": digits, "description": description}
            for id, title, digits, description in ROWS
        ],
        "figures": payback.described(),
        "variants": {one.name: _of_variant(one, prices, price_usd) for one in variants},
        "pairs": [payback.compare(baseline, other, prices, price_usd) for other in others],
    }


def _of_variant(one: Costed, prices: Prices, price_usd: float) -> dict[str, Any]:
    measures: dict[str, tuple[Scale, Measure]] = {
        **_billed(prices.usd_per_month(one.billed), prices),
        "used_selling": (Scale.LOG, lambda facts: _used(facts, prices, facts.selling_s)),
        "used": (Scale.LOG, lambda facts: _used(facts, prices, facts.end_s)),
        "revenue": (Scale.PLAIN, lambda facts: Scalar(price_usd * len(facts.confirmed))),
    }
    return {
        id: asdict(estimate([measure(f) for f in one.runs], one.counts, USD, scale, None))
        for id, (scale, measure) in measures.items()
    }


def _billed(bill: float | None, prices: Prices) -> dict[str, tuple[Scale, Measure]]:
    """Return how that is measured which follows from the bill of a month, in USD."""
    if bill is None:
        nothing: tuple[Scale, Measure] = (Scale.LOG, lambda _: Missing(NO_BILL))
        return dict.fromkeys(("bill", "provisioned_month", "provisioned_sale"), nothing)
    per_sale, per_hour = bill / prices.sales_per_month, bill / prices.hours_per_month
    return {
        "bill": (Scale.EXACT, lambda _: Scalar(bill)),
        "provisioned_month": (Scale.LOG, lambda facts: _per_order(per_sale, facts)),
        "provisioned_sale": (
            Scale.LOG,
            lambda facts: _per_order(per_hour * facts.end_s / HOUR_S, facts),
        ),
    }


def _per_order(usd: float, facts: RunFacts) -> Ratio:
    return Ratio(PER * usd, float(len(facts.confirmed)))


def _used(facts: RunFacts, prices: Prices, to_s: float) -> Quantity:
    """Return what a run's CPU time and memory up to then would have cost, billed by use."""
    cpu_s, held_gb_s = approach_cpu_s(facts, to_s), memory_gb_s(facts, to_s)
    if isinstance(cpu_s, Missing):
        return cpu_s
    if isinstance(held_gb_s, Missing):
        return held_gb_s
    usd = (cpu_s * prices.used.vcpu_hour + held_gb_s * prices.used.gb_hour) / HOUR_S
    return _per_order(usd, facts)
