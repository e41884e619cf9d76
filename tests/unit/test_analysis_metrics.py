"""The definitions of the metrics, on a sale so small that every number can be worked out by hand.

Ten seconds of load, stock 2. One buyer's attempt a-0 times out and is acknowledged on retry, a-1 is
refused, a-2 fails with 503. Order o1 (attempt a-0) is confirmed, o2 is declined, o3 takes the
released unit and is confirmed, o4 stays open.
"""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis import series, summarise
from harness.analysis.estimates import Missing, Quantity, Ratio, Sample, Scalar
from harness.analysis.metrics import METRICS, estimate_all
from harness.analysis.run_facts import RunFacts
from harness.results.record import RunRecord
from harness.results.store import RunData
from tests.support.histories import make_run
from tests.support.records import with_record

S = 1_000_000_000
MS = 1_000_000
T0 = 1_700_000_000 * S

REQUESTS = (
    # endpoint, stage, sent s, done s, status, outcome, error, key, order, order status
    ("register", 1, 0.0, 0.1, 201, "ok", "", "", "", ""),
    ("buy", 1, 1.0, 3.0, 0, "indeterminate", "timeout", "a-0", "", ""),
    ("buy", 1, 3.0, 3.2, 202, "accepted", "", "a-0", "o1", "accepted"),
    ("status", 1, 4.0, 4.05, 200, "ok", "", "", "o1", "awaiting_payment"),
    ("status", 1, 5.5, 5.6, 200, "ok", "", "", "o1", "confirmed"),
    ("buy", 2, 6.0, 6.01, 409, "sold_out", "", "a-1", "", ""),
    ("buy", 2, 6.5, 6.6, 503, "indeterminate", "", "a-2", "", ""),
    ("events", 2, 7.0, 9.0, 200, "ok", "", "", "o1", "confirmed"),
    ("product", 3, 10.5, 10.6, 200, "ok", "", "", "", ""),
)
ORDERS = (
    # order, key, status, accepted s, settled s
    ("o1", "a-0", "confirmed", 3.1, 5.0),
    ("o2", "b-0", "declined", 3.5, 6.0),
    ("o3", "c-0", "confirmed", 6.2, 8.0),
    ("o4", "d-0", "awaiting_payment", 9.0, None),
)
MOVES = (
    ("o1", "reserve", 3.1), ("o2", "reserve", 3.5), ("o1", "sell", 5.0), ("o2", "release", 6.0),
    ("o3", "reserve", 6.2), ("o3", "sell", 8.0),
)  # fmt: skip


def requests() -> pd.DataFrame:
    columns = ["endpoint", "stage", "sent", "done", "status", "outcome", "error", "key"]
    columns += ["order_id", "order_status"]
    frame = pd.DataFrame(REQUESTS, columns=columns)
    frame["sent_ns"] = (frame.pop("sent") * S).round().astype("int64")
    frame["done_ns"] = (frame.pop("done") * S).round().astype("int64")
    return frame.assign(
        process=0,
        user=0,
        **{"try": frame["key"].where(frame["key"] != "").groupby(frame["key"]).cumcount()},
        intended_ns=frame["sent_ns"] - 5 * MS,
        think_ns=0,
    )


def orders() -> pd.DataFrame:
    frame = pd.DataFrame(ORDERS, columns=["order_id", "key", "status", "accepted", "settled"])
    accepted = (frame.pop("accepted") * S).round().astype("int64") + T0
    settled_s = frame.pop("settled")
    settled = (settled_s.fillna(0) * S).round().astype("int64") + T0
    return frame.assign(
        user_id=1, product_id=1, quantity=1, version=3, amount_cents=100, accepted_ns=accepted,
        settled_ns=settled.where(settled_s.notna(), 0),
    )  # fmt: skip


def events() -> pd.DataFrame:
    rows = []
    for order, _, status, accepted, settled in ORDERS:
        rows += [(order, 1, "accepted", accepted), (order, 2, "awaiting_payment", accepted + 0.1)]
        if settled is not None:
            rows.append((order, 3, status, settled))
    frame = pd.DataFrame(rows, columns=["order_id", "version", "status", "at"])
    return frame.assign(at_ns=(frame.pop("at") * S).round().astype("int64") + T0)


def moves() -> pd.DataFrame:
    frame = pd.DataFrame(MOVES, columns=["order_id", "kind", "at"])
    at_ns = (frame.pop("at") * S).round().astype("int64") + T0
    return frame.assign(quantity=1, at_ns=at_ns, relayed=True)


