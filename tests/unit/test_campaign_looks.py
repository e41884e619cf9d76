"""A campaign that goes on until all is decided: when it stops, and what it writes down."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from harness import campaign
from harness.analysis.looks import AFTER_BLOCKS
from harness.campaign import blocks as made_in_blocks
from harness.campaign import interim_looks as looks
from harness.campaign.observer import CompositeObserver
from harness.campaign.schedule import plan_runs
from harness.errors import UsageError
from harness.results.store import Campaign, run_folder_name
from harness.scenario.model import load_scenario
from tests.support.records import a_record
from tests.support.summaries import a_summary

ROOT = Path(__file__).parents[2]
P95 = "purchase_latency_p95_ms"
BOTH = [("queue", ""), ("sync", "")]


def summary_of(blocks, decided_after):
    """A summary whose p95 swings wildly until so many blocks, and then never did."""
    swings = [1.0] * blocks if blocks >= decided_after else [2.0, 0.5] * blocks
    values = {"sync": {P95: [100.0] * blocks}, "queue": {P95: [100.0 * f for f in swings[:blocks]]}}
    return a_summary(values, blocks)


class Noted:
    """Notes how many blocks were asked for; their runs are only written down as finished."""

    def __init__(self, stored, note):
        self.campaign = stored
        self._note = note

    def make(self, blocks):
        self._note(blocks)
        for run in self.campaign.description()["order"]:
            if run["block"] <= blocks:
                write_down(self.campaign, run["index"], run["variant"])


def write_down(stored, index, variant):
    folder = stored.path / "runs" / run_folder_name(index, variant)
    folder.mkdir(exist_ok=True)
    record = a_record(index=index, variant=variant)
    (folder / "run.json").write_text(json.dumps(record))


class Conduct:
    """Conducts a campaign without runs."""

    def __init__(self, path, monkeypatch, decided_after):
        self.asked = []
        self.looked = []
        order = [asdict(one) for one in plan_runs(BOTH, AFTER_BLOCKS[-1], seed=42)]
        if not path.exists():
            content = {"order": order, "n_blocks": 8, "looks": looks.declared()}
            Campaign.create(path, content)
        self.stored = Campaign(path)
        monkeypatch.setattr(looks, "summarise", self._summarise)
        self._decided_after = decided_after

    def _summarise(self, _):
        self.looked.append(self.asked[-1])
        return summary_of(self.asked[-1], self._decided_after)

    def __call__(self):
        looks.make_until_decided(Noted(self.stored, self.asked.append), CompositeObserver(()))
        return self.stored.description()


@pytest.mark.parametrize(
    ("decided_after", "asked"), [(1, [3]), (4, [3, 5]), (8, [3, 5, 8]), (99, [3, 5, 8])]
)
def test_it_stops_at_the_first_look_that_decides_and_never_later_than_the_last(
    tmp_path, monkeypatch, decided_after, asked
):
    found = Conduct(tmp_path / "c", monkeypatch, decided_after)
    description = found()
    assert found.asked == found.looked == asked
    assert [one["blocks"] for one in description["looks"]["taken"]] == asked
    assert description["n_blocks"] == asked[-1]
    assert {run["block"] for run in description["order"]} == set(range(1, asked[-1] + 1))


def test_the_order_of_the_runs_was_drawn_before_the_first_look(tmp_path, monkeypatch):
    description = Conduct(tmp_path / "c", monkeypatch, decided_after=3)()
    planned = [asdict(one) for one in plan_runs(BOTH, AFTER_BLOCKS[-1], seed=42)]
    assert description["order"] == planned[:6]
    assert plan_runs(BOTH, 3, seed=42) == plan_runs(BOTH, 8, seed=42)[:6]


def test_a_look_that_was_taken_is_not_taken_again(tmp_path, monkeypatch):
    """Or an interrupted campaign would look once more, at runs that the look had not seen."""
    first = Conduct(tmp_path / "c", monkeypatch, decided_after=99)

    def interrupted(blocks):
        first.asked.append(blocks)
        if blocks > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        looks.make_until_decided(Noted(first.stored, interrupted), CompositeObserver(()))
    assert first.looked == [3]

    second = Conduct(tmp_path / "c", monkeypatch, decided_after=5)
    description = second()
    assert (second.asked, second.looked) == ([3, 5], [5])
    assert description["n_blocks"] == 5


def test_a_campaign_that_has_stopped_stays_as_it_is(tmp_path, monkeypatch):
    description = Conduct(tmp_path / "c", monkeypatch, decided_after=3)()
    again = Conduct(tmp_path / "c", monkeypatch, decided_after=99)
    assert again() == description
    assert (again.asked, again.looked) == ([3], [])


@pytest.mark.parametrize(
    ("name", "approaches", "words"),
    [
        ("quick", ["sync"], "two variants"),
        ("contention", [], "contention test"),
        ("chaos", [], "cases"),
    ],
)
def test_nothing_is_begun_that_looks_could_not_decide(tmp_path, name, approaches, words):
    scenario = load_scenario(name, ROOT)
    variants = campaign.choose(scenario, ROOT, campaign.Choice(approaches=approaches))
    request = campaign.Request(scenario, variants, runs=8, seed=1, until_decided=True)
    with pytest.raises(UsageError, match=words):
        campaign.run(request, ROOT, tmp_path / "out", Idle(), CompositeObserver(()))
    assert not (tmp_path / "out").exists()


class Idle:
    """A runtime that could do everything, and is asked for nothing."""

    name = "idle"

    def check(self, topology, faults):
        pass

    def facts(self):
        return {}


class MadeUp:
    """Runs that are only written down as finished; the sixth, at first, is interrupted."""

    def __init__(self, patience=-1):
        self.patience = patience

    def __call__(self, planned, scenario, topology, runtime, stored, observer, workers):
        self.patience -= 1
        if self.patience == 0:
            raise KeyboardInterrupt
        write_down(stored, planned.index, planned.variant)


def test_run_and_resume_make_the_runs_that_the_looks_ask_for(tmp_path, monkeypatch):
    monkeypatch.setattr(made_in_blocks, "execute_run", MadeUp(patience=6))
    monkeypatch.setattr(
        looks, "summarise", lambda stored: summary_of(len(stored.run_folders()) // 2, 5)
    )
    scenario = load_scenario("quick", ROOT)
    variants = campaign.choose(scenario, ROOT)
    request = campaign.Request(scenario, variants, 8, 1, until_decided=True)
    out = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        campaign.run(request, ROOT, out, Idle(), CompositeObserver(()))
    begun = Campaign.open(out)
    assert len(begun.run_folders()) == 5
    assert begun.description()["looks"]["taken"] == []
    assert len(begun.description()["order"]) == 16

    done = campaign.resume(out, ROOT, Idle(), CompositeObserver(()))
    assert len(done.run_folders()) == len(done.description()["order"]) == 10
    assert [one["blocks"] for one in done.description()["looks"]["taken"]] == [3, 5]


def test_a_fixed_number_of_runs_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(made_in_blocks, "execute_run", MadeUp())
    scenario = load_scenario("quick", ROOT)
    request = campaign.Request(scenario, campaign.choose(scenario, ROOT), 4, 1)
    done = campaign.run(request, ROOT, tmp_path / "c", Idle(), CompositeObserver(()))
    assert len(done.run_folders()) == 8
    assert "looks" not in done.description()
