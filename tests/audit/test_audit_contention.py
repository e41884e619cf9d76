"""Audited sale by sale: nothing is left out, and what is wrong is found in its sale."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.audit import INVARIANTS, audit, verdict
from harness.audit.invariant import Scope
from harness.audit.sale_by_sale import audit_sale_by_sale, slices
from harness.results.findings import Verdict
from tests.support.contention import make_contention_run, oversell

IDS = [f"I{n}" for n in (*range(1, 17), 18, 19, 20)]
TABLES = ("requests", "orders", "order_events", "payments", "stock_moves", "charges")


@pytest.fixture(params=["sync", "queue"])
def run(request):
    return make_contention_run(request.param)


def by_id(run):
    return {finding.id: finding for finding in audit(run)}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_clean_sales_have_no_finding(approach, seed):
    findings = audit(make_contention_run(approach, seed=seed, sales=12))
    assert [f.id for f in findings] == IDS
    assert {f.verdict for f in findings} == {Verdict.PASS}, findings
    assert sum(f.count for f in findings) == 0
    assert all(f.failed_sales == f.unknown_sales == () for f in findings)


def test_the_union_of_the_slices_is_the_whole(run):
    cut = dict(slices(run))
    assert list(cut) == [sale.number for sale in run.record.sales]
    for name in TABLES:
        whole = getattr(run, name)
        if name == "requests":
            whole = whole[whole["endpoint"] == "buy"]
        parts = pd.concat([getattr(sale, name) for sale in cut.values()])
        keys = [column for column in whole.columns if column != "product_id"]
        rows = [frame[keys].astype(str).sort_values(keys).to_numpy() for frame in (whole, parts)]
        assert (rows[0] == rows[1]).all(), name


def test_a_slice_is_a_run_of_its_own(run):
    for number, sale in slices(run):
        planned = run.record.sales[number - 1]
        assert sale.record.scenario["product"]["stock"] == planned.stock
        (row,) = sale.record.store.products
        assert (row.id, row.initial_stock) == (1, planned.stock)
        assert row.sold == (sale.orders["status"] == "confirmed").sum() <= planned.stock
        assert set(sale.orders["product_id"]) == {1}
        assert sale.requests["key"].str.startswith(f"1-{number}-").all()
        assert list(sale.charges.index) == list(range(len(sale.charges)))
    assert run.record.scenario["product"]["stock"] is None, "the whole is as it was"


def test_one_oversold_sale_of_many_is_found_with_its_orders(run):
    orders = oversell(run, sale=3)
    finding = by_id(run)["I1"]
    assert finding.verdict is Verdict.FAIL
    assert (finding.failed_sales, finding.unknown_sales) == ((3,), ())
    assert finding.summary.startswith("FAIL in 1 of 8 sales; sale 3: ")
    assert finding.examples
    assert all(example["sale"] == 3 for example in finding.examples)
    assert {example["order_id"] for example in finding.examples} <= set(orders)
    others = [f for f in audit(run) if f.id != "I1"]
    assert verdict(others) is Verdict.PASS, others


def test_every_oversold_sale_is_counted_and_ten_examples_are_enough(run):
    for sale in (2, 5, 7):
        oversell(run, sale)
    finding = by_id(run)["I1"]
    assert finding.failed_sales == (2, 5, 7)
    assert finding.count >= 3
    assert len(finding.examples) <= 10
    assert finding.examples[0]["sale"] == 2


def test_an_order_of_another_sale_than_asked_for_is_found(run):
    first = run.orders.index[0]
    assert run.orders.loc[first, "product_id"] == 1001
    run.orders.loc[first, "product_id"] = 1002
    findings = by_id(run)
    assert findings["I4"].failed_sales == (2,), "nobody asked for it in this sale"
    assert 1 in findings["I2"].failed_sales


def test_a_charge_that_belongs_to_no_sale_is_found(run):
    stray = run.charges.iloc[[0]].assign(
        charge_id="stray", order_id="nobody's", reference="1-99-1", key="nobody's"
    )
    dirty = run.__class__(
        **{name: getattr(run, name) for name in run.__dataclass_fields__}
        | {"charges": pd.concat([run.charges, stray], ignore_index=True)}
    )
    finding = by_id(dirty)["I6"]
    assert finding.failed_sales == (0,)
    assert finding.examples[0]["charge_id"] == "stray"


def test_a_charge_without_order_is_found_in_the_sale_of_its_attempt(run):
    sold = run.charges.index[0]
    run.charges.loc[sold, "order_id"] = "nobody's"
    number = int(run.charges.loc[sold, "reference"].split("-")[1])
    assert number in by_id(run)["I6"].failed_sales


def test_a_sale_that_nobody_came_to_is_unknown(run):
    held = run.requests["stage"] != 4
    object.__setattr__(run, "requests", run.requests[held])
    finding = by_id(run)["I1"]
    assert finding.verdict in (Verdict.PASS, Verdict.UNKNOWN)
    assert verdict(audit(run)) is not Verdict.PASS
    assert 4 in by_id(run)["I12"].unknown_sales


def test_a_sale_that_did_not_begin_clean_is_found(run):
    run.record.reset_proof.sales[1].product.reserved = 1
    assert by_id(run)["I15"].failed_sales == (2,)


def test_what_the_deployment_alone_can_tell_is_asked_once(run):
    run.record.server_counts[0].count += 1_000
    finding = by_id(run)["I14"]
    assert finding.verdict is Verdict.FAIL
    assert finding.failed_sales == ()


def test_a_contest_that_cannot_be_cut_is_unknown(run):
    run.record.reset_proof.sales = None
    findings = audit(run)
    assert [f.id for f in findings] == IDS
    assert by_id(run)["I1"].verdict is Verdict.UNKNOWN
    assert "cannot be cut" in by_id(run)["I1"].summary
    assert by_id(run)["I16"].verdict is Verdict.PASS


def nothing(run):
    pass


def oversell_one(run):
    oversell(run, sale=3)


def swap_sales(run):
    run.orders.loc[run.orders.index[0], "product_id"] = 1002


def swap_orders(run):
    """Answer two buyers of different sales with the order of the other."""
    bought = run.requests[(run.requests["endpoint"] == "buy") & (run.requests["order_id"] != "")]
    first, last = bought.index[0], bought.index[-1]
    assert run.requests.loc[first, "stage"] != run.requests.loc[last, "stage"]
    run.requests.loc[[first, last], "order_id"] = bought.loc[[last, first], "order_id"].to_numpy()


def skip_a_version(run):
    run.order_events.loc[run.order_events.index[-1], "version"] += 1


@pytest.mark.slow
@pytest.mark.parametrize("damage", [nothing, oversell_one, swap_sales, swap_orders, skip_a_version])
def test_what_is_checked_on_the_whole_run_holds_in_every_sale(run, damage):
    """The shorter way finds what every check of every sale finds, word for word."""
    damage(run)
    one_by_one = [
        replace(one, scope=Scope.SALE) if one.scope is Scope.ORDER else one for one in INVARIANTS
    ]
    assert audit_sale_by_sale(run, INVARIANTS) == audit_sale_by_sale(run, one_by_one)
