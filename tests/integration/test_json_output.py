"""`--json`: one document on standard output, as its schema says, with the exit code of without."""

import copy
import json
from pathlib import Path

import jsonschema_rs
import pytest

from harness.cli import application
from harness.runtimes import machine_checks
from tests.integration.conftest import ROOT
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE

pytestmark = pytest.mark.integration

REFERENCE = ROOT / "results" / "reference"
SCHEMA = json.loads(
    Path(application.__file__).with_name("json_output.schema.json").read_text(encoding="utf-8")
)


def follows(command, document):
    """Return True if a document is what a command may print."""
    asked = {"$ref": f"#/$defs/{command}", "$defs": SCHEMA["$defs"]}
    return jsonschema_rs.validator_for(asked).is_valid(document)


def printed(done, command, code=0):
    """Return the document that a command printed, and that alone."""
    assert done.returncode == code, done.said
    assert done.stderr == ""
    document = json.loads(done.stdout)
    asked = {"$ref": f"#/$defs/{command}", "$defs": SCHEMA["$defs"]}
    jsonschema_rs.validator_for(asked).validate(document)
    return document


def test_the_schema_is_a_schema():
    jsonschema_rs.meta.validate(SCHEMA)


def test_what_there_is(harness, tmp_path, monkeypatch):
    broken = tmp_path / "results" / "broken"
    broken.mkdir(parents=True)
    (broken / "campaign.json").write_text("no JSON")
    (tmp_path / "results" / "reference").symlink_to(REFERENCE)
    monkeypatch.setattr("harness.project.results_root", lambda: tmp_path)
    found = printed(harness.run("list", "--json"), "list")
    assert "flash_sale" in [one["name"] for one in found["scenarios"]]
    assert {"sync", "queue"} <= {one["name"] for one in found["approaches"]}
    by_name = {Path(one["path"]).name: one for one in found["campaigns"]}
    assert by_name["reference"]["status"]["finished"] == 6
    assert by_name["broken"]["status"] is None
    assert "campaign.json" in by_name["broken"]["error"]


def test_a_scenario(harness):
    found = printed(harness.run("validate", FAKE, "--json"), "validate")
    assert found["title"] == "Simulated sale"
    assert found["runs"] == len(found["variants"])


def test_a_scenario_that_is_wrong_prints_no_document(harness):
    done = harness.run("validate", "no_such_sale", "--json")
    refused(done, 64, "no_such_sale")
    assert done.stdout == ""


def test_a_machine(harness, monkeypatch):
    looked_at = (machine_checks._python, machine_checks._cpu_load)
    monkeypatch.setattr(machine_checks, "_CHECKS", {"local": looked_at})
    for busy_pct, code in ((0.0, 0), (99.0, 70)):
        monkeypatch.setattr("psutil.cpu_percent", lambda interval, busy=busy_pct: busy)
        found = printed(harness.run("doctor", "--json"), "doctor", code)
        assert found["ok"] is (code == 0)
        assert "CPU load" in [one["name"] for one in found["checks"]]


def test_an_audit(harness, tmp_path):
    out = tmp_path / "c"
    assert harness.run("run", FAKE, "--out", out, "--approach", "sync").returncode == 0
    found = printed(harness.run("audit", out, "--json"), "audit")
    assert (found["verdict"], found["exit_code"]) == ("PASS", 0)
    (run,) = found["runs"]
    assert (run["variant"], run["audit"], run["validity"]) == ("sync", "PASS", "VALID")
    assert {one["verdict"] for one in run["findings"]} == {"PASS"}

    record = json.loads((out / "runs" / "01-sync" / "run.json").read_text())
    record["store"]["products"][0]["initial_stock"] = 1
    (out / "runs" / "01-sync" / "run.json").write_text(json.dumps(record))
    found = printed(harness.run("audit", out, "--json"), "audit", 20)
    assert (found["verdict"], found["exit_code"]) == ("CORRECTNESS", 20)
    assert "01-sync" in found["statement"]


def test_a_comparison(harness):
    found = printed(harness.run("compare", REFERENCE, REFERENCE, "--json"), "compare")
    assert found["comparable"] is True
    assert (
        harness.run("compare", REFERENCE, REFERENCE, "--format", "json").stdout
        == json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    )


def test_an_output_that_is_not_utf_8_loses_no_character(harness):
    harness.encoding = "ascii"
    found = printed(harness.run("compare", REFERENCE, REFERENCE, "--json"), "compare")
    assert "no difference within δ" in {row["outcome"] for row in found["rows"]}


@pytest.mark.parametrize("wrong", [{"schema_version": 2}, {"runs": 0}, {"more": 1}, {"cases": [1]}])
def test_what_does_not_follow_the_schema_is_noticed(harness, wrong):
    right = printed(harness.run("validate", FAKE, "--json"), "validate")
    assert follows("validate", right)
    assert not follows("validate", copy.deepcopy(right) | wrong)
