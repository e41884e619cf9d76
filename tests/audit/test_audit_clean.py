"""A consistent run has no finding, however it went; and stamps may differ as clocks do."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.audit import audit, verdict
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData, audit_document, write_json
from tests.defects import DEFECTS
from tests.support.histories import make_run
from tests.support.records import edited
from tests.support.simulated_shop import MS


def complaints(run: RunData) -> list[Finding]:
    return [finding for finding in audit(run) if finding.verdict is not Verdict.PASS]


def summary(run: RunData, identifier: str) -> str:
    return next(finding.summary for finding in audit(run) if finding.id == identifier)


@pytest.mark.parametrize("approach", ["queue", "sync"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_consistent_run_passes(approach: str, seed: int) -> None:
    run = make_run(approach, seed=seed)
    assert complaints(run) == []
    assert verdict(audit(run)) is Verdict.PASS


@given(
    approach=st.sampled_from(["queue", "sync"]),
    seed=st.integers(1, 1000),
    users=st.integers(1, 40),
    stock=st.integers(0, 80),
    seconds=st.integers(4, 20),
    limit=st.sampled_from([None, 1, 2]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_consistent_run_passes_whatever_its_size(
    approach: str, seed: int, users: int, stock: int, seconds: int, limit: int | None
) -> None:
    run = make_run(
        approach, seed=seed, users=users, stock=stock, seconds=seconds, per_user_limit=limit
    )
    assert complaints(run) == []


def test_the_simulated_runs_hold_what_could_be_mistaken_for_a_defect() -> None:
    run = make_run("queue", seed=2)
    buys = run.requests[run.requests["endpoint"] == "buy"]
    assert {"accepted", "sold_out", "indeterminate"} <= set(buys["outcome"])
    assert buys["replayed"].any()
    assert set(run.orders["status"]) == {"confirmed", "declined"}
    assert (~run.orders["order_id"].isin(buys["order_id"])).any()
    released_ns = run.stock_moves.loc[run.stock_moves["kind"] == "release", "at_ns"].min()
    assert (run.stock_moves.loc[run.stock_moves["kind"] == "reserve", "at_ns"] > released_ns).any()


@pytest.mark.parametrize("excused", [True, False])
def test_an_order_is_cancelled_in_order_only_if_a_fault_deleted_its_account(excused: bool) -> None:
    run = DEFECTS["acknowledged_order_cancelled"].apply(make_run("queue", seed=2), 0)
    (cancelled,) = run.record.store.cancelled
    letter = {"o": cancelled.order_id, "reason": "no such account"}
    run.record.store.redis.dead_letters = 1
    run.record.store.redis.dead_letter_entries = [letter]
    users = [cancelled.user_id] if excused else []
    run.record.faults = [{**DELETION, "users": users}]
    assert {finding.id for finding in complaints(run)} == (set() if excused else {"I3", "I11"})


@pytest.mark.parametrize(("end", "is_shown"), [("cancelled", True), ("accepted", False)])
def test_an_order_of_a_deleted_account_shows_its_buyer_an_end(end: str, is_shown: bool) -> None:
    run = make_run("queue", seed=2)
    bought = {"user_id": 1, "key": "k", "status": 202, "order_id": "o", "order_status": end}
    refused = {"user_id": 2, "key": "l", "status": 401, "order_id": None, "order_status": None}
    run.record.faults = [{**DELETION, "users": [1, 2], "purchases": [bought, refused]}]
    assert {finding.id for finding in complaints(run)} == (set() if is_shown else {"I3"})


DELETION = {
    "kind": "delete_account",
    "service": None,
    "replica": None,
    "process": None,
    "begun_ns": 0,
    "ended_ns": 0,
    "healthy_ns": 0,
    "error": None,
}


def test_an_order_without_an_acknowledgement_is_counted_as_recovered() -> None:
    assert "0 of them" not in summary(make_run("queue"), "I4")
    assert "recovered from indeterminate attempts" in summary(make_run("queue"), "I4")


def test_an_approach_without_a_queue_passes_and_says_so() -> None:
    assert summary(make_run("sync"), "I11").startswith("no queue")


def test_a_run_that_nobody_bought_in_passes() -> None:
    run = make_run("queue", stock=0)
    assert len(run.orders) == 0
    assert complaints(run) == []


def test_findings_can_be_stored(tmp_path: Any) -> None:
    for approach in ("queue", "sync"):
        write_json(tmp_path / "audit.json", audit_document(audit(make_run(approach))))


def shifted(run: RunData, kind: str, by_ms: int) -> RunData:
    """Move the stamps of reservations or releases in the ledger."""
    moves = run.stock_moves
    at_ns = moves["at_ns"].where(moves["kind"] != kind, moves["at_ns"] + by_ms * MS)
    run = replace(run, stock_moves=moves.assign(at_ns=at_ns))
    if kind == "reserve":
        orders, events = run.orders, run.order_events
        sent_ns = run.requests.groupby("key")["sent_ns"].min() + run.record.t0_wall_ns
        # no order is accepted before it is asked for
        accepted_ns = (orders["accepted_ns"] + by_ms * MS).clip(lower=orders["key"].map(sent_ns))
        by_order = pd.Series(accepted_ns.to_numpy(), index=orders["order_id"])
        first = events["status"] == "accepted"
        at_ns = events["at_ns"].mask(first, events["order_id"].map(by_order))
        run = replace(
            run,
            orders=orders.assign(accepted_ns=accepted_ns),
            order_events=events.assign(at_ns=at_ns),
        )
    return run


@pytest.mark.parametrize(
    ("approach", "kind", "by_ms"),
    [
        ("queue", "release", -5_000),  # its worker was killed; the reaper relayed it
        ("sync", "release", -1_000),  # the transaction waited for the product's row
        ("sync", "reserve", -900),
        ("queue", "reserve", 90),  # stamped when the ledger learnt of it
    ],
)
def test_stamps_may_be_off_by_what_is_explained(approach: str, kind: str, by_ms: int) -> None:
    assert complaints(shifted(make_run(approach), kind, by_ms)) == []


def test_a_unit_that_reached_the_ledger_late_is_no_undersell() -> None:
    run = shifted(make_run("queue"), "reserve", 3_000)
    told = run.requests["order_id"].unique()
    unknown = ~run.orders["order_id"].isin(told)
    honest = run.orders["accepted_ns"].where(~unknown, run.orders["accepted_ns"] - 3_000 * MS)
    run = replace(run, orders=run.orders.assign(accepted_ns=honest))
    # that its stamp is later than the answer is another matter
    assert [finding.id for finding in complaints(run)] == ["I8"]


def test_an_attempt_that_ended_in_progress_may_have_an_order() -> None:
    run = make_run("queue")
    asked = run.requests.copy()
    unacknowledged = run.orders.loc[~run.orders["order_id"].isin(asked["order_id"]), "key"]
    last = asked.index[asked["key"] == unacknowledged.iloc[0]].max()
    asked.loc[last, ["status", "outcome"]] = [425, "rejected"]
    findings = {finding.id: finding for finding in audit(replace(run, requests=asked))}
    assert findings["I4"].verdict is Verdict.PASS


def test_an_answer_of_the_proxy_is_not_missed_by_the_servers() -> None:
    run = make_run("queue")
    asked = run.requests.copy()
    looks = asked.index[asked["endpoint"] == "product"]
    asked.loc[looks[:3], "status"] = 502
    asked.loc[looks[3:5], "status"] = 504
    behind_a_proxy = replace(run, requests=asked)
    assert complaints(behind_a_proxy) == []
    behind_a_proxy.record.topology |= {"entry": "api", "counters": ["api"]}
    assert [finding.id for finding in complaints(behind_a_proxy)] == ["I14"]


def test_an_event_stream_that_broke_may_or_may_not_be_counted() -> None:
    run = make_run("queue")
    look = run.requests[run.requests["endpoint"] == "status"].tail(1)
    broken = look.assign(endpoint="events", outcome="indeterminate", status=200, error="ended")
    asked = pd.concat([run.requests, broken], ignore_index=True)
    uncounted = replace(run, requests=asked)
    assert complaints(uncounted) == []
    row = {"method": "GET", "route": "/orders/{id}/events", "status": 200, "count": 1}
    counted = edited(uncounted, lambda record: record["server_counts"].append(row))
    assert complaints(counted) == []
