"""Answers to hypotheses: the rule by itself, and what is measured of simulated campaigns."""

import math

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.hypothesis import Answer, answer, overall
from harness.results.findings import Finding, Verdict
from harness.results.store import read_json
from tests.golden.campaigns import store
from tests.support.schemas import summary_schema
from tests.support.sweeps import expectation, swept
from tests.support.variants import runs_of

STOCK = "product.stock"
ORDERS = "confirmed_orders"
NUMBERS = st.floats(-100, 100)
BOUNDS = st.none() | NUMBERS
ANSWERS = st.lists(st.sampled_from(Answer), min_size=1)


@st.composite
def intervals(draw):
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    return draw(st.sampled_from([(low, high), (low, math.inf), (-math.inf, high)]))


def is_within(value, at_least, at_most):
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


@given(intervals(), BOUNDS, BOUNDS)
def test_what_is_supported_holds_of_every_value_and_what_is_contradicted_of_none(
    interval, at_least, at_most
):
    word = answer(interval, at_least, at_most)
    ends = [is_within(end, at_least, at_most) for end in interval]
    if word is Answer.SUPPORTED:
        assert all(ends)
    if word is Answer.CONTRADICTED:
        assert not any(ends)


@given(intervals(), intervals(), BOUNDS, BOUNDS)
def test_more_uncertainty_never_decides(one, other, at_least, at_most):
    wider = (min(one[0], other[0]), max(one[1], other[1]))
    word, wide = answer(one, at_least, at_most), answer(wider, at_least, at_most)
    assert wide in (word, Answer.UNDECIDED)


@given(intervals(), NUMBERS)
def test_two_expectations_that_exclude_each_other_are_never_both_supported(interval, bound):
    words = [answer(interval, math.nextafter(bound, math.inf), None), answer(interval, None, bound)]
    assert words.count(Answer.SUPPORTED) <= 1


@given(BOUNDS, BOUNDS)
def test_without_an_interval_nothing_is_decided(at_least, at_most):
    assert answer(None, at_least, at_most) is Answer.UNDECIDED


@given(ANSWERS, st.randoms())
def test_one_contradiction_is_enough_and_support_takes_all(answers, draw):
    word = overall(answers)
    assert (word is Answer.CONTRADICTED) == (Answer.CONTRADICTED in answers)
    assert (word is Answer.SUPPORTED) == (set(answers) == {Answer.SUPPORTED})
    draw.shuffle(answers)
    assert overall(answers) is word


@pytest.mark.parametrize(
    ("interval", "at_least", "at_most", "word"),
    [
        ((2.8, 3.2), 2.7, None, "supported"),
        ((2.7, 3.2), 2.7, None, "supported"),
        ((2.6, 3.2), 2.7, None, "not decided"),
        ((2.1, 2.6), 2.7, None, "contradicted"),
        ((0.95, 1.05), 0.9, 1.1, "supported"),
        ((0.95, 1.15), 0.9, 1.1, "not decided"),
        ((1.2, 1.3), 0.9, 1.1, "contradicted"),
        ((0, 0), None, 0, "supported"),
        ((3, 3), None, 0, "contradicted"),
        ((0, math.inf), None, 0, "not decided"),
        ((2, math.inf), None, 0, "contradicted"),
        ((10, math.inf), 5, None, "supported"),
    ],
)
def test_the_rule(interval, at_least, at_most, word):
    assert answer(interval, at_least, at_most) == word


def experiment(path, *expectations, blocks=3):
    """Return what is said of a sweep in which 10 units confirm five times what 2 do."""
    runs = {("queue", (stock,)): {"users": 12, "seconds": 8, "stock": stock} for stock in (2, 10)}
    campaign = swept(
        path / "c", {STOCK: (2, 10)}, runs, blocks,
        hypothesis="More stock sells more.", expectations=expectations,
    )  # fmt: skip
    summary = read_json(campaign.path / "summary.json")
    jsonschema_rs.validate(summary_schema(), summary)
    return summary["experiment"]


def confirmed(**stated):
    return {"metric": ORDERS, "of": "queue.stock-10", **stated}


