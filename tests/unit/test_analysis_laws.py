from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.analysis import check_laws, validity
from harness.analysis.laws import LAWS, counts, crowd, node_clocks
from harness.analysis.run_facts import RunFacts
from harness.results.findings import Law, Verdict
from harness.results.store import RunData
from tests.support.histories import make_run
from tests.support.records import T0_WALL_NS, with_record

S = 1_000_000_000


@pytest.fixture(scope="module", params=["sync", "queue"])
def run(request) -> RunData:
    return make_run(request.param, users=40, stock=60, seconds=24)


def broken(run: RunData, name: str) -> list[Law]:
    return [law for law in check_laws(run) if law.name == name and law.verdict is Verdict.FAIL]


def test_a_consistent_run_obeys_every_law(run):
    laws = check_laws(run)
    of_others = {  # the simulated entries write no log, and all runs on one machine
        counts.ENTRY_LATENCY,
        node_clocks.NODE_CLOCKS,
    }
    assert {law.name for law in laws} == {name for name, _ in LAWS} - of_others
    assert [law for law in laws if law.verdict is not Verdict.PASS] == []
    assert validity(run, laws).verdict == "VALID"


def lose_think_times(run: RunData) -> RunData:
    return replace(run, requests=run.requests.assign(think_ns=0))


def lose_requests(run: RunData) -> RunData:
    kept = run.requests.iloc[::2]
    recorded = {"recorded": len(kept), "locust": len(kept)}
    return replace(with_record(run, recorded=recorded), requests=kept)


def answer_late(run: RunData) -> RunData:
    """Add what a saturated generator does: requests wait in it, unsent."""
    late = run.requests["intended_ns"] - run.requests["think_ns"]
    sent = run.requests["sent_ns"].where(run.requests["try"] > 0, run.requests["done_ns"])
    return replace(run, requests=run.requests.assign(sent_ns=sent, intended_ns=late))


@pytest.mark.parametrize("break_it", [lose_think_times, lose_requests, answer_late])
def test_time_of_buyers_that_no_request_accounts_for_breaks_the_interactive_law(run, break_it):
    assert broken(break_it(run), "interactive response-time law")


def test_requests_without_a_buyer_break_the_interactive_law(run):
    assert broken(replace(run, buyers=run.buyers.iloc[:20]), "interactive response-time law")


def test_a_parting_think_time_is_not_unaccounted_for(run):
    """A buyer asked to leave while it thinks leaves no request behind that records the think."""
    longer = run.buyers["left_ns"] + 9 * S // 10
    assert not broken(
        replace(run, buyers=run.buyers.assign(left_ns=longer)), "interactive response-time law"
    )


@pytest.mark.parametrize(("longer_s", "breaks"), [(1.6, False), (3.0, True)])
def test_of_a_parting_think_time_counts_what_a_buyer_may_think(run, longer_s, breaks):
    """A generator that wakes a buyer a little late is no contradiction; one that forgets it is."""
    assert run.record.scenario["load"]["think_max_s"] == 1.5
    left_ns = run.buyers["left_ns"] + round(longer_s * S)
    found = broken(
        replace(run, buyers=run.buyers.assign(left_ns=left_ns)), "interactive response-time law"
    )
    assert bool(found) is breaks


def test_a_request_that_ends_outside_the_run_breaks_the_sums(run):
    done = run.requests["done_ns"].to_numpy(copy=True)
    done[0] = 10_000 * S
    assert broken(
        replace(run, requests=run.requests.assign(done_ns=done)), "per-second sums = totals"
    )


def test_a_request_labelled_with_another_stage_breaks_the_sums(run):
    stage = run.requests["stage"].to_numpy(copy=True)
    stage[0] = 3
    assert broken(
        replace(run, requests=run.requests.assign(stage=stage)), "per-second sums = totals"
    )


def test_a_request_that_locust_saw_and_the_ledger_did_not_breaks_the_record(run):
    recorded = run.record.recorded.model_dump() | {"locust": run.record.recorded.locust + 1}
    assert broken(with_record(run, recorded=recorded), "recorded = seen by Locust")


