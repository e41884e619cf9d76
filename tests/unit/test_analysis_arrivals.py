"""The laws of an open load: whoever was turned away, or came late, makes the run invalid."""

from dataclasses import replace

import pytest

from harness.analysis import check_laws, summarise, validity
from harness.analysis.laws import OF_ARRIVALS
from harness.analysis.laws.arrival_laws import ARRIVED, ON_TIME
from harness.analysis.laws.node_clocks import NODE_CLOCKS
from harness.results.findings import Verdict
from tests.support.histories import make_run
from tests.support.records import with_record

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def run():
    """A simulated run whose buyers count as arrivals: all are born in its stages."""
    made = make_run("queue", users=40, stock=60, seconds=24)
    scenario, stages, start_s = made.record.scenario, [], 0.0
    for stage in scenario["stages"]:
        born_s = made.buyers["born_ns"] / SECOND
        due = int(((born_s >= start_s) & (born_s < start_s + stage["seconds"])).sum())
        stages.append({"name": stage["name"], "buyers": due, "seconds": stage["seconds"]})
        start_s += stage["seconds"]
    opened = {"spread": "poisson", "accounts": 40, "at_once": 100, "stages": stages}
    return with_record(made, scenario={**scenario, "open": opened, "stages": []})


ON_ONE_MACHINE = {name for name, _ in OF_ARRIVALS} - {NODE_CLOCKS}


def failed(run):
    return {law.name for law in check_laws(run) if law.verdict is Verdict.FAIL}


def test_a_consistent_run_obeys_every_law(run):
    laws = check_laws(run)
    assert {law.name for law in laws} == ON_ONE_MACHINE
    assert [law for law in laws if law.verdict is not Verdict.PASS] == []
    assert validity(run, laws).verdict == "VALID"


def test_a_campaign_judges_its_runs_by_the_same_laws(run):
    (judged,) = summarise({"title": "Open"}, [run])["validity"]
    assert judged["verdict"] == "VALID"
    assert {law["name"] for law in judged["laws"]} == ON_ONE_MACHINE


def test_a_buyer_who_was_turned_away_is_missed(run):
    away = run.requests[run.requests["user"] != 3]
    laws = check_laws(replace(run, requests=away))
    missed = [law for law in laws if law.name == ARRIVED and law.verdict is Verdict.FAIL]
    assert [law.detail.split(";")[0].split(", ")[1] for law in missed] == ["1 found no room"]


def test_a_buyer_of_whom_nothing_is_known_is_missed(run):
    fewer = replace(
        run,
        buyers=run.buyers[run.buyers["user"] != 3],
        requests=run.requests[run.requests["user"] != 3],
    )
    assert ARRIVED in failed(fewer)


@pytest.mark.parametrize(("late_ms", "broken"), [(90, False), (150, True)])
def test_buyers_may_not_come_later_than_a_tenth_of_a_second(run, late_ms, broken):
    first = run.requests.groupby("user")["sent_ns"].transform("min") == run.requests["sent_ns"]
    late = run.requests.assign(
        intended_ns=run.requests["intended_ns"].where(
            ~first, run.requests["sent_ns"] - late_ms * 1_000_000
        )
    )
    assert (ON_TIME in failed(replace(run, requests=late))) is broken


def test_one_of_a_hundred_may_be_late(run):
    slowest = run.requests.sort_values("sent_ns").drop_duplicates("user").index[0]
    late = run.requests.copy()
    late.loc[slowest, "intended_ns"] -= SECOND
    share = 1 / run.requests["user"].nunique()
    assert (ON_TIME in failed(replace(run, requests=late))) is (share > 0.01)
