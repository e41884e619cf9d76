"""A metric is one declaration: it is in the summary, the tables and the lists from then on."""

import jsonschema_rs
import pytest

from harness.analysis import METRICS, summarise
from harness.analysis.estimates import Quantity, Scalar
from harness.analysis.metric import Group, Listing, metric
from harness.analysis.metrics import listed
from harness.analysis.run_facts import RunFacts
from report import comparison_report
from report.evidence import Evidence, Variant
from report.tables import cells, metric_tables
from tests.support.histories import make_run
from tests.support.schemas import summary_schema

ID = "users_who_came"


@metric("Users who came", "users", group=Group.ORDERS, better="higher", lists={Listing.KEY: 9})
def users_who_came(facts: RunFacts) -> Quantity:
    """Distinct buyers that sent a request."""
    return Scalar(float(facts.requests["user"].nunique()))


@pytest.fixture
def evidence(monkeypatch):
    (declared,) = users_who_came.metrics
    monkeypatch.setitem(METRICS, declared.id, declared)
    runs = [
        make_run(approach, index=index, users=10, stock=10, seconds=8)
        for index, approach in enumerate(("sync", "queue"), start=1)
    ]
    scenario = runs[0].record.scenario
    summary = summarise({"scenario": scenario}, runs)
    variants = tuple(
        Variant(one["name"], one["title"], position, True, one, ())
        for position, one in enumerate(summary["variants"])
    )
    return Evidence({"scenario": scenario}, summary, variants, ())


def test_a_new_metric_is_estimated_and_compared(evidence):
    jsonschema_rs.validator_for(summary_schema()).validate(evidence.summary)
    assert evidence.summary["metrics"][ID]["description"] == "Distinct buyers that sent a request."
    assert [one.value(ID) for one in evidence.variants] == [10, 10]
    assert evidence.pairs[0].comparisons[ID]["factor"] == 1


def test_a_new_metric_is_in_the_tables_and_its_lists(evidence, monkeypatch):
    monkeypatch.setattr(Evidence, "workload", "a load")
    table = metric_tables.comparison(evidence)
    assert "Users who came" in [row.cells[0].text for row in table.rows]
    assert "Orders,users,Users who came,10," in cells.to_csv(table)
    assert listed(Listing.KEY)[-1] == ID
    assert comparison_report.key_figures(evidence)[-1][0] == "Users who came"
