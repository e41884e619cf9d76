"""How a stored campaign stands, without reading a single table of it."""

from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.results.findings import Category, Finding, Verdict
from harness.results.status import campaign_status
from harness.results.store import TABLES, Campaign
from tests.support.histories import make_run
from tests.support.records import with_record

PASS = Finding("I1", "No oversell", Verdict.PASS, "fine")


@pytest.fixture
def campaign(tmp_path):
    order = [{"index": index, "variant": "sync"} for index in (1, 2, 3)]
    description = {"title": "Sale", "runtime": "local", "order": order}
    return Campaign.create(tmp_path / "c", description)


def save(campaign, index, verdict, *findings):
    run = make_run("sync", index=index, users=2, stock=2, seconds=8)
    judged = {"verdict": verdict, "reasons": [], "warnings": [], "laws": []}
    return campaign.save_run(with_record(run, validity=judged), [*findings], {})


def test_runs_are_counted_and_the_worst_audit_told(campaign):
    assert campaign_status(campaign.path).words == "Sale, local, 0/3 runs, none finished"
    save(campaign, 1, "VALID", PASS)
    assert campaign_status(campaign.path).words == "Sale, local, 1/3 runs, all valid, audit PASS"
    save(campaign, 2, "INVALID", replace(PASS, verdict=Verdict.FAIL))
    assert campaign_status(campaign.path).words == "Sale, local, 2/3 runs, 1 INVALID, audit FAIL"


def test_the_validity_that_the_report_shows_is_told_not_the_one_of_then(campaign):
    save(campaign, 1, "VALID", PASS)
    judged = [{"index": 1, "verdict": "INVALID", "reasons": ["the laws are others since"]}]
    campaign.write_json("summary.json", {"validity": judged})
    assert campaign_status(campaign.path).words == "Sale, local, 1/3 runs, 1 INVALID, audit PASS"


def test_the_set_up_is_no_matter_of_correctness(campaign):
    weak = replace(PASS, id="I16", verdict=Verdict.FAIL, category=Category.SET_UP)
    save(campaign, 1, "VALID", weak, PASS)
    assert campaign_status(campaign.path).words == "Sale, local, 1/3 runs, all valid, audit PASS"


def test_the_tables_are_not_read(campaign):
    folder = save(campaign, 1, "VALID", PASS)
    for table in TABLES:
        (folder / f"{table}.parquet").write_bytes(b"not parquet")
    assert campaign_status(campaign.path).finished == 1


def test_a_broken_file_is_named(campaign):
    (save(campaign, 1, "VALID", PASS) / "audit.json").write_text("{")
    with pytest.raises(UsageError, match=r"audit\.json"):
        campaign_status(campaign.path)
