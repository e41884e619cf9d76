"""What a contention test says: the bound, the laws, the rows, and when it says nothing."""

from dataclasses import replace

import jsonschema_rs
import pytest
from scipy import stats

from harness.analysis import check_laws, summarise, validity
from harness.analysis.contention import bound_pct, upper_bound
from harness.audit import audit
from harness.errors import UsageError
from harness.results.findings import Verdict
from tests.support.contention import make_contention_run, oversell
from tests.support.schemas import contention_schema
from tests.support.stored import variants


def campaign(runs):
    return {
        "scenario": runs[0].record.scenario,
        "variants": variants("queue", "sync"),
        "baseline": "sync",
        "seed": 1,
    }


def summed_up(runs):
    summary = summarise(campaign(runs), runs, {run.index: audit(run) for run in runs})
    jsonschema_rs.validator_for(contention_schema()).validate(summary)
    return summary


@pytest.fixture(scope="module")
def runs():
    return [make_contention_run("queue", index=1), make_contention_run("sync", index=2)]


@pytest.fixture(scope="module")
def summary(runs):
    return summed_up(runs)


@pytest.mark.parametrize("sales", [1, 8, 300, 100_000])
def test_the_bound_of_none_is_the_closed_form(sales):
    assert upper_bound(0, sales) == pytest.approx(1 - 0.05 ** (1 / sales), rel=1e-9)


@pytest.mark.parametrize(("oversold", "sales"), [(1, 8), (5, 300), (299, 300)])
def test_at_the_bound_so_few_are_seen_once_in_twenty(oversold, sales):
    bound = upper_bound(oversold, sales)
    assert stats.binom.cdf(oversold, sales, bound) == pytest.approx(0.05)
    assert bound > oversold / sales


def test_all_oversold_leaves_nothing_to_bound():
    assert upper_bound(3, 3) == 1.0


@pytest.mark.parametrize(
    ("bound", "shown"),
    [(1 - 0.05 ** (1 / 300), "0.994"), (0.31234, "31.3"), (0.31301, "31.4"), (0.95, "95.0"),
     (1.0, "100"), (0.00004999, "0.00500")],
)  # fmt: skip
def test_a_bound_is_rounded_up(bound, shown):
    assert bound_pct(bound) == shown
    assert float(shown) >= 100 * bound - 1e-9


def test_the_statement(summary):
    sync, queue = summary["variants"]
    assert (sync["name"], queue["name"]) == ("sync", "queue"), "the baseline first"
    assert queue["statement"] == (
        "queue: 8 sales of 1–10 units, 30 buyers each: 0 oversold; with 95 % confidence the "
        "probability of an oversell per sale is below 31.3 %"
    )
    assert queue["offences"] == {"lost": 0, "duplicated": 0, "wrongly_charged": 0}
    assert "ranked" not in queue


def test_rows_add_up_to_what_was_stored(runs, summary):
    for run in runs:
        rows = summary["sales"][run.approach]
        entry = next(e for e in summary["variants"] if e["name"] == run.approach)
        assert [row["sale"] for row in rows] == list(range(1, 9))
        confirmed = (run.orders["status"] == "confirmed").sum()
        assert sum(row["sold"] for row in rows) == entry["sold"] == confirmed
        assert entry["attempts"] == 8 * 30 == sum(row["attempts"] for row in rows)
        for row in rows:
            assert 0 < row["in_flight"] <= 30
            assert row["refused"] + row["sold"] + row["declined"] <= 30
            assert (row["oversold"], row["verdict"]) == ("PASS", "PASS")


def test_an_oversold_sale_is_counted_and_widens_the_bound():
    run = make_contention_run("queue")
    oversell(run, 3)
    summary = summed_up([run])
    (entry,) = summary["variants"]
    assert (entry["sales"], entry["oversold_sales"]) == (8, 1)
    assert entry["oversold_upper_bound"] == pytest.approx(upper_bound(1, 8))
    assert entry["audit_verdict"] == "FAIL"
    assert [row["sale"] for row in summary["sales"]["queue"] if row["oversold"] == "FAIL"] == [3]
    (finding,) = [f for f in summary["audit"]["queue"] if f["verdict"] == "FAIL"]
    assert finding["failed_sales"] == [3]


def test_the_laws_of_a_contention_test(runs):
    for run in runs:
        laws = check_laws(run)
        assert {law.verdict for law in laws} == {Verdict.PASS}, laws
        assert "every sale took place" in {law.name for law in laws}
        assert validity(run, laws).verdict == "VALID"


def test_a_contention_test_in_which_not_every_sale_took_place_is_invalid(runs):
    cut_short = replace(runs[0], requests=runs[0].requests.query("stage < 8"))
    reasons = validity(cut_short, check_laws(cut_short)).reasons
    assert any("every sale took place: 7 of 8 sales" in reason for reason in reasons)
    absent = replace(runs[0], requests=runs[0].requests.query("not (stage == 2 and user == 5)"))
    reasons = validity(absent, check_laws(absent)).reasons
    assert any("every sale took place: 7 of 8 sales" in reason for reason in reasons)


def test_an_invalid_test_is_left_out_and_nothing_is_said():
    run = make_contention_run("queue")
    run.record.reset_proof.clean = False
    summary = summed_up([run])
    (entry,) = summary["variants"]
    assert (entry["sales"], entry["oversold_upper_bound"]) == (0, None)
    assert entry["statement"] == "queue: nothing can be said, because no valid run was audited"
    assert "left out" in summary["warnings"][0]
    assert len(summary["sales"]["queue"]) == 8, "but it is shown"


def test_sales_of_several_runs_are_counted_together():
    runs = [make_contention_run("queue", index=n, seed=n) for n in (1, 2)]
    (entry,) = summed_up(runs)["variants"]
    assert entry["sales"] == 16
    assert entry["oversold_upper_bound"] == pytest.approx(upper_bound(0, 16))


def test_a_sale_without_audit_is_not_counted(runs):
    summary = summarise(campaign(runs), runs, {1: audit(runs[0])})
    by_name = {entry["name"]: entry for entry in summary["variants"]}
    assert (by_name["sync"]["sales"], by_name["queue"]["sales"]) == (0, 8)
    assert by_name["sync"]["offences"]["lost"] is None


def test_a_campaign_without_runs_is_an_error(runs):
    with pytest.raises(UsageError, match="no finished run"):
        summarise(campaign(runs), [], {})
