"""The limits of a level: what a run measured of them, and which it did not keep."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.run_facts import RunFacts
from harness.audit import audit
from harness.capacity.capacity_document import Outcome
from harness.capacity.level_runs import level_run
from harness.capacity.limits import Limits, Measured, broken, measure
from harness.results.findings import Finding, Verdict
from tests.support.histories import make_run
from tests.support.records import with_record

WIDE = Limits(purchase_p95_ms=5_000, error_pct=20, drain_s=10)
VALID = {"verdict": "VALID", "reasons": []}
CLEAN = [Finding("I1", "No oversell", Verdict.PASS, "")]


@pytest.fixture(scope="module")
def run():
    return make_run("queue", users=30, stock=2_000, seconds=16)


def with_open_orders(run, n):
    """A run in which the first orders were never settled."""
    settled = np.arange(len(run.orders)) >= n
    orders = run.orders.assign(
        status=run.orders["status"].where(settled, "awaiting_payment"),
        settled_ns=run.orders["settled_ns"].where(settled, 0),
    )
    return replace(run, orders=orders)


def measured(**changes):
    kept = Measured(purchases=1_000, purchase_p95_ms=100.0, error_pct=0.0, drain_s=0.5, unsettled=0)
    return replace(kept, **changes)


def test_a_run_that_keeps_every_limit_breaks_none():
    assert list(broken(Limits(), measured())) == []
    on_the_limit = measured(purchase_p95_ms=200.0, error_pct=0.1, drain_s=2.0)
    assert list(broken(Limits(), on_the_limit)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purchase_p95_ms": 201.0}, "purchase p95 201 ms, limit 200 ms"),
        ({"purchase_p95_ms": None}, "more than 5 % of the purchases were not acknowledged"),
        ({"purchases": 19}, "only 19 purchases"),
        ({"error_pct": 0.11}, "errors 0.11 %, limit 0.1 %"),
        ({"drain_s": 2.1}, "the backlog took 2.1 s after the load, limit 2 s"),
        ({"drain_s": None, "unsettled": 7}, "7 orders were not settled"),
    ],
)
def test_each_limit_is_broken_by_itself(changes, said):
    (found,) = broken(Limits(), measured(**changes))
    assert said in found


def test_latency_counts_from_when_the_buyer_meant_to_buy_over_all_retries(run):
    found = measure(RunFacts(run))
    buys = run.requests[run.requests["endpoint"] == "buy"]
    peak = RunFacts(run).peak
    took_ms = []
    for _, tries in buys.groupby("key"):
        begun_ns = tries["intended_ns"].min()
        if peak.start_s <= begun_ns / 1e9 < peak.end_s:
            done_ns = tries["done_ns"][tries["status"] == 202].min()
            took_ms.append((done_ns - begun_ns) / 1e6 if done_ns > 0 else np.inf)
    assert found.purchases == len(took_ms) > 20
    rank = int(np.ceil(0.95 * len(took_ms))) - 1
    assert found.purchase_p95_ms == pytest.approx(sorted(took_ms)[rank])


def test_a_generator_that_sends_late_hides_nothing(run):
    before = measure(RunFacts(run)).purchase_p95_ms
    late = run.requests.assign(intended_ns=run.requests["intended_ns"] - 50_000_000)
    after = measure(RunFacts(replace(run, requests=late))).purchase_p95_ms
    assert after > before + 40


def test_purchases_without_acknowledgement_are_longer_than_all_others(run):
    buys = (run.requests["endpoint"] == "buy").to_numpy()
    lost = run.requests.assign(status=run.requests["status"].where(~buys, 0))
    found = measure(RunFacts(replace(run, requests=lost)))
    assert found.purchase_p95_ms is None
    assert found.error_pct == pytest.approx(100 * buys.mean())


def test_purchases_that_are_turned_away_are_errors(run):
    buys = (run.requests["endpoint"] == "buy").to_numpy()
    refused = run.requests.assign(status=run.requests["status"].where(~buys, 429))
    assert measure(RunFacts(replace(run, requests=refused))).error_pct == pytest.approx(
        100 * buys.mean()
    )


def test_a_backlog_that_is_not_worked_off_has_no_drain_time(run):
    found = measure(RunFacts(with_open_orders(run, 3)))
    assert (found.drain_s, found.unsettled) == (None, 3)
    assert measure(RunFacts(run)).drain_s is not None


def test_a_valid_clean_run_passes_or_fails_by_its_limits(run):
    findings = audit(run)
    assert level_run(run, findings, VALID, WIDE).outcome is Outcome.PASSED
    narrow = replace(WIDE, purchase_p95_ms=0.1)
    found = level_run(run, findings, VALID, narrow)
    assert found.outcome is Outcome.FAILED
    assert found.reasons[0].startswith("purchase p95")


def test_a_run_that_is_invalid_or_not_clean_is_no_measure_of_the_system(run):
    invalid = {"verdict": "INVALID", "reasons": ["generator CPU: 96 %"]}
    found = level_run(run, CLEAN, invalid, WIDE)
    assert (found.outcome, found.reasons) == (
        Outcome.UNMEASURED,
        ["invalid: generator CPU: 96 %"],
    )
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        dirty = [replace(CLEAN[0], verdict=verdict)]
        found = level_run(run, dirty, VALID, WIDE)
        assert found.outcome is Outcome.UNMEASURED
        assert found.reasons == [f"the audit is {verdict}: I1"]
    assert level_run(run, [], VALID, WIDE).outcome is Outcome.UNMEASURED


def test_a_shop_that_did_not_work_off_its_backlog_has_failed_whatever_the_audit_says(run):
    late = with_record(with_open_orders(run, 3), drained=False)
    dirty = [replace(CLEAN[0], id="I11", verdict=Verdict.FAIL)]
    found = level_run(late, dirty, VALID, WIDE)
    assert found.outcome is Outcome.FAILED
    assert found.reasons == ["3 orders were not settled when the drain ended"]
    lost = [replace(dirty[0], id="I3", offences={"acknowledged orders lost": 1})]
    oversold = [replace(dirty[0], id="I1")]
    for wrong in (lost, oversold):
        assert level_run(late, wrong, VALID, WIDE).outcome is Outcome.UNMEASURED
    settled = with_record(run, drained=False)
    assert level_run(settled, dirty, VALID, WIDE).outcome is Outcome.UNMEASURED
