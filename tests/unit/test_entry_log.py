"""The entry's own account of the requests, held against what the client recorded."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import METRICS, check_laws
from harness.analysis.estimates import point
from harness.analysis.laws import counts
from harness.analysis.run_facts import RunFacts
from harness.campaign.entry_log import account
from harness.results import routes
from harness.results.findings import Verdict
from tests.support.histories import make_run
from tests.support.records import T0_WALL_NS, with_record

T0_S = T0_WALL_NS / 1e9
LOAD_S = 24
ROUTES = {endpoint: route for endpoint, route in routes.ROUTES.items() if endpoint != "events"}


def log_of(run):
    """Return the lines that a proxy before the simulated shop would have written."""
    answered = run.requests[run.requests["status"] > 0]
    lines = ["2025/10/09 08:53:20 [notice] 7#7: signal process started"]
    for row in answered.itertuples():
        method, route = ROUTES[row.endpoint]
        took_s = (row.done_ns - row.sent_ns) / 1e9 - 0.0005
        end_s = T0_S + row.done_ns / 1e9 - 0.0005
        path = route.replace("{id}", "1")
        lines.append(f"{end_s:.3f} {row.status} {method} {path} {took_s:.3f} 127.0.0.1:18586")
    return lines


@pytest.fixture(scope="module")
def run():
    return make_run("queue", users=40, stock=60, seconds=LOAD_S)


def laws_of(run, lines, **others):
    rows = account(lines, T0_S, T0_S + LOAD_S - 2)
    names = (counts.ENTRY_COUNTS, counts.ENTRY_LATENCY)
    log = {"to_s": LOAD_S - 2.0, "requests": rows}
    laws = check_laws(with_record(run, entry_log=log, **others))
    return {law.name: law for law in laws if law.name in names}


def test_the_client_agrees_with_a_log_of_the_same_requests(run):
    laws = laws_of(run, log_of(run))
    assert {name: law.verdict for name, law in laws.items()} == {
        counts.ENTRY_COUNTS: Verdict.PASS,
        counts.ENTRY_LATENCY: Verdict.PASS,
    }


def test_an_entry_without_a_log_of_requests_is_not_asked(run):
    assert laws_of(run, ["a word", "1795622644.842 no line of ours"]) == {}


def test_answers_that_only_the_client_knows_of_break_the_counts(run):
    law = laws_of(run, log_of(run)[::2])[counts.ENTRY_COUNTS]
    assert law.verdict is Verdict.FAIL
    assert law.left > law.right


def test_answers_that_only_the_entry_knows_of_break_the_counts(run):
    law = laws_of(run, [*log_of(run), *log_of(run)])[counts.ENTRY_COUNTS]
    assert law.verdict is Verdict.FAIL


def test_requests_of_a_fault_are_no_contradiction(run):
    """Deleted accounts buy, and no client of the load has sent that."""
    others = {"kind": "delete_account", "service": None, "begun_ns": 1, "ended_ns": 2}
    others["requests"] = [{"method": "POST", "route": "/orders", "status": 202, "count": 5}]
    bought = [line for line in log_of(run) if "POST /orders" in line]
    assert laws_of(run, [*log_of(run), *bought], faults=[others]) == {}
    assert laws_of(run, [*log_of(run), *bought]) != {}


def test_a_client_that_reads_late_what_was_sent_in_time_breaks_the_latency(run):
    """All its own numbers agree with each other: only the entry knows."""
    lines = log_of(run)
    done = run.requests["done_ns"] + 200_000_000
    late = replace(run, requests=run.requests.assign(done_ns=done))
    law = laws_of(late, lines)[counts.ENTRY_LATENCY]
    assert law.verdict is Verdict.FAIL
    assert law.left - law.right == pytest.approx(200, abs=2)


def test_a_client_that_is_told_faster_than_it_was_answered_breaks_the_latency(run):
    lines = log_of(run)
    took = run.requests["done_ns"] - run.requests["sent_ns"]
    fast = run.requests.assign(sent_ns=run.requests["sent_ns"] + np.minimum(took // 2, 15_000_000))
    law = laws_of(replace(run, requests=fast), lines)[counts.ENTRY_LATENCY]
    assert law.verdict is Verdict.FAIL
    assert law.left < law.right


def test_of_a_log_what_was_in_the_window_is_counted_by_route():
    lines = [
        "1000000000.500 202 POST /orders 0.010 127.0.0.1:1",
        "1000000001.000 409 POST /orders 0.030 127.0.0.1:2",
        "1000000001.500 499 POST /orders 9.000 127.0.0.1:2",
        "1000000002.000 409 POST /orders 0.030 127.0.0.1:2",
        "1000000000.100 200 GET /orders/0190-ab 0.004 127.0.0.1:1",
        "1000000000.100 200 GET /orders/0190-ab/events 4.000 127.0.0.1:1",
        "1000000000.100 200 GET /readyz 0.004 127.0.0.1:1",
    ]
    assert [row.model_dump() for row in account(lines, 1e9, 1e9 + 2)] == [
        {
            "method": "GET", "route": "/orders/{id}", "count": 1, "p50_ms": 4.0, "p95_ms": 4.0,
            "servers": {"127.0.0.1:1": 1},
        },
        {
            "method": "POST", "route": "/orders", "count": 2, "p50_ms": 20.0, "p95_ms": 29.0,
            "servers": {"127.0.0.1:1": 1, "127.0.0.1:2": 1},
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("logged", "servers"),
    [
        ("127.0.0.1:1, 127.0.0.1:2", {"127.0.0.1:2": 1}),
        ("[::1]:80", {"[::1]:80": 1}),
        ("-", {}),
        ("", {}),
    ],
)
def test_who_answered_is_the_last_server_that_was_tried(logged, servers):
    (row,) = account([f"1000000000.500 202 POST /orders 0.010 {logged}\n"], 1e9, 1e9 + 2)
    assert row.servers == servers


def test_the_busiest_server_has_its_share_of_all_requests(run):
    shares = [f"1000000000.500 202 POST /orders 0.010 10.0.0.{n}:80" for n in (1, 1, 1, 2)]
    log = {"to_s": 2.0, "requests": account(shares, 1e9, 1e9 + 2)}
    for found, expected in ((log, 75.0), (None, None)):
        facts = RunFacts(with_record(run, entry_log=found))
        assert point(METRICS["busiest_server_pct"].measure(facts), None).value == expected
