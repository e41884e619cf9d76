import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from harness.analysis import summarise
from harness.errors import UsageError
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData, write_json
from tests.support.histories import make_run
from tests.support.records import with_record
from tests.support.schemas import summary_schema
from tests.support.stored import variants

PLAN = (("sync", 1), ("queue", 1), ("queue", 2), ("sync", 2), ("sync", 3), ("queue", 3))
CAMPAIGN: dict[str, Any] = {
    "title": "Simulated sale",
    "variants": variants("queue", "sync"),
    "baseline": "sync",
    "seed": 1,
}


def compared(summary, contender=0):
    """Return the comparison of the first other variant with the baseline."""
    return summary["comparisons"][contender]["metrics"]


def finding(verdict: Verdict = Verdict.PASS, count: int = 0) -> Finding:
    return Finding("I1", "no oversell", verdict, "as counted", count, ({"order_id": "o"},) * count)


@pytest.fixture(scope="module")
def runs() -> list[RunData]:
    return [
        make_run(approach, index=index, block=block, users=60, stock=100, seconds=24)
        for index, (approach, block) in enumerate(PLAN, start=1)
    ]


CLEAN = {index: [finding()] for index in range(1, 7)}


@pytest.fixture(scope="module")
def summary(runs) -> dict[str, Any]:
    return summarise(CAMPAIGN, runs, CLEAN)


def invalid(run: RunData) -> RunData:
    return with_record(run, recorded={"recorded": 1, "locust": 2})


def test_a_summary_satisfies_its_published_schema(summary):
    jsonschema_rs.meta.validate(summary_schema())
    jsonschema_rs.validator_for(summary_schema()).validate(summary)


def test_the_schema_rejects_what_it_does_not_know(summary):
    validator = jsonschema_rs.validator_for(summary_schema())
    assert not validator.is_valid(summary | {"extra": 1})
    assert not validator.is_valid({k: v for k, v in summary.items() if k != "validity"})


def test_the_same_runs_give_the_same_bytes(runs, tmp_path):
    one = write_json(tmp_path / "one.json", summarise(CAMPAIGN, runs, CLEAN))
    other = write_json(tmp_path / "other.json", summarise(CAMPAIGN, list(reversed(runs)), CLEAN))
    assert one.read_bytes() == other.read_bytes()


def test_a_summary_is_what_json_gives_back(summary):
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_baseline_is_the_first_of_the_variants(summary):
    assert [variant["name"] for variant in summary["variants"]] == ["sync", "queue"]
    assert summary["baseline"] == "sync"
    comparison = compared(summary)["confirmed_orders"]
    assert (comparison["baseline"], comparison["contender"]) == ("sync", "queue")


def test_a_clear_difference_has_a_winner_and_a_factor_with_an_interval(summary):
    comparison = compared(summary)["order_time_p50_s"]
    assert comparison["winner"] == "queue"
    assert comparison["low"] <= comparison["factor"] <= comparison["high"] < 1
    assert comparison["n"] == 3


def test_factor_is_in_terms_of_the_estimates_that_stand_beside_it(summary):
    sync, queue = (approach["metrics"]["throughput_rps"] for approach in summary["variants"])
    comparison = compared(summary)["throughput_rps"]
    assert comparison["factor"] == pytest.approx(queue["value"] / sync["value"], rel=0.01)


def test_an_approach_with_one_dirty_run_is_shown_but_cannot_win(runs):
    found = summarise(CAMPAIGN, runs, CLEAN | {3: [finding(Verdict.FAIL, 2)]})
    queue = found["variants"][1]
    assert (queue["ranked"], queue["audit_verdict"], queue["clean_runs"]) == (False, "FAIL", 2)
    assert queue["dirty_runs_upper_bound_pct"] is None
    assert queue["metrics"]["confirmed_orders"]["n"] == 3
    assert {comparison["winner"] for comparison in compared(found).values()} == {None}
    assert found["audit"]["queue"][0]["runs"] == [3]
    assert found["audit"]["queue"][0]["count"] == 2
    assert "queue is not ranked: the audit is FAIL in run 3" in found["warnings"]


def test_a_run_that_was_not_audited_is_unknown_and_keeps_its_approach_from_winning(runs):
    found = summarise(CAMPAIGN, runs, {i: f for i, f in CLEAN.items() if i != 1})
    assert found["variants"][0]["unranked_reasons"] == ["the audit is UNKNOWN in run 1"]
    assert {comparison["winner"] for comparison in compared(found).values()} == {None}


def test_zero_dirty_runs_of_three_still_allow_that_most_are(summary):
    assert summary["variants"][0]["dirty_runs_upper_bound_pct"] == pytest.approx(63.2, abs=0.1)


def test_an_invalid_run_is_kept_but_left_out_of_estimates_and_of_its_block(runs):
    changed = [invalid(run) if run.index == 4 else run for run in runs]
    found = summarise(CAMPAIGN, changed, CLEAN)
    sync = found["variants"][0]
    assert [run["counted"] for run in sync["runs"]] == [True, False, True]
    estimate = sync["metrics"]["accepted_orders"]
    assert (estimate["n"], len(estimate["per_run"])) == (2, 3)
    assert compared(found)["accepted_orders"]["n"] == 2
    assert sync["ranked"]
    assert any(warning.startswith("run 4 (sync) is INVALID") for warning in found["warnings"])
    verdicts = {entry["index"]: entry["verdict"] for entry in found["validity"]}
    assert verdicts[4] == "INVALID"


