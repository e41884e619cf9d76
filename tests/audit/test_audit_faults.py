"""Runs with faults: what may look wrong while a fault lasts, and what may not for all that."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis import check_laws
from harness.analysis.run_facts import RunFacts
from harness.audit import audit
from harness.audit.excuses import no_later_than, no_sooner_than, under_way
from harness.results.findings import Verdict
from harness.results.outages import FOREVER_NS, Outage, outages
from harness.results.record import RunRecord
from harness.results.store import RunData
from tests.defects import DEFECTS
from tests.defects.breaking import without_failures
from tests.support.histories import make_run
from tests.support.mishaps import Mishap
from tests.support.records import with_record

S = 1_000_000_000
SLOTS = "payment slots >= charges in flight"


def a_run(kind: str, service: str | None, approach: str = "queue", **load: Any) -> RunData:
    run = make_run(approach, mishaps=(Mishap(kind, service, 8.0, 10.0),), **load)
    entry = "nginx" if approach == "queue" else "api"
    topology = run.record.topology | {"entry": entry, "counters": ["api", "event-stream"]}
    return with_record(run, topology=topology)


def without_faults(run: RunData) -> RunData:
    return with_record(run, faults=[])


def failed(run: RunData) -> set[str]:
    return {f.id for f in audit(run) if f.verdict is not Verdict.PASS}


def broken(run: RunData) -> set[str]:
    return {law.name for law in check_laws(run) if law.verdict is not Verdict.PASS}


@pytest.mark.parametrize("approach", ["queue", "sync"])
@pytest.mark.parametrize(
    ("kind", "service"),
    [
        ("kill", "api"),
        ("pause", "postgres"),
        ("partition", "postgres"),
        ("kill", "nginx"),
        ("slow", None),
    ],
)
def test_a_fault_that_does_no_harm_is_no_finding(
    kind: str, service: str | None, approach: str
) -> None:
    run = a_run(kind, service, approach)
    assert failed(run) == set()
    assert broken(run) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_is_seen_in_a_run_with_faults_too(name: str) -> None:
    one = DEFECTS[name]
    approach = one.approaches[0]
    early = (Mishap("kill", "order-worker", 1.0, 1.5), Mishap("pause", "payment-worker", 2.0, 3.0))
    facts = {**one.run, "mishaps": (*early, *one.run.get("mishaps", ()))}
    run = one.apply(make_run(approach, seed=1, **facts), 0)
    assert one.invariant in failed(run)


def lose_counters(run: RunData) -> RunData:
    halved = with_record(run)
    for row in halved.record.server_counts:
        row.count //= 2
    return halved


def test_only_a_wipe_takes_counters_along() -> None:
    run = lose_counters(a_run("wipe", "api"))
    assert failed(run) == set()
    assert failed(without_faults(run)) == {"I14"}


@pytest.mark.parametrize(
    ("kind", "service"),
    [("wipe", "redis"), ("kill", "api"), ("restart", "api"), ("partition", "api"), ("slow", None)],
)
def test_counters_outlive_every_other_fault(kind: str, service: str | None) -> None:
    run = lose_counters(a_run(kind, service))
    assert failed(run) == {"I14"}


def count(run: RunData, method: str, route: str, more: int) -> RunData:
    recounted = with_record(run)
    rows = recounted.record.server_counts
    next(row for row in rows if (row.method, row.route) == (method, route)).count += more
    return recounted


@pytest.mark.parametrize(
    ("kind", "service"), [("kill", "api"), ("partition", "api"), ("partition", "nginx")]
)
def test_a_proxy_repeats_a_get_that_went_unanswered_but_never_a_post(
    kind: str, service: str
) -> None:
    run = a_run(kind, service)
    looked = count(run, "GET", "/products/{id}", 1)
    assert failed(looked) == set()
    assert broken(looked) == set()
    assert failed(count(run, "GET", "/products/{id}", 500)) == {"I14"}
    answered = replace(run, requests=run.requests[run.requests["status"] > 0])
    assert "I14" in failed(count(answered, "POST", "/orders", 60))


@pytest.mark.parametrize(
    ("kind", "service"), [("kill", "nginx"), ("partition", "postgres"), ("pause", "api")]
)
def test_a_proxy_repeats_nothing_in_any_other_fault(kind: str, service: str) -> None:
    run = count(a_run(kind, service), "GET", "/products/{id}", 1)
    assert failed(run) == {"I14"}


@pytest.mark.parametrize(
    ("service", "approach", "expected"),
    [
        ("api", "queue", {"I14"}),  # nobody answers in these runs, though another replica serves
        ("api", "sync", set()),  # it is all there is
        ("order-worker", "queue", set()),
    ],
)
def test_a_drain_excuses_no_failed_request_where_another_replica_serves(
    service: str, approach: str, expected: set[str]
) -> None:
    run = a_run("drain", service, approach)
    assert failed(run) == expected
    assert broken(run) == set()
    assert failed(a_run("stop", service, approach)) == set()


def test_a_drain_in_which_no_request_fails_is_no_finding() -> None:
    assert failed(without_failures(a_run("drain", "payment-worker"))) == set()


@pytest.mark.parametrize(
    ("sent_s", "waited_s", "expected"),
    [
        ((7.0, 9.0), (30.0, 30.0), set()),  # nobody was answered in time before the drain, either
        ((9.0, 9.5), (30.0, 30.0), {"I14"}),
        ((7.0, 9.0), (30.0, 0.1), {"I14"}),  # the second one was cut off
    ],
)
def test_buyers_who_gave_up_before_a_drain_give_up_during_it_for_the_same_reason(
    sent_s: tuple[float, float], waited_s: tuple[float, float], expected: set[str]
) -> None:
    run = without_failures(a_run("drain", "payment-worker"))
    looks = run.requests[run.requests["endpoint"] == "product"]
    late = pd.concat([looks.head(1)] * 2, ignore_index=True).assign(
        status=0,
        outcome="indeterminate",
        sent_ns=[int(at_s * S) for at_s in sent_s],
        done_ns=[int((at_s + for_s) * S) for at_s, for_s in zip(sent_s, waited_s, strict=True)],
    )
    asked = pd.concat([run.requests, late], ignore_index=True)
    assert failed(replace(run, requests=asked)) == expected


def test_what_another_fault_breaks_is_not_laid_at_the_door_of_a_drain() -> None:
    mishaps = (Mishap("drain", "payment-worker", 7.0, 10.0), Mishap("kill", "api", 7.0, 10.0))
    assert failed(make_run("queue", mishaps=mishaps)) == set()


def test_deleted_accounts_excuse_nothing() -> None:
    assert outages(a_run("delete_account", None).record) == ()


def test_a_proxy_answers_for_a_server_that_died_after_counting() -> None:
    run = a_run("kill", "api")
    asked = run.requests
    victim = asked.index == asked.index[asked["outcome"] == "sold_out"][0]
    lost = asked.assign(
        status=asked["status"].mask(victim, 502),
        outcome=asked["outcome"].mask(victim, "indeterminate"),
    )
    assert failed(replace(run, requests=lost)) == set()
    assert broken(replace(run, requests=lost)) == set()


def test_a_release_need_not_be_known_while_a_fault_lasts() -> None:
    """A unit that is given back 12 s before the others is refused to everybody until then."""
    run = a_run("kill", "redis", stock=20, users=40, seconds=28)
    moves, t0_ns = run.stock_moves, run.record.t0_wall_ns
    last = moves.index == moves.index[moves["kind"] == "reserve"][-1]
    victim = moves["order_id"][last].iloc[0]
    late_ns = int(moves["at_ns"][last].iloc[0]) - t0_ns + 14 * S
    asked, orders = run.requests, run.orders
    later = replace(
        run,
        stock_moves=moves.assign(at_ns=moves["at_ns"].mask(last, t0_ns + late_ns)),
        orders=orders.assign(
            accepted_ns=orders["accepted_ns"].mask(orders["order_id"] == victim, t0_ns + late_ns)
        ),
        requests=asked.assign(order_id=asked["order_id"].mask(asked["order_id"] == victim, "")),
    )
    assert "I13" in failed(without_faults(later))
    fault = run.record.faults[0].model_dump() | {
        "begun_ns": 0,
        "ended_ns": 40 * S,
        "healthy_ns": 40 * S,
    }
    assert "I13" in failed(without_faults(later))
    assert "I13" not in failed(with_record(later, faults=[fault]))


@pytest.mark.parametrize(
    ("name", "excusing"),
    [
        ("sold_again_before_it_was_released_by_the_clock", {"pause", "partition"}),
        ("sold_again_before_it_was_released", set()),  # the ledger's sequence has no old stamps
    ],
)
def test_a_transaction_that_a_fault_held_up_has_an_old_stamp(name: str, excusing: set[str]) -> None:
    run = DEFECTS[name].apply(make_run("sync", seed=1), 0)
    assert failed(run) == {"I1"}
    for kind in ("pause", "partition", "kill"):
        expected = set() if kind in excusing else {"I1"}
        fault = {"kind": kind, "service": "postgres", "begun_ns": 0, "ended_ns": 3600 * S}
        fault |= {"healthy_ns": 3600 * S, "error": None, "in_flight": 0, "replica": 1}
        assert failed(with_record(run, faults=[fault])) == expected


def test_what_is_oversold_in_the_end_is_oversold_whatever_was_paused() -> None:
    run = DEFECTS["more_sold_than_there_were"].apply(a_run("pause", "postgres"), 0)
    (fault,) = run.record.faults
    fault.begun_ns, fault.ended_ns, fault.healthy_ns = 0, 3600 * S, 3600 * S
    assert "I1" in failed(run)


def test_charges_that_a_dead_worker_left_behind_take_no_slot() -> None:
    run = a_run("kill", "payment-worker", users=60, stock=400)
    topology = run.record.topology | {"payment_slots": 1}
    few = with_record(run, topology=topology)
    assert SLOTS in broken(few)  # charges outside of the fault count as ever
    always = few.record.faults[0].model_dump() | {
        "begun_ns": -S,
        "ended_ns": None,
        "healthy_ns": None,
    }
    excused = with_record(few, faults=[always])
    assert all("at most 0" in law.detail or law.verdict is not Verdict.FAIL
               for law in check_laws(excused) if law.name == SLOTS)  # fmt: skip


def test_cpu_of_a_process_that_died_is_not_given_back() -> None:
    run = make_run("queue")
    telemetry = run.telemetry.copy()
    rows = (telemetry["source"] == "api") & (telemetry["metric"] == "cpu_s")
    telemetry.loc[rows & (telemetry["t_s"] >= 10), "value"] -= telemetry.loc[
        rows & (telemetry["t_s"] == 10), "value"
    ].iloc[0]

    whole = RunFacts(run).cpu_s("api", 0, 20)
    after = RunFacts(replace(run, telemetry=telemetry)).cpu_s("api", 0, 20)
    assert whole is not None
    assert after == pytest.approx(whole, rel=0.1)
    assert (
        RunFacts(replace(run, telemetry=telemetry)).cumulative_cpu_s["api"].is_monotonic_increasing
    )


def recorded(*faults: dict[str, Any]) -> RunRecord:
    return with_record(make_run("sync"), faults=list(faults)).record


def test_outages_are_those_that_were_carried_out_in_order() -> None:
    planned = {"kind": "kill", "service": "redis"}
    never = planned | dict.fromkeys(("begun_ns", "ended_ns", "healthy_ns"))
    found = outages(
        recorded(
            never,
            planned | {"begun_ns": 5, "ended_ns": 7, "healthy_ns": None},
            planned | {"begun_ns": 1, "ended_ns": 2, "healthy_ns": 3},
        )
    )
    assert [(o.begun_ns, o.ended_ns, o.over_ns) for o in found] == [(1, 2, 3), (5, 7, FOREVER_NS)]
    assert outages(recorded()) == ()


def test_slack_is_counted_without_the_time_that_was_paused() -> None:
    pause = Outage("pause", "postgres", 100, 200, 200)
    times = np.array([50, 150, 205, 300])
    assert no_later_than(times, 10, (pause,)).tolist() == [40, 90, 90, 290]
    assert no_later_than(times, 10, ()).tolist() == [40, 140, 195, 290]


def test_what_happens_before_or_in_a_fault_is_known_when_it_was_overcome() -> None:
    first, second = Outage("kill", "redis", 100, 150, 200), Outage("kill", "redis", 205, 290, 300)
    times = np.array([50, 95, 150, 250, 301])
    assert no_sooner_than(times, 10, 20, (first,)).tolist() == [60, 220, 220, 260, 311]
    assert no_sooner_than(times, 10, 20, (first, second)).tolist() == [60, 320, 320, 320, 311]


def test_requests_outside_of_a_fault_are_not_excused() -> None:
    asked = pd.DataFrame({"sent_ns": [0, 90, 150, 210], "done_ns": [80, 110, 160, 220]})
    hit = under_way(asked, (Outage("kill", "api", 100, 150, 200),))
    assert hit.tolist() == [False, True, True, False]