def test_a_ledger_that_was_cut_short_breaks_the_record(run):
    assert broken(replace(run, requests=run.requests.iloc[1:]), "recorded = seen by Locust")


def scale_cpu(run: RunData, source: str, factor: float) -> RunData:
    telemetry = run.telemetry.copy()
    rows = (telemetry["source"] == source) & (telemetry["metric"] == "cpu_s")
    telemetry.loc[rows, "value"] *= factor
    return replace(run, telemetry=telemetry)


def test_more_cpu_than_the_machine_has_breaks_utilisation(run):
    assert broken(scale_cpu(run, "postgres", 1000), "utilisation <= 1")


def test_without_cpu_samples_utilisation_and_generator_are_unknown(run):
    silent = replace(run, telemetry=run.telemetry[run.telemetry["metric"] != "cpu_s"])
    laws = {law.name: law.verdict for law in check_laws(silent)}
    assert laws["utilisation <= 1"] is laws["generator CPU"] is Verdict.UNKNOWN


def test_more_charges_in_flight_than_slots_breaks_the_slots(run):
    topology = run.record.topology | {"payment_slots": 1}
    law = broken(with_record(run, topology=topology), "payment slots >= charges in flight")
    assert law
    assert "slots" in law[0].detail


def test_back_to_back_charges_need_only_one_slot(run):
    charges = run.charges.iloc[:3].assign(started_ns=[0, 10, 20], finished_ns=[10, 20, 30])
    one_slot = with_record(run, topology=run.record.topology | {"payment_slots": 1})
    assert not broken(replace(one_slot, charges=charges), "payment slots >= charges in flight")


def test_a_stage_that_was_not_reached_breaks_the_users(run):
    active = (run.clock["active"] * 0.8).astype("int64")
    laws = broken(replace(run, clock=run.clock.assign(active=active)), "planned users achieved")
    assert [law.stage for law in laws] == ["warm-up", "rush", "peak"]


def test_users_who_did_not_leave_break_the_users(run):
    active = run.clock["active"].where(run.clock["t_s"] < 20, 40)
    laws = broken(replace(run, clock=run.clock.assign(active=active)), "planned users achieved")
    assert [law.stage for law in laws] == ["out"]


def test_a_clock_that_stopped_leaves_the_users_unknown(run):
    stopped = replace(run, clock=run.clock[run.clock["t_s"] < 10])
    verdicts = [
        (law.stage, law.verdict)
        for law in check_laws(stopped)
        if law.name == "planned users achieved"
    ]
    assert verdicts[-1] == ("out", Verdict.UNKNOWN)


def test_a_generator_at_its_limit_breaks_the_generator_law(run):
    assert broken(scale_cpu(run, "load", 100), "generator CPU")


def test_a_generator_that_sends_late_breaks_punctuality(run):
    intended = run.requests["intended_ns"] - 400_000_000
    late = replace(run, requests=run.requests.assign(intended_ns=intended))
    assert broken(late, "generator punctuality")


def test_a_single_late_request_does_not_break_punctuality(run):
    intended = run.requests["intended_ns"].to_numpy(copy=True)
    intended[100] -= 600_000_000
    hiccup = replace(run, requests=run.requests.assign(intended_ns=intended))
    assert not broken(hiccup, "generator punctuality")
    warnings = validity(hiccup, check_laws(hiccup)).warnings
    assert any(one.startswith("the load generator stood still: 1 requests") for one in warnings)


