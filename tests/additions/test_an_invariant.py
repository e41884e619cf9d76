"""An invariant is added by one file: it is audited, decides, and is reported."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

OWN = '''"""Buyers who are served too well."""

from harness.audit.facts import Facts
from harness.audit.invariant import Evidence, invariant


@invariant("I21", "Nobody buys twice")
def nobody_buys_twice(facts: Facts, evidence: Evidence) -> str:
    """No account has more than one confirmed order."""
    sold = facts.orders[facts.orders["status"] == "confirmed"]
    again = sold.duplicated("user_id")
    evidence.offence("orders of a buyer who had one", sold, again, ["order_id", "user_id"])
    return f"{len(sold)} buyers"
'''


def test_an_invariant_is_one_file(copy):
    copy.add("harness/audit/invariants/greed.py", OWN)
    code, out, said = copy.campaign(copy.scenario(), "--approach", "sync")
    assert code == 20, said
    (audited,) = (out / "runs").glob("*/audit.json")
    found = {one["id"]: one for one in json.loads(audited.read_text("utf-8"))["findings"]}
    assert found["I21"]["verdict"] == "FAIL"
    assert found["I1"]["verdict"] == "PASS"
    assert "I21" in said
    report = (out / "report" / "report.md").read_text("utf-8")
    assert "Nobody buys twice" in report
    assert "orders of a buyer who had one" in report
    assert copy.touched == {"harness/audit/invariants/greed.py"}