def telemetry() -> pd.DataFrame:
    rows: list[tuple[float, str, str, float]] = []
    for t_s in range(13):
        rows += [
            (t_s, "api", "cpu_s", 0.5 * t_s), (t_s, "postgres", "cpu_s", 100 + 0.3 * t_s),
            (t_s, "payment-gateway", "cpu_s", 9.0 * t_s), (t_s, "load", "cpu_s", 0.2 * t_s),
            (t_s, "api", "memory_bytes", 50e6 + (10e6 if t_s == 5 else 0)),
            (t_s, "postgres", "memory_bytes", 80e6),
            (t_s, "payment-gateway", "memory_bytes", 1e9),
            (t_s, "redis", "stream_length:orders", 3.0 if t_s == 4 else 1.0),
            (t_s, "redis", "stream_length:payments", 2.0),
            (t_s, "redis", "pending:payments", 2.0),
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["t_s", "source", "metric", "value"]).astype({"t_s": float})


def record() -> RunRecord:
    stages = [("up", 10, 6), ("peak", 20, 3), ("out", 0, 1)]
    facts = {
        "index": 1, "block": 1, "variant": "queue", "approach": "queue", "status": "complete",
        "seed": 1, "started_at": "", "payment": None, "reset_proof": None, "server_counts": None,
        "load_s": 10, "drain_s": 2.0, "drained": False,
        "t0_wall_ns": T0, "cores": 4,
        "scenario": {
            "stages": [{"name": n, "users": u, "seconds": s} for n, u, s in stages],
            "load": {"processes": 2, "request_timeout_s": 2, "watch_limit_s": 5},
        },
        "store": {
            "products": [
                {"id": 1, "price_cents": 1, "initial_stock": 2, "reserved": 0, "sold": 0}
            ]
        },
        "topology": {
            "containers": 2, "payment_slots": 7, "has_redis": True, "world": ["payment-gateway"],
            "services": {"api": {}, "postgres": {}, "payment-gateway": {}},
        },
    }  # fmt: skip
    return RunRecord.model_validate(facts)


@pytest.fixture(scope="module")
def sale() -> RunData:
    charges = pd.DataFrame(
        {"order_id": ["o1", "o2", "o3"], "latency_ms": [1500.0, 2000.0, 1700.0]}
    ).assign(started_ns=T0, finished_ns=T0)
    return RunData(
        record=record(), requests=requests(), buyers=pd.DataFrame(), clock=pd.DataFrame(),
        telemetry=telemetry(), orders=orders(), order_events=events(), payments=pd.DataFrame(),
        stock_moves=moves(), charges=charges,
    )  # fmt: skip


def measured(run: RunData, metric_id: str) -> Quantity:
    return METRICS[metric_id].measure(RunFacts(run))


SCALARS = {
    "purchase_attempts": 3, "purchase_requests": 4, "accepted_orders": 4, "confirmed_orders": 2,
    "declined_orders": 1, "open_orders": 1, "server_errors": 1, "timeouts": 1,
    "sold_out_answers": 1, "indeterminate_attempts": 1, "time_to_sold_out_s": 3.5,
    "time_to_all_confirmed_s": 8.0, "memory_peak_mb": 140.0, "containers": 2, "payment_slots": 7,
    "queue_depth_max": 5.0, "open_orders_max": 2,
    # the buyer of o1 was told, that of o3 was not
    "confirmed_never_shown": 1,
}  # fmt: skip
RATIOS = {
    "throughput_rps": 0.7, "success_rate_pct": 50.0, "success_rate_settled_pct": 200 / 3,
    "stock_utilisation_pct": 100.0, "http_error_rate_pct": 200 / 9, "goodput_per_s": 2 / 8.0,
    "cpu_cores": 0.8, "cpu_pct": 20.0, "cpu_s_per_order": 0.8 * 12 / 2, "generator_cpu_pct": 10.0,
    # the last order is confirmed after 8 s of the 12
    "selling_cpu_s_per_order": 0.8 * 8 / 2, "cpu_ms_per_request": 1000 * 0.8 * 12 / 8,
    "memory_gb_s_per_order": (0.130 + 0.010 / 13) * 12 / 2,
    "selling_memory_gb_s_per_order": (0.130 + 0.010 / 10) * 8 / 2,
    # o1 for 1.9 s, o2 for 2.5 s, o3 for 1.8 s, o4 for the last second of the load
    "open_orders_avg": 0.72,
}  # fmt: skip
SAMPLES = {
    # every request that is no event stream; one had no answer
    "api_latency_p95_ms": ([100, 200, 50, 100, 10, 100, 100], [2000]),
    "api_response_p95_ms": ([105, 205, 55, 105, 15, 105, 105], [2005]),
    # one purchase timed out, one had a 503, one was acknowledged, one was refused
    "purchase_latency_p95_ms": ([200], [2000, 100]),
    # the only acknowledged purchase was sent before the stage with most users
    "purchase_latency_peak_p95_ms": ([], [100]),
    # a-0 was acknowledged 2.2 s after its first send, a-2 never
    "attempt_latency_p95_ms": ([2200], [100]),
    "refusal_latency_p95_ms": ([10], []),
    # only o1 has an attempt in the ledger; it was sent at 1.0 and settled at 5.0
    "order_time_p95_s": ([4.0], []),
    "order_time_seen_p95_s": ([4.6], []),
    "payment_processing_p95_ms": ([1800, 2400, 1700], [2900]),
    "payment_latency_p95_ms": ([1500, 2000, 1700], []),
    # o3 was accepted in the stage with most users and took 1.8 s, 1.7 s of them the payment
    "processing_delay_p95_s": ([0.1], []),
    "generator_lateness_p99_ms": ([5.0] * 9, []),
}