@pytest.mark.parametrize(("seconds", "requests_per_s"), [(50, 200), (330, 150), (330, 10)])
def test_a_generator_that_stood_still_for_a_second_breaks_punctuality(seconds, requests_per_s):
    """Its mean lateness is far below a think time, and in the long load so is its p99."""
    run = make_run("sync", users=4, stock=4, seconds=8)
    intended = np.sort(np.linspace(0, seconds * S, seconds * requests_per_s, dtype=np.int64))
    stopped_ns = (seconds - 20) * S
    stopped = (intended >= stopped_ns) & (intended < stopped_ns + S)
    sent = np.where(stopped, stopped_ns + S, intended + 1_000_000)
    requests = pd.concat([run.requests] * (len(sent) // len(run.requests) + 1)).iloc[: len(sent)]
    stood = replace(run, requests=requests.assign(intended_ns=intended, sent_ns=sent, stage=1))
    laws = list(crowd.generator_is_punctual(RunFacts(stood)))
    counts_for_something = requests_per_s > 20  # else five of 3,300 requests were late
    assert [law.verdict is Verdict.FAIL for law in laws] == [counts_for_something]


def with_wait(run: RunData, slots: int, used: int, orders: int) -> RunData:
    """Return a run whose orders all come at once, and are charged `used` at a time, 2 s each."""
    chosen = run.orders.iloc[:orders]
    begun = np.arange(len(chosen)) // used * 2 * S + T0_WALL_NS + S
    return replace(
        with_record(run, topology=run.record.topology | {"payment_slots": slots}),
        orders=chosen.assign(accepted_ns=T0_WALL_NS + S, settled_ns=begun + 2 * S),
        charges=run.charges.iloc[: len(chosen)].assign(
            order_id=chosen["order_id"].to_numpy(), started_ns=begun, finished_ns=begun + 2 * S
        ),
    )


@pytest.mark.parametrize(
    ("slots", "used", "breaks"), [(24, 2, True), (8, 4, True), (4, 4, False), (2, 2, False)]
)
def test_slots_that_stand_idle_while_orders_wait_are_none(run, slots, used, breaks):
    waiting = with_wait(run, slots, used, 24)
    law = broken(waiting, "no slot idle while orders wait")
    assert bool(law) is breaks
    if law:
        assert f"at most {used} of {slots} slots in use" in law[0].detail


def test_a_machine_on_which_only_one_core_is_allowed_is_judged_by_that_core(run):
    used_s = sum(
        RunFacts(run).cpu_s(one, 0, 24) for one in (*run.record.topology["services"], "load")
    )
    assert used_s < 24
    busy = scale_cpu(
        run, "postgres", 1 + 1.4 * (24 - used_s) / RunFacts(run).cpu_s("postgres", 0, 24)
    )
    assert not broken(busy, "utilisation <= 1")
    taskset = with_record(busy, cores_allowed=1.0)
    assert broken(taskset, "utilisation <= 1")
    docker = with_record(taskset, deployment={"runtime": "docker"})
    assert not broken(docker, "utilisation <= 1")


def test_a_law_that_crashes_is_unknown_and_says_why(run):
    laws = check_laws(replace(run, clock=pd.DataFrame({"t_s": [6.0]})))
    crashed = [law for law in laws if law.name == "planned users achieved"]
    assert [law.verdict for law in crashed] == [Verdict.UNKNOWN]
    assert "KeyError" in crashed[0].detail


def test_a_run_that_breaks_a_law_is_invalid_and_says_which(run):
    changed = with_record(run, recorded={"recorded": 1, "locust": 2})
    judged = validity(changed, check_laws(changed))
    assert judged.verdict == "INVALID"
    assert judged.reasons[0].startswith("recorded = seen by Locust: 1 recorded, 2 seen")


@pytest.mark.parametrize(
    "changes", [{"reset_proof": {"clean": False}}, {"reset_proof": {}}, {"status": "interrupted"}]
)
def test_a_run_without_a_proven_beginning_or_a_planned_end_is_invalid(run, changes):
    changed = with_record(run, **changes)
    assert validity(changed, check_laws(changed)).verdict == "INVALID"


def test_a_run_whose_laws_were_not_checked_is_invalid(run):
    assert validity(run, []).verdict == "INVALID"


def test_an_undrained_backlog_is_an_outcome_and_not_an_invalid_measurement(run):
    undrained = with_record(run, drained=False)
    judged = validity(undrained, check_laws(undrained))
    assert judged.verdict == "VALID"
    assert "the backlog was not worked off" in judged.warnings[0]


def test_time_withheld_by_a_hypervisor_is_a_warning(run):
    telemetry = run.telemetry.copy()
    rows = telemetry["metric"] == "steal_s"
    telemetry.loc[rows, "value"] = telemetry.loc[rows, "t_s"] * 0.2
    judged = validity(replace(run, telemetry=telemetry), check_laws(run))
    assert judged.verdict == "VALID"
    assert "withheld 10.0 %" in judged.warnings[0]
