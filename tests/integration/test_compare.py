"""`harness compare` and `harness list` on the campaigns that are kept with the project."""

import json
import shutil

import pytest

from harness.analysis import derived
from harness.results.store import Campaign
from tests.integration.conftest import ROOT

pytestmark = pytest.mark.integration

REFERENCE = ROOT / "results" / "reference"


@pytest.fixture
def other(tmp_path):
    """A copy of the reference whose description the test may change."""

    def change(**changes):
        path = tmp_path / "other" / "campaign.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path.parent

    shutil.copytree(REFERENCE, tmp_path / "other", ignore=shutil.ignore_patterns("report"))
    return change


def test_a_campaign_does_not_differ_from_itself(harness):
    done = harness.run("compare", REFERENCE, REFERENCE, "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["comparable"] is True
    assert {row["subject"] for row in document["rows"]} == {"sync", "queue"}
    assert not {row["outcome"] for row in document["rows"]} & {"better", "worse"}


@pytest.mark.parametrize("form", ["text", "md"])
def test_people_get_a_table(harness, form):
    done = harness.run("compare", REFERENCE, REFERENCE, "--format", form)
    assert done.returncode == 0, done.stderr
    for words in ("Total order time, p95", "no difference", "not interleaved", "--format json"):
        assert words in done.stdout


def test_what_is_not_comparable_is_refused_with_its_reasons(harness, other):
    path = other(runtime="docker", seed=7)
    reasons = ["runtime: local in A, docker in B", "seed: 42 in A, 7 in B"]
    done = harness.run("compare", REFERENCE, path)
    assert done.returncode == 50
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "- " + "\n- ".join(reasons) + "\nhint: " in done.stderr
    done = harness.run("compare", REFERENCE, path, "--format", "json")
    assert done.returncode == 50
    document = json.loads(done.stdout)
    assert (document["comparable"], document["rows"]) == (False, [])
    assert document["reasons"] == reasons


def test_another_schema_is_a_reason_and_no_error(other):
    found = derived.compare(REFERENCE, other(schema_version=3))
    assert found.reasons == ("schema_version: 2 in A, 3 in B",)


def test_a_campaign_without_its_summary_is_summarised(other):
    path = other()
    (path / "summary.json").unlink()
    found = derived.compare(REFERENCE, path)
    assert found.reasons == ()
    assert {row.change for row in found.rows} <= {0, 1, None}


def test_a_folder_without_a_campaign_is_named(harness, tmp_path):
    done = harness.run("compare", REFERENCE, tmp_path)
    assert done.returncode == 64
    assert str(tmp_path / "campaign.json") in done.stderr


LONG = "a-campaign-with-a-name-that-is-longer-than-any-terminal-" * 3


def test_a_list_that_is_not_printed_to_a_terminal_has_every_path_whole(
    harness, tmp_path, monkeypatch
):
    title = f"A sale [of] {'many words ' * 20}!"
    kept = Campaign.create(
        tmp_path / "results" / LONG, {"title": title, "runtime": "local", "order": []}
    )
    monkeypatch.setattr("harness.project.results_root", lambda: tmp_path)
    done = harness.run("list")
    assert done.returncode == 0, done.stderr
    assert str(kept.path) in done.stdout
    assert f"{title}, local" in done.stdout
    assert "…" not in done.stdout


def test_the_list_says_how_campaigns_stand(harness):
    done = harness.run("list")
    assert done.returncode == 0, done.stderr
    assert "Flash sale, local, 6/6 runs, all valid, audit PASS" in done.stdout
