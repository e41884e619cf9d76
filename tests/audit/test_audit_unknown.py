"""What was not measured is UNKNOWN, never PASS, and a broken check breaks nothing else."""

import copy
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness.audit import COUNTERS, INVARIANTS, audit, verdict
from harness.results.findings import Verdict
from harness.results.record import RunRecord
from harness.results.store import TABLES, RunData
from tests.support.histories import make_run
from tests.support.records import a_record

READS = {
    "requests": "I3 I4 I5 I8 I10 I12 I13 I14 I18 I19",
    "orders": "I1 I2 I3 I4 I5 I6 I7 I8 I9 I12 I13 I18 I19",
    "order_events": "I1 I8 I12",
    "payments": "I6 I8",
    "stock_moves": "I1 I2 I9 I13",
    "charges": "I6 I7 I19",
    "buyers": "I19",
    "clock": "",
    "telemetry": "",
}


def without(run: RunData, *path: str) -> RunData:
    record = copy.deepcopy(run.record)
    inner: Any = record
    for step in path[:-1]:
        inner = inner[step] if isinstance(inner, dict) else getattr(inner, step)
    if isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner.__dict__[path[-1]] = None
    return replace(run, record=record)


def verdicts(run: RunData) -> dict[str, Verdict]:
    return {finding.id: finding.verdict for finding in audit(run)}


def not_passed(run: RunData) -> dict[str, Verdict]:
    return {name: found for name, found in verdicts(run).items() if found is not Verdict.PASS}


@pytest.mark.parametrize("name", TABLES)
def test_without_a_table_its_readers_do_not_know(name: str) -> None:
    run = replace(make_run("queue"), **{name: pd.DataFrame()})
    assert not_passed(run) == dict.fromkeys(READS[name].split(), Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("path", "readers"),
    [
        (("t0_wall_ns",), "I8 I12 I13 I18"),
        (("server_counts",), "I14"),
        (("reset_proof",), "I15 I16"),
        (("reset_proof", "rows"), "I15"),
        (("reset_proof", "redis"), "I15 I16"),
        (("reset_proof", "redis", "configuration"), "I16"),
        (("reset_proof", "postgres", "synchronous_commit"), "I16"),
        (("reset_proof", "stock_over_http"), "I15"),
        (("store", "products"), "I2 I6"),
        (("store", "redis"), "I2 I11"),
        (("store", "passwords"), "I16"),
        (("store", "redis", "stock"), "I2"),
        (("store", "redis", "dead_letters"), "I11"),
        (("store", "redis", "streams"), "I11"),
        (("payment",), "I7"),
        (("topology", "has_redis"), "I2 I9 I11 I13 I15 I16"),
        (("scenario", "product", "stock"), "I1 I2 I13 I15"),
        (("scenario", "product", "price_cents"), "I6 I19"),
    ],
)
def test_without_a_record_its_readers_do_not_know(path: tuple[str, ...], readers: str) -> None:
    assert not_passed(without(make_run("queue"), *path)) == dict.fromkeys(
        readers.split(), Verdict.UNKNOWN
    )


def test_nothing_at_all_is_unknown_throughout() -> None:
    record = RunRecord.model_validate(a_record())
    run = RunData(record=record, **{name: pd.DataFrame() for name in TABLES})
    assert set(verdicts(run).values()) == {Verdict.UNKNOWN}
    assert verdict(audit(run)) is Verdict.UNKNOWN


def test_no_finding_is_no_pass() -> None:
    assert verdict([]) is Verdict.UNKNOWN


