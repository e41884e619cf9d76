"""What a gate takes from a campaign: the validity of its report, and the class of findings."""

import pytest

from harness.gate import run_evidence
from harness.results.findings import Category, Finding, Verdict
from harness.results.store import Campaign
from tests.support.histories import make_run
from tests.support.records import with_record

WEAK = Finding(
    "I16",
    "As durable as claimed",
    Verdict.FAIL,
    "appendfsync everysec",
    category=Category.SET_UP,
)


@pytest.fixture
def campaign(tmp_path):
    stored = Campaign.create(
        tmp_path / "comparison",
        {"title": "Sale", "order": [{"index": 1, "block": 1, "variant": "sync"}]},
    )
    run = make_run("sync", users=2, stock=2, seconds=8)
    judged = {"verdict": "VALID", "reasons": [], "warnings": [], "laws": []}
    stored.save_run(with_record(run, validity=judged, sales=[]), [WEAK], {})
    return stored


def found_in(campaign):
    return run_evidence.of_campaign(campaign, lambda system: (system, "head"))


def test_a_run_is_invalid_if_the_report_calls_it_invalid_whatever_it_was_saved_with(campaign):
    assert found_in(campaign).invalid_runs == ()
    derived = {"index": 1, "verdict": "INVALID", "reasons": ["a law of today"]}
    campaign.write_json("summary.json", {"validity": [derived]})
    (one,) = found_in(campaign).invalid_runs
    assert one.reasons == ("a law of today",)


def test_what_may_have_disturbed_a_run_is_told_of_a_valid_run(campaign):
    assert found_in(campaign).warned_runs == ()
    stolen = "the hypervisor withheld 30.0 % of the machine's time"
    derived = {"index": 1, "verdict": "VALID", "reasons": [], "warnings": [stolen]}
    campaign.write_json("summary.json", {"validity": [derived]})
    (one,) = found_in(campaign).warned_runs
    assert one.warnings == (stolen,)
    campaign.write_json("summary.json", {"validity": [derived | {"verdict": "INVALID"}]})
    assert found_in(campaign).warned_runs == ()


def test_a_weak_set_up_is_an_offence_that_is_told_and_stops_nothing(campaign):
    found = found_in(campaign)
    assert [one.invariant for one in found.offences] == ["I16"]
    assert found.is_clean
