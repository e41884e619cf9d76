"""What a fault did, from runs in which it is known: to the nanosecond where it can be."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from harness.analysis import check_laws, summarise, validity
from harness.analysis.fault_effects import HARM_KINDS, count_harm, effects
from harness.analysis.run_facts import RunFacts
from harness.audit import audit
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData
from tests.defects import DEFECTS
from tests.support.histories import make_run
from tests.support.mishaps import Mishap
from tests.support.records import T0_WALL_NS, edited
from tests.support.schemas import summary_schema
from tests.support.stored import variants

S = 1_000_000_000
PAUSED = Mishap("pause", "payment-worker", begun_s=8.0, ended_s=12.0)
KILLED = Mishap("kill", "api", begun_s=8.0, ended_s=10.0)
CAMPAIGN: dict[str, Any] = {
    "title": "Simulated sale",
    "variants": variants("queue", "sync"),
    "seed": 1,
}


def a_run(*mishaps: Mishap, **load: Any) -> RunData:
    return make_run("queue", mishaps=mishaps, **{"users": 40, "stock": 400} | load)


def effect(run: RunData, number: int = 0, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    return effects(RunFacts(run), findings)[number]


def with_fault(run: RunData, **changes: Any) -> RunData:
    return edited(run, lambda record: record["faults"][0].update(changes))


def settled_at(run: RunData, order_id: str, at_s: float) -> RunData:
    at_ns = T0_WALL_NS + int(at_s * S)
    settled_ns = run.orders["settled_ns"].mask(run.orders["order_id"] == order_id, at_ns)
    return replace(run, orders=run.orders.assign(settled_ns=settled_ns))


def test_a_run_without_faults_has_no_effects() -> None:
    assert effects(RunFacts(make_run("queue")), []) == []


def test_a_run_of_old_says_nothing_of_faults_or_cases() -> None:
    run = make_run("queue")
    assert effects(RunFacts(run), []) == []
    assert [f.verdict for f in audit(run) if f.verdict is not Verdict.PASS] == []
    summary = summarise(CAMPAIGN, [run], {1: audit(run)})
    assert (summary["faults"], summary["cases"]) == ([], [])


@pytest.mark.parametrize("late_s", [0.25, 7.125])
def test_recovery_is_what_the_order_held_up_longest_waited_after_the_fault(late_s: float) -> None:
    """Orders that are due before the fault count from its begin."""
    run = a_run(Mishap("kill", "redis", begun_s=8.0, ended_s=9.0))
    run = with_fault(run, service="event-stream")
    accepted_s = (run.orders["accepted_ns"] - T0_WALL_NS) / S
    settled_s = (run.orders["settled_ns"] - T0_WALL_NS) / S
    latency_s = run.charges.set_index("order_id")["latency_ms"].reindex(run.orders["order_id"])
    due_s = accepted_s + latency_s.to_numpy() / 1000
    before = (accepted_s < 8) & (due_s < 8) & (settled_s > 8)
    in_time = run.orders["settled_ns"].where(settled_s < 8, T0_WALL_NS + (due_s * S).astype(int))
    victim = run.orders["order_id"][before | ((accepted_s < 8) & (settled_s > 8))].iloc[0]
    run = settled_at(replace(run, orders=run.orders.assign(settled_ns=in_time)), victim, 8)
    due = max(8.0, float(due_s[run.orders["order_id"] == victim].iloc[0]))
    assert effect(run)["recovery_s"] == pytest.approx(0.0, abs=1e-6)
    found = effect(settled_at(run, victim, due + late_s))["recovery_s"]
    assert found == pytest.approx(late_s, abs=1e-6)


def test_an_order_that_is_due_after_the_fault_is_not_held_up_by_its_own_payment() -> None:
    quiet = effect(with_fault(a_run(PAUSED), begun_ns=1 * S, ended_ns=2 * S, healthy_ns=2 * S))
    assert quiet["recovery_s"] < 6  # the pause is later; the payments of this time took seconds


def test_orders_accepted_before_the_end_count_and_later_ones_do_not() -> None:
    run = a_run(PAUSED)
    accepted_s = (run.orders["accepted_ns"] - T0_WALL_NS) / S
    inside = run.orders["order_id"][(accepted_s > 9) & (accepted_s < 12)].iloc[0]
    after = run.orders["order_id"][accepted_s > 12.5].iloc[0]
    assert effect(settled_at(run, inside, 100))["recovery_s"] > 80
    assert effect(settled_at(run, after, 100))["recovery_s"] < 10


def test_orders_that_a_pause_holds_up_wait_until_it_is_over() -> None:
    found = effect(a_run(PAUSED))
    assert found["recovery_s"] == pytest.approx(5.0, abs=0.2)
    assert found["in_flight"] > 0
    assert (found["begun_s"], found["ended_s"], found["healthy_s"]) == (8.0, 12.0, 13.0)
    assert found["unsettled"] == 0


def test_an_order_that_is_never_settled_leaves_no_recovery_time() -> None:
    run = a_run(PAUSED)
    accepted_s = (run.orders["accepted_ns"] - T0_WALL_NS) / S
    victim = (accepted_s > 9) & (accepted_s < 12)
    victim &= victim.cumsum() == 1
    orders = run.orders.assign(
        status=run.orders["status"].mask(victim, "awaiting_payment"),
        settled_ns=run.orders["settled_ns"].mask(victim, 0),
    )
    stuck = replace(run, orders=orders)
    found = effect(stuck, findings=audit(stuck))
    assert (found["recovery_s"], found["unsettled"]) == (None, 1)
    assert (found["lost"], found["unfinished"]) == (0, 1)


def test_the_window_of_failures_is_that_of_requests_that_failed() -> None:
    run = a_run(KILLED)
    found = effect(run)
    silent = run.requests[(run.requests["error"] == "connect") & (run.requests["sent_ns"] >= 8 * S)]
    silent = silent[silent["sent_ns"] < 11 * S]
    assert found["failed_requests"] >= len(silent) > 20
    assert 8.0 <= found["failing_from_s"] <= silent["sent_ns"].min() / S
    assert found["failing_to_s"] >= silent["done_ns"].max() / S
    assert found["seen"]["no answer"] >= len(silent)


def test_a_fault_is_answerable_until_the_next_one_begins() -> None:
    first, second = (
        effect(a_run(KILLED, Mishap("kill", "nginx", begun_s=14.0, ended_s=15.0)), number)
        for number in (0, 1)
    )
    assert first["failing_to_s"] < 14.5
    assert second["failing_from_s"] >= 14.0


def test_a_request_under_way_when_a_fault_begins_fails_since_then() -> None:
    run = a_run(Mishap("kill", "redis", 8.0, 9.0))
    requests = run.requests.reset_index(drop=True)
    quiet = requests.assign(status=200, outcome="ok")
    victim = quiet.index == quiet.index[quiet["done_ns"] > 7 * S][0]
    failed = quiet.assign(
        status=quiet["status"].mask(victim, 504), done_ns=quiet["done_ns"].mask(victim, 9 * S)
    )
    found = effect(replace(run, requests=failed))
    assert (found["failing_from_s"], found["failing_to_s"]) == (8.0, 9.0)
    assert (found["failed_requests"], found["seen"]) == (1, {"504": 1})


def test_a_request_that_ends_after_the_next_fault_began_belongs_to_that_one() -> None:
    run = a_run(Mishap("kill", "redis", 8.0, 9.0), Mishap("pause", "redis", 14.0, 15.0))
    requests = run.requests.reset_index(drop=True)
    victim = requests.index == requests.index[requests["done_ns"] > 9 * S][0]
    quiet = requests.assign(status=200, outcome="ok")
    failed = quiet.assign(
        status=quiet["status"].mask(victim, 0), done_ns=quiet["done_ns"].mask(victim, 16 * S)
    )
    first, second = (effect(replace(run, requests=failed), number) for number in (0, 1))
    assert (first["failed_requests"], second["failed_requests"]) == (0, 1)
    assert (second["failing_from_s"], second["failing_to_s"]) == (14.0, 16.0)


def test_without_failures_there_is_no_window() -> None:
    run = a_run(PAUSED)
    found = effect(replace(run, requests=run.requests.assign(status=200, outcome="ok")))
    assert found["failing_from_s"] is found["failing_to_s"] is None
    assert found["failed_requests"] == 0


def test_slowest_purchase_and_confirmations_are_those_of_the_fault() -> None:
    run = a_run(PAUSED)
    found = effect(run)
    settled_s = (run.orders["settled_ns"] - T0_WALL_NS) / S
    confirmed = run.orders["status"] == "confirmed"
    assert found["confirmed_during"] == (confirmed & settled_s.between(8, 13)).sum()
    assert found["slowest_purchase_ms"] > 0


def test_a_fault_that_was_not_carried_out_has_no_effect_and_makes_the_run_invalid() -> None:
    times = dict.fromkeys(("begun_ns", "ended_ns", "healthy_ns", "in_flight"))
    run = with_fault(a_run(PAUSED), **times, error="the stock never fell to 10")
    found = effect(run)
    assert found["recovery_s"] is found["failed_requests"] is found["begun_s"] is None
    judged = validity(run, check_laws(run))
    assert judged.verdict == "INVALID"
    assert judged.reasons == [
        "pause of payment-worker 1 did not happen: the stock never fell to 10"
    ]


def test_what_never_becomes_healthy_is_an_outcome_and_a_warning() -> None:
    run = with_fault(a_run(PAUSED), healthy_ns=None)
    judged = validity(run, check_laws(run))
    assert judged.verdict == "VALID"
    assert "not healthy again after pause of payment-worker 1" in judged.warnings


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        ("acknowledged_order_lost", "lost"),
        ("acknowledged_order_cancelled", "cancelled"),
        ("acknowledged_order_stuck", "unfinished"),
        ("key_executed_twice", "duplicated"),
        ("charged_twice", "double_charged"),
        ("charged_for_nothing", "charged_in_vain"),
        ("money_taken_for_a_declined_order", "charged_in_vain"),
        ("sold_again_before_it_was_released", "oversold"),
        ("stream_without_an_end", "endless_streams"),
    ],
)
def test_what_the_audit_found_is_counted_under_its_name(defect: str, name: str) -> None:
    run = DEFECTS[defect].apply(make_run("queue"), 0)
    counted = count_harm(audit(run))
    assert counted.pop(name) > 0
    assert set(counted.values()) == {0}


def test_an_offence_of_another_kind_is_not_called_by_that_name() -> None:
    run = DEFECTS["payment_not_noted"].apply(make_run("queue"), 0)
    assert count_harm(audit(run))["double_charged"] == 0


def test_units_oversold_count_once() -> None:
    run = DEFECTS["more_sold_than_there_were"].apply(make_run("queue"), 2)
    assert 3 <= count_harm(audit(run))["oversold"] < 40


def test_what_was_not_audited_is_not_zero() -> None:
    assert count_harm([]) == dict.fromkeys(HARM_KINDS)
    unknown = Finding("I3", "none lost", Verdict.UNKNOWN, "not measured")
    assert count_harm([unknown])["lost"] is None


def test_an_audit_of_old_has_no_number_of_one_kind() -> None:
    old = Finding("I3", "none lost", Verdict.FAIL, "4 of some kind", 4)
    assert count_harm([old])["lost"] is None


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    plan = [("steady", ()), ("pause payment-worker", (PAUSED,)), ("kill api", (KILLED,))]
    runs = [
        make_run(
            "queue", index=3 * block + n, block=block + 1, seed=block + 1, case=name,
            mishaps=mishaps, users=40, stock=400,
        )
        for block in range(2)
        for n, (name, mishaps) in enumerate(plan, start=1)
    ]  # fmt: skip
    steady = [
        make_run("queue", index=7 + block, block=block + 1, seed=block + 1, case="again", users=40,
                 stock=400)
        for block in range(2)
    ]  # fmt: skip
    runs += steady
    return summarise(CAMPAIGN, runs, {run.index: audit(run) for run in runs})


def test_cases_keep_the_worst_of_their_runs(cases: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(summary_schema()).validate(cases)
    by_name = {case["case"]: case for case in cases["cases"]}
    assert list(by_name) == ["steady", "pause payment-worker", "kill api", "again"]
    paused = by_name["pause payment-worker"]
    own = [effect for effect in cases["faults"] if effect["case"] == "pause payment-worker"]
    assert (paused["n"], paused["faults"], paused["runs"]) == (2, 2, [2, 5])
    assert paused["recovery_s"] == max(effect["recovery_s"] for effect in own)
    assert paused["in_flight_min"] == min(effect["in_flight"] for effect in own)
    assert [paused[name] for name in HARM_KINDS] == [0] * len(HARM_KINDS)
    assert by_name["kill api"]["failing_s"] > 2
    counts = {one["name"]: one["count"] for one in paused["reached"]}
    assert counts["accepted"] == counts["accepted → awaiting_payment"] > 0
    assert by_name["steady"]["recovery_s"] is by_name["steady"]["failing_s"] is None


def test_cases_rank_no_approach(cases: dict[str, Any]) -> None:
    assert cases["comparisons"] == []
    assert not cases["variants"][0]["ranked"]
    assert "different cases" in cases["variants"][0]["unranked_reasons"][0]


def test_cases_without_faults_are_compared_with_the_first_of_them(cases: dict[str, Any]) -> None:
    by_name = {case["case"]: case for case in cases["cases"]}
    assert by_name["again"]["compared_with"] == "steady"
    ratio = by_name["again"]["ratios"]["confirmed_orders"]
    assert (ratio["baseline"], ratio["contender"], ratio["n"]) == ("steady", "again", 2)
    assert ratio["winner"] is None
    assert by_name["steady"]["ratios"] == by_name["kill api"]["ratios"] == {}