def test_a_dirty_run_stays_dirty_though_it_is_invalid(runs):
    changed = [invalid(run) if run.index == 4 else run for run in runs]
    found = summarise(CAMPAIGN, changed, CLEAN | {4: [finding(Verdict.FAIL, 1)]})
    assert not found["variants"][0]["ranked"]


def test_an_approach_without_a_valid_run_is_estimated_but_not_ranked(runs):
    changed = [invalid(run) if run.approach == "sync" else run for run in runs]
    found = summarise(CAMPAIGN, changed, CLEAN)
    sync = found["variants"][0]
    assert not sync["ranked"]
    assert "it has no valid run" in sync["unranked_reasons"]
    assert sync["metrics"]["accepted_orders"]["value"] is not None


def test_one_block_gives_numbers_but_no_interval_and_no_winner_by_measurement(runs):
    found = summarise(CAMPAIGN, runs[:2], CLEAN)
    jsonschema_rs.validator_for(summary_schema()).validate(found)
    assert compared(found)["throughput_rps"]["factor"] is not None
    winners = {m for m, c in compared(found).items() if c["winner"]}
    assert winners == {"containers", "payment_slots"}
    assert any(warning.startswith("only 1 run(s)") for warning in found["warnings"])


def test_one_approach_alone_is_summarised_without_comparison(runs):
    found = summarise(CAMPAIGN, [run for run in runs if run.approach == "sync"], CLEAN)
    jsonschema_rs.validator_for(summary_schema()).validate(found)
    assert found["comparisons"] == []


def test_a_third_variant_is_compared_with_the_baseline(runs):
    third = [
        with_record(run, variant="outbox", approach="outbox", index=run.index + 6)
        for run in runs
        if run.approach == "queue"
    ]
    found = summarise(CAMPAIGN, [*runs, *third], CLEAN)
    jsonschema_rs.validator_for(summary_schema()).validate(found)
    pairs = [(c["baseline"], c["contender"]) for c in found["comparisons"]]
    assert pairs == [("sync", "queue"), ("sync", "outbox")]


def test_the_funnel_loses_nothing_between_its_steps(summary, runs):
    for approach, steps in summary["funnel"].items():
        by_step = {step["step"]: step for step in steps}
        attempts = by_step["attempts"]
        assert attempts["mean"] == pytest.approx(
            by_step["accepted"]["mean"] + sum(attempts["left"].values())
        )
        assert by_step["charged"]["mean"] == pytest.approx(
            by_step["confirmed"]["mean"] + sum(by_step["charged"]["left"].values())
        )
        sold = [r.record.store.products[0].sold for r in runs if r.approach == approach]
        assert by_step["confirmed"]["per_run"] == sold


def test_the_funnel_says_what_was_accepted_and_never_recorded(runs):
    queue = [run for run in runs if run.approach == "queue"]
    whole, lacking = (
        {step["step"]: step for step in summarise(CAMPAIGN, of, CLEAN)["funnel"]["queue"]}
        for of in (queue, [without_three_it_acknowledged(run) for run in queue])
    )
    assert lacking["accepted"]["mean"] == whole["accepted"]["mean"]
    assert lacking["accepted"]["left"] == {"not_recorded": 3}
    assert lacking["queued"]["mean"] == whole["queued"]["mean"] - 3


def without_three_it_acknowledged(run):
    told = run.requests.loc[run.requests["status"] == 202, "order_id"]
    lost = run.orders.loc[run.orders["order_id"].isin(told), "order_id"].head(3)
    return replace(run, orders=run.orders[~run.orders["order_id"].isin(lost)])


def test_the_stages_say_what_was_planned_achieved_and_asked(summary, runs):
    stages = summary["stages"]["queue"]
    assert [stage["name"] for stage in stages] == ["warm-up", "rush", "peak", "out"]
    assert [stage["planned_users"] for stage in stages] == [30, 60, 60, 0]
    assert [stage["achieved_users"] for stage in stages] == [30, 60, 60, 0]
    sent = sum(run.requests["stage"].between(1, 4).sum() for run in runs if run.approach == "queue")
    assert sum(stage["requests"] for stage in stages) == pytest.approx(sent / 3)
    assert all(0 < stage["in_flight"] < 60 for stage in stages)


def test_an_empty_campaign_is_an_error_for_people():
    with pytest.raises(UsageError, match="no finished run"):
        summarise(CAMPAIGN, [])


def test_every_kind_of_request_has_its_service_time_and_its_response_time(runs):
    """Two of five requests of one kind are sent late: their response times say so, alone."""
    late = [
        replace(
            run,
            requests=run.requests.assign(
                intended_ns=run.requests["intended_ns"].where(
                    (run.requests["endpoint"] != "product") | (run.requests["user"] % 5 > 1),
                    run.requests["intended_ns"] - 400_000_000,
                )
            ),
        )
        for run in runs
    ]
    found = summarise(CAMPAIGN, late, CLEAN)
    for approach in ("sync", "queue"):
        of_kind = {row["request"]: row for row in found["responses"][approach]}
        assert {"register", "login", "product", "buy"} <= set(of_kind)
        assert ("status" in of_kind) == (approach == "queue")
        assert all(row["answered"] <= row["requests"] for row in of_kind.values())
        gaps_ms = {
            kind: row["response_p95_ms"] - row["service_p95_ms"]
            for kind, row in of_kind.items()
            if row["service_p95_ms"] is not None
        }
        assert gaps_ms.pop("product") == pytest.approx(400, abs=0.5)
        assert gaps_ms == pytest.approx(dict.fromkeys(gaps_ms, 0.2), abs=0.5)
