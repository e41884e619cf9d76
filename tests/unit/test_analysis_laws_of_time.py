"""Laws of the backlog and of the clocks; and of limits and of lost requests."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import check_laws
from harness.analysis.laws import capacity, counts, times
from harness.results.findings import Law, Verdict
from harness.results.store import RunData
from tests.support.histories import make_run
from tests.support.mishaps import Mishap
from tests.support.records import T0_WALL_NS, with_record

S = 1_000_000_000
WALL_CLOCK = {
    "orders": ("accepted_ns", "settled_ns"),
    "order_events": ("at_ns",),
    "payments": ("at_ns",),
    "stock_moves": ("at_ns",),
    "charges": ("started_ns", "finished_ns"),
}


@pytest.fixture(scope="module", params=["sync", "queue"])
def run(request) -> RunData:
    return make_run(request.param, users=40, stock=600, seconds=24)


def one(run: RunData, name: str) -> Law:
    (law,) = [law for law in check_laws(run) if law.name == name]
    return law


def with_telemetry(run: RunData, metric: str, change: Callable[[np.ndarray], object]) -> RunData:
    telemetry = run.telemetry.copy()
    rows = telemetry["metric"] == metric
    telemetry.loc[rows, "value"] = change(telemetry.loc[rows, "value"].to_numpy())
    return replace(run, telemetry=telemetry)


def test_every_law_that_holds_says_what_its_two_sides_are(run):
    for law in check_laws(run):
        assert law.left is not None, law.name
        assert law.right is not None, law.name
        assert law.unit, law.name


def test_a_request_that_the_ledger_dropped_breaks_the_chain_of_its_buyer(run):
    victim = run.requests.index[run.requests["endpoint"] == "buy"][3]
    law = one(replace(run, requests=run.requests.drop(victim)), counts.CHAIN)
    assert law.verdict is Verdict.FAIL
    assert law.left == law.right + 1 == len(run.requests)


def test_the_first_request_of_a_buyer_is_missed_too(run):
    victim = run.requests.index[run.requests["endpoint"] == "register"][0]
    law = one(replace(run, requests=run.requests.drop(victim)), counts.CHAIN)
    assert law.verdict is Verdict.FAIL


@pytest.mark.parametrize("outcome", ["ok", "lost"])
def test_an_outcome_that_the_status_does_not_allow_is_none(run, outcome):
    outcomes = run.requests["outcome"].to_numpy(dtype=object, copy=True)
    outcomes[np.flatnonzero(run.requests["status"] == 0)[0]] = outcome
    law = one(replace(run, requests=run.requests.assign(outcome=outcomes)), counts.CHAIN)
    assert law.verdict is Verdict.FAIL
    assert law.left == law.right + 1


def test_a_backlog_that_is_larger_than_its_orders_explain_breaks_little(run):
    law = one(with_telemetry(run, "reserved", lambda held: held * 1.5), times.BACKLOG)
    assert law.verdict is Verdict.FAIL
    assert law.left == pytest.approx(1.5 * law.right, abs=law.tolerance)


def test_orders_that_stayed_longer_than_the_counter_says_break_little(run):
    kinds = run.stock_moves["kind"]
    later = run.stock_moves["at_ns"].where(kinds == "reserve", run.stock_moves["at_ns"] + S)
    law = one(replace(run, stock_moves=run.stock_moves.assign(at_ns=later)), times.BACKLOG)
    assert law.verdict is Verdict.FAIL


def test_orders_that_waited_for_the_ledger_were_not_in_its_counter_yet(run):
    kinds = run.stock_moves["kind"]
    accepted = run.stock_moves["at_ns"].where(kinds != "reserve", run.stock_moves["at_ns"] - 3 * S)
    law = one(replace(run, stock_moves=run.stock_moves.assign(at_ns=accepted)), times.BACKLOG)
    assert law.verdict is Verdict.PASS


def test_a_backlog_that_was_not_sampled_is_unknown(run):
    silent = replace(run, telemetry=run.telemetry[run.telemetry["metric"] != "reserved"])
    assert one(silent, times.BACKLOG).verdict is Verdict.UNKNOWN


def test_what_is_sampled_during_a_fault_is_left_out_of_the_backlog():
    pause = Mishap("pause", "postgres", begun_s=8.0, ended_s=11.0)
    paused = make_run("queue", users=40, stock=60, seconds=24, mishaps=[pause])
    wrong = np.where(paused.telemetry["t_s"].between(8, 12), 1e6, paused.telemetry["value"])
    rows = paused.telemetry["metric"] == "reserved"
    value = paused.telemetry["value"].where(~rows, wrong)
    changed = replace(paused, telemetry=paused.telemetry.assign(value=value))
    assert one(changed, times.BACKLOG).verdict is Verdict.PASS
    changed.record.faults = []
    assert one(changed, times.BACKLOG).verdict is Verdict.FAIL


def stepped(run: RunData, step_s: float, from_s: float = 12.0) -> RunData:
    """Return the run as the stores would have written it, had their clock been set meanwhile."""
    changes = {}
    for table, columns in WALL_CLOCK.items():
        frame = getattr(run, table).copy()
        for column in columns:
            late = frame[column] > T0_WALL_NS + from_s * S
            frame.loc[late, column] += int(step_s * S)
        changes[table] = frame
    return replace(run, **changes)


@pytest.mark.parametrize("step_s", [-3.0, -0.2, 0.2, 3.0])
def test_a_clock_that_was_set_during_the_run_shows_in_what_the_stores_wrote(run, step_s):
    law = one(stepped(run, step_s), times.CLOCKS)
    assert law.verdict is Verdict.FAIL
    assert law.residual <= abs(step_s) + 0.1


@pytest.mark.parametrize("step_s", [-0.2, 0.2])
def test_a_clock_that_was_set_shows_when_both_clocks_are_read(run, step_s):
    law = one(
        with_telemetry(run, "clock_step_s", lambda v: np.where(np.arange(len(v)) > 9, step_s, 0.0)),
        times.CLOCKS,
    )
    assert law.verdict is Verdict.FAIL
    assert law.left - law.right == pytest.approx(step_s)
    assert "both clocks" in law.detail


def test_a_run_of_old_whose_clocks_were_not_read_is_judged_by_its_stores(run):
    old = replace(run, telemetry=run.telemetry[run.telemetry["metric"] != "clock_step_s"])
    assert one(old, times.CLOCKS).verdict is Verdict.PASS
    assert one(stepped(old, 1.0), times.CLOCKS).verdict is Verdict.FAIL


@pytest.mark.parametrize(("enforced", "verdict"), [(True, Verdict.FAIL), (False, Verdict.PASS)])
def test_a_service_cannot_use_more_than_it_is_limited_to(run, enforced, verdict):
    limit = {"cpus": 0.001, "memory_bytes": None, "enforced": enforced}
    limited = with_record(run, deployment={"limits": {"api": limit}})
    laws = [law for law in check_laws(limited) if law.name == capacity.UTILISATION]
    assert len(laws) == (2 if enforced else 1)
    assert laws[-1].verdict is verdict
