"""Two campaigns compared: laws that hold whatever was measured, and each outcome by example."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis import compare
from harness.analysis.campaigns import Row
from harness.analysis.estimates import log_welch_interval, welch_interval
from harness.analysis.outcomes import Outcome
from tests.support.stored import QUEUE, SYNC, stored

LATENCY = "purchase_latency_p95_ms"
OPPOSITE = {Outcome.BETTER: Outcome.WORSE, Outcome.WORSE: Outcome.BETTER}
MEASURED = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=6)


def row(a: Any, b: Any, metric: str = LATENCY) -> Row:
    """Compare two campaigns of one approach in one metric."""
    found = compare(stored({"sync": {metric: a}}), stored({"sync": {metric: b}})).rows
    assert len(found) == 1
    return found[0]


@given(MEASURED)
def test_a_campaign_is_not_different_from_itself(values: list[float]) -> None:
    same = row(values, values)
    assert same.change == 1
    assert same.outcome in (Outcome.ALIKE, Outcome.UNDECIDED)


@given(MEASURED, MEASURED)
def test_the_other_way_round_is_the_inverse(a: list[float], b: list[float]) -> None:
    there, back = row(a, b), row(b, a)
    assert there.change is not None
    assert back.change == pytest.approx(1 / there.change)
    if there.low is not None and there.high is not None:
        assert back.high == pytest.approx(1 / there.low, rel=1e-6)
    assert back.outcome is OPPOSITE.get(there.outcome, there.outcome)


@given(MEASURED, MEASURED, st.floats(0.001, 1000))
def test_another_unit_changes_nothing(a: list[float], b: list[float], factor: float) -> None:
    scaled = row([factor * value for value in a], [factor * value for value in b])
    assert scaled.change == pytest.approx(row(a, b).change)


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ((100, 102, 98), (200, 205, 195), Outcome.WORSE),
        ((200, 205, 195), (100, 102, 98), Outcome.BETTER),
        ((100, 102, 98), (101, 103, 99), Outcome.ALIKE),
        ((100, 150, 70), (101, 160, 60), Outcome.UNDECIDED),
        ((100, 100, 100), (100, 100, 100), Outcome.ALIKE),
        ((100,), (200,), Outcome.UNDECIDED),
        ((100, 102, 98), (200,), Outcome.UNDECIDED),
    ],
)
def test_a_lower_latency_is_better_if_the_interval_says_so(a: Any, b: Any, outcome: str) -> None:
    assert row(a, b).outcome is outcome


def test_more_confirmed_orders_are_better() -> None:
    more = row((400, 405, 410), (800, 805, 810), "confirmed_orders")
    assert more.outcome is Outcome.BETTER


def test_a_difference_that_is_certain_and_small_is_none() -> None:
    small = row((100.0, 100.1, 99.9), (104.0, 104.1, 103.9))
    assert small.low is not None
    assert small.low > 1
    assert small.outcome is Outcome.ALIKE
    large = row((100.0, 100.1, 99.9), (130.0, 130.1, 129.9))
    assert large.low is not None
    assert large.low > 1 + large.delta
    assert large.outcome is Outcome.WORSE


def test_without_an_interval_it_is_said_why() -> None:
    assert row((100,), (200,)).why == "one run: no interval"


def test_zeros_are_compared_by_their_difference() -> None:
    none = row((0, 0, 0), (0, 0, 0), "server_errors")
    assert (none.kind, none.change, none.outcome) == ("difference", 0, Outcome.ALIKE)
    more = row((0, 0, 0), (50, 52, 54), "server_errors")
    assert (more.kind, more.change, more.outcome) == ("difference", 52, Outcome.WORSE)
    few = row((0, 0, 0), (0, 0, 1), "server_errors")
    assert few.outcome is Outcome.UNDECIDED


def test_a_value_that_is_missing_is_not_comparable_and_says_why() -> None:
    one = stored({"sync": {LATENCY: (100, 101, 102)}})
    summary = copy.deepcopy(dict(one.summary))
    found = summary["variants"][0]["metrics"][LATENCY]
    found |= {"value": None, "low": 60.0, "high": None, "warnings": ["7 % had no answer"]}
    (missing,) = compare(one, replace(one, summary=summary)).rows
    assert missing.outcome is Outcome.INCOMPARABLE
    assert missing.why == "B: 7 % had no answer"
    assert (missing.change, missing.low, missing.high) == (None, None, None)


def test_what_nobody_can_win_is_not_compared() -> None:
    asked = {"payment_latency_avg_ms": (1, 2), "containers": (4, 4), LATENCY: (100, 101)}
    one = stored({"sync": asked})
    assert [row.metric for row in compare(one, one).rows] == [LATENCY]


def test_on_another_machine_everything_may_be_slower_alike() -> None:
    """Both approaches take three times as long there: nothing has changed between them."""
    slower = {
        name: {LATENCY: [3 * value for value in values[LATENCY]]}
        for name, values in (("sync", SYNC), ("queue", QUEUE))
    }
    (found,) = (
        row
        for row in compare(stored(), stored(slower, {"environment/cores": 8})).rows
        if row.metric == LATENCY
    )
    assert found.subject == "queue ÷ sync"
    assert found.change == pytest.approx(1)
    ratios = [b / a for a, b in zip(SYNC[LATENCY], QUEUE[LATENCY], strict=True)]
    assert found.a.replicates == pytest.approx(ratios)
    assert found.a.value == pytest.approx(math.prod(ratios) ** (1 / 3))


def test_on_another_machine_a_queue_that_lost_its_lead_is_worse() -> None:
    lost = {"sync": {LATENCY: (510, 540, 560)}, "queue": {LATENCY: (500, 530, 570)}}
    found = compare(stored(), stored(lost, {"environment/cores": 8})).rows
    assert [row.outcome for row in found if row.metric == LATENCY] == [Outcome.WORSE]


def test_every_variant_has_its_ratios_to_the_baseline() -> None:
    third = {LATENCY: (100, 105, 99)}
    values = {
        "sync": {LATENCY: SYNC[LATENCY]}, "queue": {LATENCY: QUEUE[LATENCY]}, "third": third,
    }  # fmt: skip
    here, there = stored(values), stored(values, {"environment/cores": 8})
    found = compare(here, there).rows
    assert [row.subject for row in found] == ["queue ÷ sync", "third ÷ sync"]


def test_each_case_is_a_subject_of_its_own() -> None:
    one = stored()
    metrics = one.summary["variants"][0]["metrics"]
    cases = [
        {"variant": "sync", "case": name, "metrics": {LATENCY: metrics[LATENCY]}}
        for name in ("calm", "kill")
    ]
    cased = replace(one, summary={**one.summary, "cases": cases, "comparisons": {}})
    assert [row.subject for row in compare(cased, cased).rows] == ["sync: calm", "sync: kill"]


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6, unique=True),
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6, unique=True),
)
def test_the_interval_is_that_of_welch(a: list[float], b: list[float]) -> None:
    a, b = [round(v, 3) for v in a], [round(v, 3) for v in b]
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert welch_interval(a, b) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_a_ratio_is_that_of_logarithms() -> None:
    a, b = (510.0, 540.0, 560.0), (92.0, 88.0, 101.0)
    low, high = welch_interval([math.log(v) for v in a], [math.log(v) for v in b])
    assert log_welch_interval(a, b) == pytest.approx((math.exp(low), math.exp(high)))
