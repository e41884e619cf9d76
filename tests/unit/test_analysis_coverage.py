"""States, transitions and answers are counted from what the ledger and the buyers recorded."""

import dataclasses

import pandas as pd

from harness.analysis.coverage import reached
from tests.support.histories import make_run


def counts(*runs):
    return {(one["kind"], one["name"]): one["count"] for one in reached(runs)}


def run_of(events=(), requests=()):
    """Return a run with this history of orders, and buyers who got these answers."""
    run = make_run("queue", users=2, seconds=3)
    columns = ["endpoint", "status", "code", "replayed"]
    return dataclasses.replace(
        run,
        order_events=pd.DataFrame(list(events), columns=["order_id", "version", "status"]),
        requests=pd.DataFrame(list(requests), columns=columns),
    )


def test_a_transition_is_between_two_states_of_one_order_in_the_order_of_its_versions():
    history = [
        ("b", 1, "accepted"),
        ("a", 3, "declined"),
        ("a", 1, "awaiting_payment"),
        ("a", 2, "unknown"),
    ]
    assert counts(run_of(history)) == {
        ("state", "accepted"): 1,
        ("state", "awaiting_payment"): 1,
        ("state", "declined"): 1,
        ("state", "unknown"): 1,
        ("transition", "awaiting_payment → unknown"): 1,
        ("transition", "unknown → declined"): 1,
    }


def test_answers_differ_by_route_status_code_and_repetition():
    asked = [
        ("buy", 409, "sold_out", False),
        ("buy", 409, "limit_reached", False),
        ("buy", 409, "limit_reached", False),
        ("buy", 202, "", True),
        ("status", 200, "", False),
        ("buy", 0, "", False),
    ]
    assert counts(run_of(requests=asked)) == {
        ("answer", "GET /orders/{id} 200"): 1,
        ("answer", "POST /orders 202 replayed"): 1,
        ("answer", "POST /orders 409 limit_reached"): 2,
        ("answer", "POST /orders 409 sold_out"): 1,
    }


def test_orders_that_the_ledger_refused_are_counted_although_it_has_no_history_of_them():
    run = run_of()
    run.record.store.cancelled = [{"order_id": "a"}, {"order_id": "b"}]
    assert counts(run) == {
        ("state", "accepted"): 2,
        ("state", "cancelled"): 2,
        ("transition", "accepted → cancelled"): 2,
    }


def test_runs_add_up_and_a_record_without_codes_is_counted_without_them():
    asked = [("buy", 409, "sold_out", False)]
    old = run_of(requests=asked)
    old = dataclasses.replace(old, requests=old.requests.drop(columns="code"))
    assert counts(run_of(requests=asked), old) == {
        ("answer", "POST /orders 409"): 1,
        ("answer", "POST /orders 409 sold_out"): 1,
    }
