"""Levels of users: whose requests belong to which, on a load of ten users that rises and falls."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis.levels import levels, users_at_first_failure
from harness.analysis.run_facts import RunFacts
from tests.support.histories import make_run
from tests.support.records import with_record

S = 1_000_000_000
STAGES = [{"name": "up", "users": 12, "seconds": 12}, {"name": "down", "users": 0, "seconds": 12}]
CLOCK = pd.DataFrame({"t_s": [0.0, 12.0, 24.0], "active": [0, 12, 0], "planned": [0, 12, 0]})


def a_run(sent_s, failed=(), clock=CLOCK):
    """One request of 10 ms at each of some times; active users are then t, or 24 - t."""
    run = make_run("queue", users=4, seconds=8)
    frame = pd.DataFrame(
        {
            "endpoint": "product", "stage": [1 if t < 12 else 2 if t < 24 else 3 for t in sent_s],
            "sent_ns": [round(t * S) for t in sent_s],
            "done_ns": [round(t * S) + (30 * S if t in failed else S // 100) for t in sent_s],
            "status": [0 if t in failed else 200 for t in sent_s],
            "outcome": "ok", "error": "", "key": "", "order_id": "", "order_status": "",
        }
    )  # fmt: skip
    scenario = run.record.scenario | {"stages": STAGES}
    run = with_record(run, scenario=scenario, load_s=24.0)
    return RunFacts(replace(run, requests=frame, clock=clock))


def test_the_peak_is_cut_into_six_levels():
    rows = levels([a_run([1.0])], [True])
    assert [(row["above"], row["up_to"]) for row in rows] == [
        (0, 2), (2, 4), (4, 6), (6, 8), (8, 10), (10, 12)
    ]  # fmt: skip


def test_a_request_belongs_to_the_users_at_its_start_rising_or_falling():
    rows = levels([a_run([0.0, 2.0, 2.1, 11.9, 12.0, 21.9, 22.0])], [True])
    assert [row["requests"]["value"] for row in rows] == [3, 2, 0, 0, 0, 2]


def test_requests_after_the_load_belong_to_no_level():
    rows = levels([a_run([1.0, 24.5])], [True])
    assert sum(row["requests"]["value"] for row in rows) == 1


def test_the_error_rate_of_a_level_is_that_of_its_requests():
    rows = levels([a_run([1.0, 1.5, 5.0, 11.0], failed=(5.0, 1.5))], [True])
    assert [row["error_rate_pct"]["value"] for row in rows] == [50, None, 100, None, None, 0]
    assert rows[1]["error_rate_pct"]["warnings"] == ("nothing to divide by",)


def test_an_unanswered_request_is_longer_than_all_others():
    few = [1 + n / 100 for n in range(25)]
    rows = levels([a_run(few, failed=few[:15])], [True])
    assert rows[0]["latency_p50_ms"]["value"] is None
    assert rows[0]["latency_p50_ms"]["low"] == pytest.approx(30_000)


def test_a_percentile_needs_enough_requests():
    rows = levels([a_run([1 + n / 100 for n in range(25)])], [True])
    assert rows[0]["latency_p50_ms"]["value"] == pytest.approx(10)
    assert rows[0]["latency_p95_ms"]["value"] is None
    assert "cannot support a p95" in rows[0]["latency_p95_ms"]["warnings"][0]


def test_intervals_come_from_runs_and_only_from_those_that_count():
    runs = [a_run([1.0, 1.1]), a_run([1.0, 1.1, 1.2, 1.3]), a_run([1.0])]
    first = levels(runs, [True, True, False])[0]["requests"]
    assert first["value"] == 3
    assert first["low"] < 2
    assert first["high"] > 4
    assert first["per_run"] == (2, 4, 1)


def test_an_open_load_plans_no_users_and_has_no_levels():
    run = a_run([1.0])
    arriving = {"stages": [{"name": "rush", "buyers": 9, "seconds": 24}]}
    scenario = run.scenario | {"open": arriving, "stages": []}
    opened = RunFacts(with_record(run.run, scenario=scenario))
    assert levels([opened], [True]) == []


def test_without_a_clock_there_are_no_levels_of_anything():
    blind = a_run([1.0], clock=CLOCK.iloc[:0])
    assert levels([blind], [True])[0]["requests"]["value"] is None
    assert users_at_first_failure(blind).reason == "active users were not recorded"


def test_users_at_the_first_failure_are_those_at_its_start():
    assert users_at_first_failure(a_run([20.0, 3.0, 7.0], failed=(20.0, 7.0))).value == 7
    assert users_at_first_failure(a_run([3.0])).reason == "no request failed"
