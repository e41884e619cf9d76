import numpy as np
import pytest

from harness.analysis import series
from harness.analysis.run_facts import RunFacts
from harness.analysis.series import latencies
from tests.support.histories import make_run

S = 1_000_000_000


@pytest.fixture(scope="module", params=["sync", "queue"])
def run(request):
    return make_run(request.param, users=40, stock=60, seconds=24)


def test_seconds_are_gap_free_and_reach_the_end_of_the_run(run):
    table = series(run)
    assert table["t_s"].tolist() == list(range(len(table)))
    assert len(table) >= run.record.load_s + run.record.drain_s


def test_answers_and_errors_add_up_to_all_requests(run):
    table, status = series(run), run.requests["status"]
    assert table["requests"].sum() == (status > 0).sum()
    assert table["errors"].sum() == ((status == 0) | (status >= 500)).sum()


def test_latencies_are_those_of_the_requests_in_the_order_of_sending(run):
    requests = run.requests[run.requests["endpoint"] != "events"]
    api = latencies(RunFacts(run))["api"]
    assert len(api.sent_s) == len(requests)
    assert (np.diff(api.sent_s) >= 0).all()
    assert api.answered.sum() == (requests["status"] > 0).sum()
    total_ms = ((requests["done_ns"] - requests["sent_ns"]) / 1e6).sum()
    assert api.latency_ms.sum() == pytest.approx(total_ms)


def test_a_purchase_that_was_refused_is_none(run):
    buys = run.requests[run.requests["endpoint"] == "buy"]
    purchase = latencies(RunFacts(run))["purchase"]
    assert len(purchase.sent_s) == buys["status"].isin([0, 201, 202, 402, 503]).sum()
    assert purchase.answered.sum() == buys["status"].isin([201, 202, 402]).sum()


def test_stock_falls_to_what_is_left_and_confirmations_rise_to_what_was_sold(run):
    table, product = series(run), run.record.store.products[0]
    assert table["confirmed"].is_monotonic_increasing
    assert table["confirmed"].iloc[-1] == product.sold
    assert table["stock_left"].iloc[-1] == product.initial_stock - product.sold
    assert table["stock_left"].between(0, product.initial_stock).all()
    assert table["open_orders"].iloc[-1] == 0


def test_accepted_orders_are_those_that_are_open_or_settled(run):
    table = series(run)
    assert table["accepted"].is_monotonic_increasing
    assert table["accepted"].iloc[-1] == len(run.orders)
    assert (table["accepted"] >= table["open_orders"] + table["confirmed"]).all()


def test_open_orders_are_those_accepted_and_not_yet_settled(run):
    at_ns = run.record.t0_wall_ns + 8 * S
    accepted = (run.orders["accepted_ns"] < at_ns).sum()
    settled = ((run.orders["settled_ns"] < at_ns) & (run.orders["settled_ns"] > 0)).sum()
    assert series(run)["open_orders"][7] == accepted - settled


def test_users_follow_the_clock(run):
    table = series(run)
    assert table["active"][12] == run.clock["active"][12]
    assert table["planned"][12] == run.clock["planned"][12]


def test_cores_are_the_increase_of_cpu_seconds_and_add_up_over_the_approach(run):
    table = series(run)
    used = run.telemetry[(run.telemetry["metric"] == "cpu_s") & (run.telemetry["source"] == "api")]
    used_s = used.set_index("t_s")["value"]
    assert table["cores_api"][5] == pytest.approx(used_s[6.0] - used_s[5.0])
    services = [f"cores_{name}" for name in run.record.topology["services"]]
    assert table["cores_approach"][5] == pytest.approx(table[services].loc[5].sum())


def test_queue_depth_is_missing_without_a_queue(run):
    has_queue = series(run)["queue_depth"].notna().any()
    assert has_queue == run.record.topology["has_redis"]