def test_a_check_that_raises_says_what_happened() -> None:
    run = make_run("queue")
    garbled = run.charges.assign(latency_ms="soon")
    findings = {finding.id: finding for finding in audit(replace(run, charges=garbled))}
    assert findings["I7"].verdict is Verdict.UNKNOWN
    assert "the check itself failed: " in findings["I7"].summary
    assert findings["I6"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("table", "column"),
    [("buyers", "user_id"), ("requests", "quantity"), ("requests", "amount_cents")],
)
def test_what_buyers_did_not_record_is_not_held_against_anybody(table: str, column: str) -> None:
    run = make_run("queue")
    old = replace(run, **{table: getattr(run, table).drop(columns=column)})
    assert not_passed(old) == {"I19": Verdict.UNKNOWN}
    finding = next(finding for finding in audit(old) if finding.id == "I19")
    assert finding.summary == f"not measured: {table} has no column {column}"


def lacking(run: RunData, *names: str) -> RunData:
    return replace(run, record=run.record.model_copy(update={"absent": list(names)}))


@pytest.mark.parametrize(
    "relation", ["orders", "order_events", "payments", "stock_moves", "password_hashes"]
)
def test_without_a_relation_exactly_those_do_not_know_that_declare_to_read_it(
    relation: str,
) -> None:
    run = lacking(make_run("queue", per_user_limit=1), relation)
    readers = {one.id for one in INVARIANTS if relation in one.reads}
    assert not_passed(run) == dict.fromkeys(readers, Verdict.UNKNOWN)
    unknown = [finding for finding in audit(run) if finding.id in readers]
    assert {one.summary for one in unknown} == {f"not measured: the ledger yields no {relation}"}


@pytest.mark.parametrize(
    ("column", "readers"),
    [("key", "I3 I4 I5 I7 I8 I10 I19"), ("version", "I8"), ("user_id", "I3 I5 I10 I19")],
)
def test_without_a_column_of_the_orders_its_readers_do_not_know(column: str, readers: str) -> None:
    absent = [f"orders.{column}", "orders.reference"]
    run = lacking(make_run("queue", per_user_limit=1), *absent)
    assert not_passed(run) == dict.fromkeys(readers.split(), Verdict.UNKNOWN)
    assert readers.split() == [
        one.id for one in INVARIANTS if one.is_blind_without(absent[0], absent)
    ]


def test_without_counters_those_do_not_know_that_declare_to_read_them() -> None:
    run = without(make_run("queue"), "server_counts")
    readers = [one.id for one in INVARIANTS if one.is_blind_without(COUNTERS, [COUNTERS])]
    assert not_passed(run) == dict.fromkeys(readers, Verdict.UNKNOWN)


def test_what_stands_in_for_a_column_is_enough() -> None:
    blind = [one.id for one in INVARIANTS if one.is_blind_without("orders.key", ["orders.key"])]
    assert blind == ["I3", "I4", "I5", "I8", "I10", "I19"]


def test_charges_may_have_a_reference_that_is_not_the_key() -> None:
    run = make_run("queue")
    named = run.orders.assign(reference=run.orders["key"], key="another-" + run.orders["key"])
    assert verdicts(replace(run, orders=named))["I7"] is Verdict.PASS
    assert verdicts(lacking(replace(run, orders=named), "orders.key"))["I7"] is Verdict.PASS


def test_what_was_found_before_an_input_was_missed_is_found_all_the_same() -> None:
    run = make_run("queue")
    orders = run.orders.assign(status="awaiting_payment")
    found = audit(lacking(replace(run, orders=orders), "payments"))
    charged = next(one for one in found if one.id == "I6")
    assert charged.verdict is Verdict.FAIL
    assert "money taken for orders that are still open" in charged.summary
    assert charged.summary.endswith("; not measured: the ledger yields no payments")


def test_a_history_by_the_clock_says_that_it_is_one() -> None:
    run = make_run("queue")
    numbered, by_clock = (
        next(finding for finding in audit(one) if finding.id == "I1")
        for one in (run, replace(run, stock_moves=run.stock_moves.drop(columns="seq")))
    )
    assert "by the clock: the ledger's sequence was not recorded" in by_clock.summary
    assert "clock" not in numbered.summary
