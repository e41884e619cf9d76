"""The three-valued rule: laws that hold whatever was measured, and each answer by example."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis import METRICS
from harness.gate.result import Ruling
from harness.gate.rule import LOOKS, confirm, is_decided, judge, judge_unpaired
from harness.gate.settings import Criterion

LATENCY = METRICS["purchase_latency_peak_p95_ms"]
GOODPUT = METRICS["goodput_per_s"]
ERRORS = METRICS["http_error_rate_pct"]
PASS, OPEN, FAIL = Ruling.PASS, Ruling.INCONCLUSIVE, Ruling.FAIL

BY_RATIO = Criterion(LATENCY, tolerance=0.15)
BY_POINTS = Criterion(ERRORS, points=1.0)

VALUE = st.floats(0.1, 1e4)
PAIRS = st.lists(st.tuples(VALUE, VALUE), min_size=2, max_size=8)
TOLERANCE = st.floats(0.01, 0.9)


def by_block(values):
    return dict(enumerate(values, start=1))


def paired(base, head, criterion=BY_RATIO):
    return judge(criterion, "queue", by_block(base), by_block(head))


def unpaired(base, head, criterion=BY_RATIO):
    return judge_unpaired(criterion, "queue ÷ sync", base, head)


BOTH_WAYS = pytest.mark.parametrize("judged", [paired, unpaired])

BASE = [100.0, 102.0, 98.0]
EXAMPLES = [
    # base, head, ruling, what is said
    (BASE, BASE, PASS, "no change"),
    (BASE, [101.0, 103.0, 99.0], PASS, "tolerated: 15 % worse"),
    (BASE, [50.0, 51.0, 49.0], PASS, "100 % better"),
    (BASE, [150.0, 153.0, 147.0], FAIL, "50 % worse"),
    (BASE, [112.0, 114.2, 109.8], PASS, "12 % worse"),
    (BASE, [80.0, 130.0, 95.0], OPEN, "within what was seen"),
    (BASE, [100.0, 250.0, 160.0], OPEN, "within what was seen"),
]


BEYOND = [(20_000.0, FAIL), (101.0, OPEN), (50.0, OPEN)]


@pytest.mark.parametrize(("bound", "ruling"), BEYOND)
def test_requests_without_answer_can_only_make_head_worse(bound, ruling):
    head = dict.fromkeys((1, 2, 3))
    bounds = {1: bound, 2: bound * 1.02, 3: bound * 0.99}
    row = judge(BY_RATIO, "sync", by_block(BASE), head, bounds)
    assert row.ruling is ruling
    assert ("at least" in row.why) == (ruling is FAIL)
    assert judge(BY_RATIO, "sync", by_block(BASE), head, bounds | {3: None}).ruling is OPEN


@pytest.mark.parametrize(("base", "head", "ruling", "said"), EXAMPLES)
def test_each_answer_by_example(base, head, ruling, said):
    row = paired(base, head)
    assert row.ruling is ruling
    assert said in row.why


def test_a_drift_that_moves_both_sides_of_a_block_is_no_noise():
    base, head = [100.0, 200.0, 400.0], [150.0, 302.0, 598.0]
    assert paired(base, head).ruling is FAIL
    assert unpaired(base, head).ruling is OPEN


def test_the_bounds_are_students_t_with_a_third_of_the_error_on_either_side():
    row = paired([100.0] * 3, [100 * math.exp(x) for x in (0.1, 0.2, 0.3)])
    half = stats.t.ppf(1 - 0.05 / 3, 2) * 0.1 / math.sqrt(3)
    assert row.change == pytest.approx(math.exp(0.2))
    assert (row.low, row.high) == pytest.approx((math.exp(0.2 - half), math.exp(0.2 + half)))


def test_the_unpaired_bounds_are_welchs():
    base, head = [1.0, 1.2, 1.1, 1.3], [2.0, 2.4, 2.1]
    logs = [[math.log(value) for value in side] for side in (head, base)]
    wanted = stats.ttest_ind(*logs, equal_var=False).confidence_interval(1 - 2 * 0.05 / 3)
    row = unpaired(base, head)
    assert row.low == pytest.approx(math.exp(wanted.low))
    assert row.high == pytest.approx(math.exp(wanted.high))


def test_where_nothing_may_be_zero_points_take_the_place_of_a_ratio():
    assert paired([0.0] * 3, [0.0] * 3, BY_POINTS).ruling is PASS
    failed = paired([0.0] * 3, [4.0, 4.5, 4.2], BY_POINTS)
    assert failed.ruling is FAIL
    assert failed.kind == "difference"
    assert failed.change == pytest.approx(4.2333333)
    assert "4.23 points worse" in failed.why


@BOTH_WAYS
@pytest.mark.parametrize(
    ("criterion", "base", "head", "said"),
    [
        (BY_RATIO, [100.0, None, 98.0], BASE, "cannot be measured in base"),
        (BY_RATIO, BASE, [100.0, 99.0, None], "cannot be measured in head"),
        (BY_RATIO, BASE, [0.0, 99.0, 98.0], "not positive"),
        (BY_RATIO, [], [], "no block"),
    ],
)
def test_what_cannot_be_measured_is_open_and_more_blocks_do_not_help(
    judged, criterion, base, head, said
):
    row = judged(base, head, criterion)
    assert (row.ruling, row.kind, row.change) == (OPEN, "none", None)
    assert said in row.why
    assert is_decided([row])


@BOTH_WAYS
def test_one_block_decides_nothing(judged):
    row = judged([100.0], [1000.0])
    assert (row.ruling, row.low, row.high) == (OPEN, None, None)
    assert "one block" in row.why


def test_only_blocks_that_both_have_are_judged():
    base, head = {1: 100.0, 2: 999.0, 3: 100.0, 4: 100.0}, {1: 101.0, 3: 102.0, 4: 101.0, 5: 7.0}
    row = judge(BY_RATIO, "queue", base, head)
    assert (row.blocks, row.ruling) == (3, PASS)
    assert row.base == pytest.approx(100.0)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("metric", "limit", "values"), [(LATENCY, 90.0, BASE), (GOODPUT, 110.0, BASE)]
)
def test_what_is_beyond_the_limit_fails_even_if_base_is_no_better(judged, metric, limit, values):
    row = judged(values, values, Criterion(metric, tolerance=0.15, limit=limit))
    assert row.ruling is FAIL
    assert f"beyond the limit of {limit:g}" in row.why


def test_a_value_beyond_the_limit_is_said_in_seconds_from_one_on():
    slow = [12_345.0, 12_400.0, 12_290.0]
    row = paired(slow, slow, Criterion(LATENCY, tolerance=0.15, limit=9000.0))
    assert row.why == "12.3 s is beyond the limit of 9 s"
    much = paired(BASE, [100 * one for one in BASE])
    assert much.why.startswith("9,900 % worse")


def test_the_limit_holds_also_if_base_cannot_be_measured():
    row = paired([None] * 3, BASE, Criterion(LATENCY, tolerance=0.15, limit=90.0))
    assert (row.ruling, row.kind) == (FAIL, "none")


def test_a_failure_stands_only_if_it_is_seen_again():
    failed, other, passed = paired(BASE, [150.0] * 3), paired(BASE, [160.0] * 3), paired(BASE, BASE)
    again = confirm(failed, other)
    assert again.ruling is FAIL
    assert "confirmed" in again.why
    once = confirm(failed, passed)
    assert once.ruling is OPEN
    assert "not confirmed by 3 more blocks" in once.why
    assert (once.change, once.low, once.high) == (failed.change, failed.low, failed.high)


def test_a_failure_decides_and_what_is_open_does_not():
    failed, passed = paired(BASE, [150.0] * 3), paired(BASE, BASE)
    still_open = paired(BASE, [100.0, 250.0, 160.0])
    assert is_decided([failed, still_open])
    assert is_decided([passed])
    assert not is_decided([passed, still_open])


def test_the_looks_are_declared():
    assert LOOKS == (3, 5, 8)


@BOTH_WAYS
@given(pairs=PAIRS)
def test_a_side_is_never_worse_than_itself(judged, pairs):
    values = [one for one, _ in pairs]
    row = judged(values, values)
    assert row.ruling is not FAIL
    assert row.change == pytest.approx(1)


@BOTH_WAYS
@given(pairs=PAIRS, tolerance=TOLERANCE)
def test_what_is_better_if_higher_is_judged_as_its_inverse(judged, pairs, tolerance):
    base, head = zip(*pairs, strict=True)
    slow = judged(base, head, Criterion(LATENCY, tolerance=tolerance))
    fast = judged(
        [1 / x for x in base], [1 / x for x in head], Criterion(GOODPUT, tolerance=tolerance)
    )
    assume(is_clear(slow))
    assert fast.ruling is slow.ruling
    assert fast.change == pytest.approx(1 / slow.change)


@given(pairs=PAIRS, points=st.floats(0.1, 100))
def test_points_of_what_is_better_if_higher_are_mirrored(pairs, points):
    base, head = zip(*pairs, strict=True)
    errors = paired(base, head, Criterion(ERRORS, points=points))
    success = METRICS["success_rate_pct"]
    mirrored = paired([-x for x in base], [-x for x in head], Criterion(success, points=points))
    assert mirrored.ruling is errors.ruling
    assert mirrored.change == pytest.approx(-errors.change)


@BOTH_WAYS
@given(pairs=PAIRS, factor=st.floats(1e-3, 1e3))
def test_another_unit_changes_nothing(judged, pairs, factor):
    base, head = zip(*pairs, strict=True)
    row = judged(base, head)
    assume(is_clear(row))
    scaled = judged([factor * x for x in base], [factor * x for x in head])
    assert scaled.ruling is row.ruling
    assert scaled.change == pytest.approx(row.change)


@BOTH_WAYS
@given(pairs=PAIRS, one=TOLERANCE, other=TOLERANCE)
def test_who_tolerates_more_never_judges_harder(judged, pairs, one, other):
    base, head = zip(*pairs, strict=True)
    strict, lax = (
        judged(base, head, Criterion(LATENCY, tolerance=share)).ruling
        for share in sorted((one, other))
    )
    assert not (strict is PASS and lax is not PASS)
    assert not (lax is FAIL and strict is not FAIL)


@BOTH_WAYS
@given(pairs=PAIRS, tolerance=TOLERANCE)
def test_each_answer_has_its_evidence(judged, pairs, tolerance):
    base, head = zip(*pairs, strict=True)
    row = judged(base, head, Criterion(LATENCY, tolerance=tolerance))
    assume(is_clear(row))
    beyond = row.change > 1 + tolerance and row.low > 1
    within = row.high <= 1 + tolerance
    assert not (beyond and within)
    assert row.ruling is (FAIL if beyond else PASS if within else OPEN)
    assert row.low <= row.change * (1 + 1e-9)
    assert row.change <= row.high * (1 + 1e-9)


@BOTH_WAYS
@given(pairs=PAIRS, limit=VALUE)
def test_the_limit_always_wins(judged, pairs, limit):
    base, head = zip(*pairs, strict=True)
    row = judged(base, head, Criterion(LATENCY, tolerance=0.15, limit=limit))
    without = judged(base, head)
    assert row.ruling is (FAIL if row.head > limit else without.ruling)


def is_clear(row, tolerance=1e-6):
    """Return True if no number lies so close to a threshold that rounding would decide."""
    said = [math.log(value) for value in (row.change, row.low, row.high)]
    thresholds = (0.0, math.log1p(row.tolerance))
    return all(abs(value - edge) > tolerance for value in said for edge in thresholds)
