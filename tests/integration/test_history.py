"""`harness history` as it is called: nothing fails by it, and a folder without nights is named."""

import shutil

import pytest

from tests.integration.conftest import ROOT
from tests.integration.test_wrong_usage import refused
from tests.support.nightly import slower, store

pytestmark = pytest.mark.integration


def test_a_change_is_told_and_is_no_failure(harness, tmp_path):
    for at in range(26):
        store(tmp_path / f"night-{at:02d}", slower(at, 20))
    done = harness.run("history", tmp_path, "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    answer, sentence, *_ = done.stdout.splitlines()
    assert "worse since 2026-09-21" in answer
    assert "between 2026-09-20 (0000019) and 2026-09-21 (0000020)." in sentence
    assert f"history: {tmp_path / 'page' / 'index.html'}" in done.stdout
    assert (tmp_path / "page" / "history.json").exists()


@pytest.mark.slow
def test_a_summary_that_is_missing_is_made_anew(harness, tmp_path):
    shutil.copytree(
        ROOT / "results" / "reference",
        tmp_path / "night",
        ignore=shutil.ignore_patterns("summary.json", "report"),
    )
    done = harness.run("history", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No change is sought before there are 20 nights; there is 1" in done.stdout
    assert (tmp_path / "history" / "index.html").exists()


def test_a_folder_without_a_campaign_is_refused(harness, tmp_path):
    refused(harness.run("history", tmp_path), 64, str(tmp_path))
    refused(harness.run("history", tmp_path / "nowhere"), 64, "nowhere")
    refused(harness.run("history"), 64, "folder")
    (tmp_path / "campaign.json").write_text("{")
    refused(harness.run("history", tmp_path), 64, "campaign.json")


def test_a_folder_above_a_campaign_is_refused_and_not_written_to(harness, tmp_path):
    folder = tmp_path / "results"
    store(folder / "somebody" / "else" / "night", slower(0, 20))
    refused(harness.run("history", folder), 64, str(folder), "results/nightly")
    assert [path.name for path in folder.iterdir()] == ["somebody"]


def test_a_folder_that_cannot_be_written_is_refused(harness, tmp_path):
    store(tmp_path / "night", slower(0, 20))
    (tmp_path / "file").write_text("")
    refused(harness.run("history", tmp_path, "--out", tmp_path / "file" / "x"), 64, "file")
