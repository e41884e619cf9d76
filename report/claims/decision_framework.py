"""The published decision framework, followed with a campaign's own numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from report import numbers
from report.claims.measurement import cost_pair, subjects
from report.claims.published import Published
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, texts

ON_DEMAND = ", on demand"


@dataclass(frozen=True, slots=True)
class Step:
    """One branch: its condition in words, what is so here, whether it holds, and what to use.

    `use` is an approach; `how` says more about it.
    """

    condition: str
    here: str
    holds: bool
    use: str
    how: str = ""


def steps(order_usd: float, sales: float, published: Published) -> list[Step]:
    """Return the branches of section 5 for a product's price and a number of sales a month."""
    revenue, frequency = published.value("rule_revenue"), published.value("rule_frequency")
    dear, rare = order_usd > revenue, sales < frequency
    return [
        Step(f"if revenue per order > {revenue:g} USD", _usd(order_usd), dear, "queue"),
        Step(f"else if sales in a month < {frequency:g}", f"{sales:g}", rare, "queue", ON_DEMAND),
        Step("else", "", True, "sync"),
    ]


def taken(branches: Sequence[Step]) -> int:
    """Return the place of the branch that decides: the first that holds."""
    return next(place for place, step in enumerate(branches) if step.holds)


def table(cost: Mapping[str, Any], published: Published, evidence: Evidence) -> Table | None:
    """Return the framework branch by branch, and the bound that this campaign puts in its place."""
    order_usd, sales = cost["order_usd"], cost["prices"]["sales_per_month"]
    of = subjects(evidence)
    pair = cost_pair(cost, evidence)
    if pair is None:
        return None
    titles = {approach: one.title for approach, one in of.items()}
    branches = steps(order_usd, sales, published)
    decides = taken(branches)
    rows = [
        _row(step, titles, reached=place <= decides, decides=place == decides)
        for place, step in enumerate(branches)
    ]
    needed = pair["figures"]["revenue_to_pay"]
    if pair["dearer"] == of["queue"].name and needed["value"] is not None:
        pays = order_usd > needed["value"]
        condition = f"measured: revenue per order > {numbers.estimate(needed, 2)}"
        measured = Step(condition, _usd(order_usd), pays, "queue" if pays else "sync")
        rows.append(_row(measured, titles, reached=True, decides=True))
    return Table(
        "decision",
        "The framework of section 5 with this campaign's numbers, and the least revenue with which "
        f"the queue pays for itself by them; {evidence.workload}.",
        texts("Rule", "Here", "Holds", "Use"),
        tuple(rows),
    )


def _row(step: Step, titles: Mapping[str, str], *, reached: bool, decides: bool) -> Row:
    answer = ("yes" if step.holds else "no") if reached else "not reached"
    use = f"{titles[step.use]}{step.how}" if decides else ""
    return Row((Cell(step.condition), Cell(step.here), Cell(answer), Cell(use)))


def _usd(amount: float) -> str:
    return numbers.with_unit(numbers.number(amount, 2), "USD")