FIVE = confirmed(over="queue.stock-2", at_least=4, at_most=6)
THREE = confirmed(over="queue.stock-2", at_most=3)
TEN = confirmed(at_least=10, at_most=10)
ERRORS = confirmed(over="queue.stock-2", at_most=1) | {"metric": "server_errors"}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("judged"), FIVE, THREE, TEN, ERRORS)


def test_a_ratio_has_the_interval_of_a_comparison(judged):
    assert (judged["hypothesis"], judged["answer"]) == ("More stock sells more.", "contradicted")
    five, three, _, _ = judged["expectations"]
    assert (five["answer"], five["value"], five["n"]) == ("supported", pytest.approx(5), 3)
    assert five["low"] <= five["value"] <= five["high"]
    assert three["answer"] == "contradicted"


def test_a_metric_of_one_variant_is_held_against_its_bounds(judged):
    ten = judged["expectations"][2]
    assert (ten["answer"], ten["value"], ten["low"], ten["high"]) == ("supported", 10, 10, 10)


def test_a_value_of_zero_has_no_ratio(judged):
    errors = judged["expectations"][3]
    assert (errors["answer"], errors["value"]) == ("not decided", None)
    assert "zero" in errors["why"]


def test_one_run_decides_nothing_but_what_was_counted(tmp_path):
    level, ratio = confirmed(at_least=1), confirmed(over="queue.stock-2", at_least=2)
    none = {"audit": "I1", "of": "queue.stock-10", "at_most": 0}
    found = experiment(tmp_path, level, ratio, none, blocks=1)
    assert [one["answer"] for one in found["expectations"]] == [
        "not decided", "not decided", "supported",
    ]  # fmt: skip
    assert "no interval" in found["expectations"][0]["why"]
    assert found["answer"] == "not decided"


def audited(path, findings, invalid=()):
    """Return what is said of I1, of two variants with two runs each, from made-up findings."""
    runs = runs_of(("sync", "queue"), 2, users=4, seconds=2, stock=3)
    asked = [
        expectation(audit="I1", of="queue", at_most=0),
        expectation(metric=ORDERS, of="queue", over="sync", at_least=0.001),
    ]
    scenario = {**runs[0].record.scenario, "hypothesis": "None.", "expectations": asked}
    for run in runs:
        if run.variant == "queue" and run.record.block in invalid:
            run.record.reset_proof = None
    campaign = store(path / "c", runs, lambda run: findings(run.variant, run.record.block),
                     scenario=scenario)  # fmt: skip
    return read_json(campaign.path / "summary.json")["experiment"]["expectations"]


def finding(verdict, count=0):
    return Finding("I1", "No oversell", verdict, "", count, offences={"units": count})


def test_offences_of_all_runs_are_added_up_and_do_not_stop_a_comparison(tmp_path):
    def findings(variant, block):
        return [finding(Verdict.FAIL, block) if variant == "queue" else finding(Verdict.PASS)]

    counted, compared = audited(tmp_path, findings)
    assert (counted["answer"], counted["value"], counted["n"]) == ("contradicted", 3, 2)
    assert compared["answer"] == "supported"


def test_what_was_not_audited_may_hide_offences(tmp_path):
    def findings(variant, block):
        return [finding(Verdict.UNKNOWN if block == 2 else Verdict.PASS)]

    counted, _ = audited(tmp_path, findings)
    assert (counted["answer"], counted["low"], counted["high"]) == ("not decided", 0, None)
    assert "may be more" in counted["why"]


def test_what_is_invalid_shows_offences_but_not_that_there_are_none(tmp_path):
    def none(variant, block):
        return [finding(Verdict.PASS)]

    counted, compared = audited(tmp_path / "none", none, invalid=(1, 2))
    assert (counted["answer"], compared["answer"]) == ("not decided", "not decided")
    assert compared["why"] == "queue has no valid run"

    def some(variant, block):
        return [finding(Verdict.FAIL, 1)]

    counted, _ = audited(tmp_path / "some", some, invalid=(1, 2))
    assert counted["answer"] == "contradicted"
