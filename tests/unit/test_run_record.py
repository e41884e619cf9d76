"""run.json: its published JSON Schema, and what reading one that is not whole says."""

import json

import jsonschema_rs
import pytest

from harness.errors import UsageError
from harness.results.record import SCHEMA_PATH, RunRecord, json_schema
from harness.results.store import Campaign
from tests.support.edits import ROOT
from tests.support.histories import make_run
from tests.support.records import a_record

KEPT = ("reference", "reference-contention")


def test_the_published_schema_is_what_the_record_says():
    """Write it anew with: python -m harness.results.record."""
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == json_schema()


def test_every_field_says_what_it_is():
    schema = json_schema()
    jsonschema_rs.meta.validate(schema)
    plain = {"index", "block", "variant", "approach", "case", "status", "seed"}
    assert all("description" in part for part in schema["$defs"].values())
    assert plain < set(schema["properties"])


def test_a_run_satisfies_the_schema():
    jsonschema_rs.validator_for(json_schema()).validate(make_run("queue").record.as_json())


@pytest.mark.parametrize("name", KEPT)
def test_a_campaign_of_version_1_is_read_as_one_of_this_version(name):
    campaign = Campaign.open(ROOT / "results" / name)
    validator = jsonschema_rs.validator_for(json_schema())
    for record in campaign.records():
        validator.validate(record.as_json())
        assert record.variant == record.approach
    description = campaign.description()
    assert [one["name"] for one in description["variants"]] == ["sync", "queue"]
    assert description["baseline"] == "sync"
    assert {run["variant"] for run in description["order"]} == {"queue", "sync"}
    assert not {"approaches", "scale", "settings"} & set(description)


@pytest.mark.parametrize("key", ["approach", "store", "t0_wall_ns"])
def test_a_key_that_is_missing_is_named(tmp_path, key):
    content = a_record()
    del content[key]
    with pytest.raises(UsageError, match=rf"run\.json: there is no key {key}"):
        RunRecord.read(content, tmp_path / "run.json")


def test_a_value_of_another_type_is_named(tmp_path):
    content = a_record(store={"products": [{"id": "one"}]})
    with pytest.raises(UsageError, match=r"run\.json: .*store\.products\.0\."):
        RunRecord.read(content, tmp_path / "run.json")
