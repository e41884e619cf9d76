"""The tables of cost: each variant, the more expensive one, the decision, and the prices."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import numbers
from report.claims import decision_framework
from report.claims.published import Published
from report.document import Fold, Part
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, estimate_cell, numeric, texts

LEAD = (
    "What a confirmed order takes and costs, and when the more expensive variant pays "
    "for itself. Costs are only as good as the price table below."
)
LOST = "An order that is not confirmed in the sale is counted as lost."
WHOLE_REVENUE = "Revenue is counted whole; “what an extra order must bring” holds for any margin."
OTHER_MACHINE = "The bills are those of the price table, not of the machine that was measured."


def parts(evidence: Evidence, published: Published) -> tuple[Part, ...]:
    """Return what the campaign costs; nothing of a summary that has no costs."""
    cost = evidence.summary["cost"]
    if not cost:
        return ()
    found = (_of_variants(cost, evidence), _of_pairs(cost, evidence))
    framework = decision_framework.table(cost, published, evidence)
    sales, hours = cost["prices"]["sales_per_month"], cost["prices"]["hours_per_month"]
    assumptions = (
        f"Sales in a month: {numbers.number(sales)}; a month has {hours:g} hours.",
        OTHER_MACHINE,
        LOST,
        WHOLE_REVENUE,
    )
    prices = Fold("The price table", (_prices(cost, evidence),))
    shown = (table for table in found if table is not None)
    decision = [Fold("The published decision framework", (framework,))] if framework else []
    return (Part("cost", "Cost", (LEAD, *shown, assumptions, *decision, prices)),)


def _of_variants(cost: Mapping[str, Any], evidence: Evidence) -> Table:
    shown = evidence.variants
    metrics = evidence.summary["metrics"]
    rows = [_row(metrics[id], [one.estimate(id) for one in shown]) for id in listed(Listing.COST)]
    rows += [
        _row(about, [cost["variants"][one.name][about["id"]] for one in shown])
        for about in cost["rows"]
    ]
    return Table(
        "cost",
        f"What a confirmed order takes and costs, by the prices below; {evidence.workload}.",
        (*texts("Cost", "What it is"), *numeric(*evidence.titles.values(), interval=True)),
        tuple(rows),
    )


def _row(about: Mapping[str, Any], estimates: Sequence[Mapping[str, Any]]) -> Row:
    """Return a number of several variants, or pairs of them, with what it is."""
    cells = [Cell(str(about["title"])), Cell(str(about["description"]))]
    cells += [estimate_cell(estimate, about["digits"]) for estimate in estimates]
    return Row(tuple(cells), unit=about["unit"])


def _of_pairs(cost: Mapping[str, Any], evidence: Evidence) -> Table | None:
    if not cost["pairs"]:
        return None
    titles = evidence.titles
    pairs = [f"{titles[one['dearer']]}, against {titles[one['cheaper']]}" for one in cost["pairs"]]
    rows = [
        _row(about, [pair["figures"][about["id"]] for pair in cost["pairs"]])
        for about in cost["figures"]
    ]
    return Table(
        "break-even",
        f"What it costs more and what it sells more; {evidence.workload}.",
        (*texts("Figure", "What it is"), *numeric(*pairs, interval=True)),
        tuple(rows),
    )


def _prices(cost: Mapping[str, Any], evidence: Evidence) -> Table:
    """Return the price table: every item with its source and its date."""
    prices = cost["prices"]
    used, provisioned = prices["used"], prices["provisioned"]
    rows = [
        _price(f"{one.title}, provisioned", item["item"], item["usd_per_month"], "month",
               provisioned)
        for one in evidence.variants
        for item in provisioned["bills"].get(one.name)
        or provisioned["bills"].get(one.facts["approach"], ())
    ]  # fmt: skip
    rows += [
        _price("Used", "vCPU", used["vcpu_hour"], "hour", used),
        _price("Used", "GB of memory", used["gb_hour"], "hour", used),
    ]
    return Table(
        "prices",
        f"The price table of these costs, in USD; {evidence.workload}.",
        (*texts("Item"), *numeric("USD"), *texts("per", "Source", "As of")),
        tuple(rows),
    )


def _price(group: str, item: str, usd: float, per: str, of: Mapping[str, Any]) -> Row:
    cells = (Cell(item), Cell(f"{usd:g}", usd), Cell(per), Cell(of["source"]), Cell(of["as_of"]))
    return Row(cells, group)
