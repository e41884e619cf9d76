"""The few lines with which a campaign ends in the terminal."""

from io import StringIO

from rich.console import Console

from harness.cli.outcome import print_outcome
from harness.results.store import Campaign
from tests.support.stored import summary

P95 = "purchase_latency_p95_ms"


def printed(tmp_path, **changes):
    told = summary({"sync": {P95: (1500.0, 1500.0)}}) | {"campaign": {}}
    told["metrics"] = {P95: {"title": "Purchase latency, p95", "unit": "ms", "digits": 0}}
    told["variants"][0]["metrics"][P95] |= changes
    stored = Campaign.create(tmp_path / "c", {"order": []})
    stored.write_json("summary.json", told)
    out = StringIO()
    print_outcome(Console(file=out, width=200), stored)
    return out.getvalue()


def test_a_value_is_told_with_its_unit(tmp_path):
    assert "Purchase latency, p95 1,500 ms" in printed(tmp_path)


def test_of_what_is_only_bounded_the_bound_is_told(tmp_path):
    assert "Purchase latency, p95 ≥ 30,002 ms" in printed(tmp_path, value=None, low=30002.0)