@pytest.mark.parametrize("metric_id", SCALARS)
def test_single_values(sale, metric_id):
    quantity = measured(sale, metric_id)
    assert isinstance(quantity, Scalar)
    assert quantity.value == pytest.approx(SCALARS[metric_id])


@pytest.mark.parametrize("metric_id", RATIOS)
def test_shares_and_rates(sale, metric_id):
    quantity = measured(sale, metric_id)
    assert isinstance(quantity, Ratio)
    assert quantity.numerator / quantity.denominator == pytest.approx(RATIOS[metric_id])


@pytest.mark.parametrize("metric_id", SAMPLES)
def test_samples(sale, metric_id):
    quantity = measured(sale, metric_id)
    assert isinstance(quantity, Sample)
    values, waited = SAMPLES[metric_id]
    assert quantity.values.tolist() == pytest.approx(values)
    assert quantity.waited.tolist() == pytest.approx(waited)


CLOSED_AND_OPEN = [
    ([("ramp", 20, 3), ("peak", 30, 3), ("end", 0, 4)], "users", "peak"),
    ([("ramp", 20, 3), ("hold", 20, 3), ("end", 0, 4)], "users", "hold"),
    ([("calm", 20, 6), ("rush", 15, 3), ("end", 0, 1)], "buyers", "rush"),
]


@pytest.mark.parametrize(("stages", "load", "peak"), CLOSED_AND_OPEN)
def test_peak_is_where_most_are_planned(sale, stages, load, peak):
    listed = [{"name": name, load: number, "seconds": s} for name, number, s in stages]
    scenario = {"open": {"stages": listed}} if load == "buyers" else {"stages": listed}
    facts = RunFacts(with_record(sale, scenario=scenario))
    assert facts.peak.name == peak


def test_a_purchase_belongs_to_the_peak_in_which_it_was_sent(sale):
    # the only one that is acknowledged was sent at 3.0
    for first_s, found in ((2, [200]), (3, [200]), (3.001, [])):
        stages = [
            {"name": "up", "users": 1, "seconds": first_s},
            {"name": "peak", "users": 9, "seconds": 10 - first_s},
        ]
        at = with_record(sale, scenario={"stages": stages})
        quantity = measured(at, "purchase_latency_peak_p95_ms")
        assert isinstance(quantity, Sample)
        assert quantity.values.tolist() == pytest.approx(found)


def test_peak_throughput_is_that_of_the_busiest_five_seconds(sale):
    # answers arrive in the seconds 0 3 4 5 6 6 9: five of them from second 3 to 7
    quantity = measured(sale, "peak_throughput_rps")
    assert isinstance(quantity, Scalar)
    assert quantity.value == pytest.approx(1.0)


def clock() -> pd.DataFrame:
    return pd.DataFrame([(t_s, 10 * t_s, 10 * t_s) for t_s in range(11)]).set_axis(
        ["t_s", "planned", "active"], axis=1
    )


def test_the_load_of_a_purchase_is_how_many_were_there_when_it_was_sent(sale):
    timed = replace(sale, clock=clock())
    # sent at 1.0, 3.0 and 6.5; the refusal at 6.0 is no purchase
    assert measured(timed, "users_at_purchase") == Scalar(30.0)
    assert measured(timed, "users_at_sold_out") == Scalar(35.0)
    unsold = replace(timed, stock_moves=moves()[:1])
    assert isinstance(measured(unsold, "users_at_sold_out"), Missing)


def test_a_mean_of_which_a_part_never_came_is_only_bounded(sale):
    found = estimate_all([RunFacts(sale)], [True])["purchase_latency_avg_ms"]
    assert (found.value, found.low) == (None, pytest.approx(2300 / 3))
    assert found.warnings == ("at least 766.667 ms: 66.7 % had no acknowledgement",)


