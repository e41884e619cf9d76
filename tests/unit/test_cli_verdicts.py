"""The few lines with which a campaign ends in the terminal."""

import pytest

from harness.cli.outcome import CampaignVerdict
from harness.cli.result_lines import print_result
from harness.errors import ExitCode
from harness.results.store import Campaign
from tests.support.stored import QUEUE, SYNC, summary

P95 = "purchase_latency_p95_ms"
ORDERS = "confirmed_orders"
TITLES = {
    ORDERS: {"title": "Confirmed orders", "unit": "", "digits": 0},
    P95: {"title": "Purchase latency (acknowledgement), p95", "unit": "ms", "digits": 0},
}
VERDICT = CampaignVerdict(ExitCode.OK, "all 6 runs are valid, every audit passed")


@pytest.fixture
def printed(tmp_path, capsys):
    def said(found=None, answer="Queue confirmed 2.5× as many orders"):
        told = summary({"sync": SYNC, "queue": QUEUE}) | {"campaign": {}} | (found or {})
        for one in told["variants"]:
            one["audit_verdict"] = "PASS"
        told["metrics"] = TITLES
        stored = Campaign.create(tmp_path / "c", {"order": []})
        stored.write_json("summary.json", told)
        print_result(stored, VERDICT, answer)
        return capsys.readouterr().out

    return said


def test_a_row_for_each_variant_the_answer_the_ratios_and_the_verdict(printed):
    lines = [line.rstrip() for line in printed().splitlines()]
    assert max(map(len, lines)) <= 80
    at = next(number for number, line in enumerate(lines) if line.split()[:1] == ["sync"])
    assert lines[at].split()[:2] == ["sync", "405"]
    assert lines[at].endswith("PASS")
    assert lines[at + 1].split()[:2] == ["queue", "1,000"]
    answer = lines.index("Queue confirmed 2.5× as many orders")
    assert lines[answer + 1] == "queue compared with sync [95 % interval]:"
    orders, latency = lines[answer + 2 : answer + 4]
    assert orders.startswith("  Confirmed orders")
    assert "2.47× higher [" in orders
    assert orders.endswith("], better")
    assert latency.endswith("], better")
    assert lines[-1] == "PASS: all 6 runs are valid, every audit passed"


def test_of_what_is_only_bounded_the_bound_is_told(printed):
    told = summary({"sync": {P95: (1500.0, 1500.0)}})
    told["variants"][0]["metrics"][P95] |= {"value": None, "low": 30002.0}
    assert "≥ 30" in printed(told).replace("\N{NO-BREAK SPACE}", " ")


def test_a_contention_test_has_its_statement(printed):
    told = {"contention": {"sales": 3}, "variants": [{"name": "sync", "statement": "0 oversold"}]}
    assert "0 oversold\n" in printed(told | {"comparisons": []})
