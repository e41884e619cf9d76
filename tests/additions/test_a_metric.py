"""A metric is added by one declaration beside the function that measures it."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

OWN = '''

@metric("Buyers with an order", better="higher", group=Group.ORDERS, lists={Listing.MAIN: 99})
def buyers_with_an_order(facts: RunFacts) -> Quantity:
    """Accounts that have an order in the ledger, whatever became of it."""
    return Scalar(float(facts.orders["user_id"].nunique()))
'''


def test_a_metric_is_one_declaration(copy):
    module = "harness/analysis/order_counts.py"
    text = (copy.folder / module).read_text("utf-8")
    first = text.index("@metric(")
    copy.replace(
        module, text[first : first + 200], OWN.lstrip() + "\n\n" + text[first : first + 200]
    )
    code, out, said = copy.campaign(copy.scenario())
    assert code == 0, said
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    for variant in summary["variants"]:
        assert variant["metrics"]["buyers_with_an_order"]["value"] > 0
    (compared,) = summary["comparisons"]
    assert "buyers_with_an_order" in compared["metrics"]
    tables = [path.read_text("utf-8") for path in (out / "report" / "tables").glob("*.csv")]
    assert any("Buyers with an order" in table for table in tables)
    assert "Buyers with an order" in (out / "report" / "report.md").read_text("utf-8")
    assert "whatever became of it" in (out / "report" / "index.html").read_text("utf-8")
    assert copy.touched == {module}