def test_more_timeouts_never_improve_a_latency(sale):
    slow = requests()
    answered = (slow["status"] > 0) & slow["endpoint"].isin(["buy", "product"])
    silent = {"status": 0, "outcome": "indeterminate", "error": "timeout", "order_id": ""}
    for row in slow.index[answered]:
        worse = slow.copy()
        worse.loc[row, list(silent)] = list(silent.values())
        worse.loc[row, "done_ns"] = worse.loc[row, "sent_ns"] + 2 * S
        for metric_id in ("api_latency_p50_ms", "purchase_latency_p50_ms", "api_latency_avg_ms"):
            before, after = (
                measured(sale, metric_id),
                measured(replace(sale, requests=worse), metric_id),
            )
            assert isinstance(before, Sample)
            assert isinstance(after, Sample)
            assert len(after.waited) >= len(before.waited)
            assert len(after.values) <= len(before.values)


def test_an_undrained_backlog_has_no_drain_time(sale):
    assert measured(sale, "backlog_drain_s") == Missing(
        "not drained: 1 orders open 2 s after the load"
    )


def test_an_approach_that_never_sold_out_has_no_time_to_sell_out(sale):
    larger = with_record(sale)
    larger.record.store.products[0].initial_stock = 3
    assert isinstance(measured(larger, "time_to_sold_out_s"), Missing)
    goodput = measured(larger, "goodput_per_s")
    assert isinstance(goodput, Ratio)
    assert (goodput.numerator, goodput.denominator) == (2, 10)


def test_an_approach_without_redis_has_no_queue(sale):
    topology = sale.record.topology | {"has_redis": False}
    without = with_record(sale, topology=topology)
    assert measured(without, "queue_depth_max") == Missing("the approach has no queue")


def test_an_open_order_counts_as_longer_than_what_was_waited_for_it(sale):
    stuck = orders()
    stuck.loc[0, ["status", "settled_ns"]] = ["unknown", 0]
    quantity = measured(replace(sale, orders=stuck), "order_time_p95_s")
    assert isinstance(quantity, Sample)
    assert quantity.waited.tolist() == [pytest.approx(11.0)]


def test_orders_of_the_warm_up_are_not_of_the_sale(sale):
    other = replace(sale, orders=orders().assign(product_id=[1, 2, 1, 1]))
    assert measured(other, "declined_orders") == Scalar(0.0)
    assert measured(other, "accepted_orders") == Scalar(3.0)


def test_an_order_that_buyers_were_told_of_counts_as_accepted_whatever_became_of_it(sale):
    lacking = replace(sale, orders=orders().query("order_id != 'o1'"))
    assert measured(lacking, "accepted_orders") == Scalar(4.0)
    assert measured(lacking, "confirmed_orders") == Scalar(1.0)
    assert measured(lacking, "success_rate_pct") == Ratio(100.0, 4.0)
    assert measured(lacking, "open_orders") == Scalar(1.0)


@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_every_metric_is_given_or_says_why_not(approach):
    runs = [RunFacts(make_run(approach, index=index)) for index in (1, 2)]
    estimates = estimate_all(runs, [True, True])
    assert list(estimates) == list(METRICS)
    for metric_id, found in estimates.items():
        assert found.value is not None or found.warnings, metric_id
        assert found.unit == METRICS[metric_id].unit
        if found.low is not None and found.high is not None and METRICS[metric_id].q is None:
            assert found.low <= found.value * (1 + 1e-12), metric_id
            assert found.value <= found.high * (1 + 1e-12), metric_id


LEDGER = ("orders", "order_events", "payments", "stock_moves", "charges")


def without_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a query without result gives: columns that have no type."""
    return pd.DataFrame([], columns=list(frame.columns))


@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_a_load_that_nothing_answered_crashes_no_metric(approach):
    run = make_run(approach)
    silence = {"status": 0, "outcome": "indeterminate", "order_id": "", "order_status": ""}
    ledger = {name: without_rows(getattr(run, name)) for name in LEDGER}
    dead = replace(run, requests=run.requests.assign(**silence), **ledger)
    estimates = estimate_all([RunFacts(dead)], [True])
    assert estimates["http_error_rate_pct"].value == 100.0
    assert estimates["confirmed_orders"].value == 0
    assert estimates["api_latency_p95_ms"].value is None
    assert estimates["success_rate_pct"].warnings == ("nothing to divide by",)
    assert series(dead)["requests"].sum() == 0


@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_a_run_without_any_row_is_summarised_and_is_invalid(approach):
    run = make_run(approach)
    tables = ("requests", "buyers", "clock", "telemetry", *LEDGER)
    empty = replace(run, **{name: without_rows(getattr(run, name)) for name in tables})
    summary = summarise({}, [empty])
    assert summary["validity"][0]["verdict"] == "INVALID"
    assert summary["variants"][0]["metrics"]["cpu_pct"]["value"] is None


def test_every_metric_describes_itself():
    for metric in METRICS.values():
        assert metric.description.endswith("."), metric.id
