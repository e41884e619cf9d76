"""The page of the experiments is that of the scenarios and of what is kept."""

import json

import pytest

import report
from harness.results.store import Campaign
from harness.scenario.model import load_scenario
from publishing import experiments
from publishing.experiments import ANSWERS, KEPT, PAGE, ROOT, experiments_page, keep
from tests.support.sweeps import expectation, swept


def test_the_page_is_up_to_date():
    """`python -m publishing.experiments` writes it again."""
    assert PAGE.read_text("utf-8") == experiments_page()


def test_what_is_kept_is_answered_and_asks_what_is_asked_today():
    kept = {path.parent.name: json.loads(path.read_text("utf-8"))["experiment"]
            for path in KEPT.glob("*/summary.json")}  # fmt: skip
    answers = json.loads(ANSWERS.read_text("utf-8")) if ANSWERS.exists() else {}
    assert answers == {name: found["answer"] for name, found in kept.items()}
    for name, found in kept.items():
        scenario = load_scenario(f"experiments/{name}", ROOT)
        assert found["hypothesis"] == scenario.hypothesis
        stated = [one.model_dump(mode="json") for one in scenario.expectations]
        asked = [{key: one[key] for key in stated[0]} for one in found["expectations"]]
        assert asked == stated


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A campaign with the title of an experiment, and an answer of its own."""
    runs = {("queue", (stock,)): {"users": 12, "seconds": 8, "stock": stock} for stock in (2, 9)}
    path = tmp_path_factory.mktemp("measured")
    campaign = swept(path, {"product.stock": (2, 9)}, runs, 2, "More sells more.")
    description = campaign.description()
    description["title"] = load_scenario("threads", ROOT).title
    description["scenario"]["expectations"] = [
        expectation("nine sell more than two", metric="confirmed_orders", of="queue.stock-9",
                    over="queue.stock-2", at_least=1.5)
    ]  # fmt: skip
    campaign.write_json("campaign.json", description)
    return campaign


def test_what_is_kept_has_a_picture_and_a_paragraph(measured, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    monkeypatch.setattr(experiments, "KEPT", kept)
    monkeypatch.setattr(experiments, "MOST_RAW_BYTES", 1)
    place = keep(measured.path, kept)
    assert place == kept / "threads"
    assert not (place / "runs").exists()
    text = (place / "report/report.md").read_text("utf-8")
    assert "../runs/" not in text
    assert "Supported: More sells more" in text
    assert len(Campaign(measured.path).run_folders()) == 4, "nothing of it is taken away"
    page = experiments_page()
    assert "| [`threads`](../scenarios/experiments/threads.toml) |" in page
    section = page.partition("## Four threads")[2]
    assert "(../results/experiments/threads/report/figures/answer.svg)" in section
    assert "**Supported: More sells more.** Supported: nine sell more than two. Measured" in section


def test_small_runs_are_kept_and_the_report_leads_to_them(measured, tmp_path, monkeypatch):
    wrote = []
    monkeypatch.setattr(report, "write", lambda path, raw_is_kept: wrote.append(raw_is_kept))
    place = keep(measured.path, tmp_path / "kept")
    assert len(Campaign(place).run_folders()) == 4
    assert wrote == [True]


def test_what_is_no_experiment_is_not_kept(measured, tmp_path):
    found = {**measured.description(), "title": "Something else"}
    other = Campaign.create(tmp_path / "c", found)
    with pytest.raises(SystemExit, match="no experiment with the title 'Something else'"):
        keep(other.path, tmp_path / "kept")
