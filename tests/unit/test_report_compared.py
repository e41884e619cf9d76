"""The comparison of two campaigns as a table: golden, on one machine and on two."""

from pathlib import Path

import pytest

from harness.analysis import compare
from report.page import markdown
from report.tables import compared_campaigns
from tests.support.stored import QUEUE, SYNC, stored

GOLDEN = Path(__file__).parents[1] / "golden"
SLOWER = {
    "sync": SYNC,
    "queue": {
        "purchase_latency_p95_ms": (181.0, 190.0, 176.0),
        "confirmed_orders": (998.0, 1000.0, 999.0),
        "server_errors": (31.0, 30.0, 35.0),
    },
}


@pytest.mark.parametrize("cores", [2, 8])
def test_the_table_is_as_it_was(cores):
    found = compare(stored(), stored(SLOWER, {"environment/cores": cores}))
    golden = (GOLDEN / f"compared-{found.basis}.md").read_text(encoding="utf-8")
    printed = markdown.table(compared_campaigns.table(found)).replace("\xa0", " ")
    assert printed + "\n" == golden


def test_what_is_neither_a_headline_nor_decided_is_counted():
    found = compare(stored(), stored(SLOWER))
    assert (
        compared_campaigns.left_out(found) == "Not shown here, but in --format json: 1 not decided."
    )
    alone = {"queue": {"confirmed_orders": QUEUE["confirmed_orders"]}}
    assert compared_campaigns.left_out(compare(stored(alone), stored(alone))) == ""
