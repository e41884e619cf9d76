import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.estimates import (
    Missing,
    Ratio,
    Sample,
    Scalar,
    Scale,
    detectable_deviation,
    estimate,
    log_t_interval,
    percentile,
    t_interval,
)


def sample(*values: float, waited: tuple[float, ...] = ()) -> Sample:
    return Sample(np.array(values, dtype=np.float64), np.array(waited, dtype=np.float64))


def ramp(n: int, waited: tuple[float, ...] = ()) -> Sample:
    return Sample(np.arange(1, n + 1, dtype=np.float64), np.array(waited, dtype=np.float64))


@pytest.mark.parametrize(("q", "expected"), [(0.50, 500), (0.95, 950), (0.99, 990)])
def test_percentile_is_an_observed_value_of_nearest_rank(q, expected):
    assert percentile(ramp(1000), q).value == expected


@given(st.lists(st.floats(0.001, 1e6), min_size=200, max_size=400))
def test_at_most_five_percent_lie_above_the_p95(values):
    found = percentile(sample(*values), 0.95).value
    assert found in values
    assert sum(value > found for value in values) <= 0.05 * len(values)
    assert sum(value >= found for value in values) >= 0.05 * len(values)


@pytest.mark.parametrize(("n", "q"), [(199, 0.95), (999, 0.99), (19, 0.50)])
def test_percentile_that_the_sample_cannot_support_is_withheld_with_the_reason(n, q):
    point = percentile(ramp(n), q)
    assert point.value is None
    assert point.reason == f"{n} values cannot support a p{q * 100:g}: it takes {n + 1}"


def test_percentile_is_given_from_the_first_size_that_supports_it():
    assert percentile(ramp(200), 0.95).value == 190


def test_unanswered_requests_count_as_slower_than_all_others():
    with_timeouts = ramp(960, waited=(30_000.0,) * 40)
    assert percentile(with_timeouts, 0.95).value == 950


def test_a_percentile_among_unanswered_requests_is_only_known_to_be_at_least_so_much():
    found = estimate([ramp(900, waited=(30_000.0,) * 100)], [True], "ms", Scale.LOG, 0.95)
    assert found.value is None
    assert (found.low, found.high) == (30_000.0, None)
    assert found.warnings == ("at least 30000 ms: 10.0 % had no answer",)


def test_the_headline_percentile_is_that_of_the_merged_values_not_the_mean_of_percentiles():
    slow = Sample(np.full(1000, 5000.0))
    found = estimate([ramp(1000), ramp(1000), slow], [True] * 3, "ms", Scale.LOG, 0.5)
    assert found.value == 750
    assert found.per_run == (500, 500, 5000)
    assert any("one run differs strongly" in warning for warning in found.warnings)


def test_log_interval_is_student_t_on_logs():
    values = [510.0, 540.0, 560.0]
    expected = stats.t.interval(
        0.95, 2, loc=np.mean(np.log(values)), scale=stats.sem(np.log(values))
    )
    assert log_t_interval(values) == pytest.approx(tuple(math.exp(x) for x in expected))


def test_plain_interval_is_student_t():
    values = [310.0, 312.0, 320.0]
    expected = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert t_interval(values) == pytest.approx(tuple(expected))


def test_equal_values_give_exactly_that_value_as_interval():
    assert log_t_interval([0.3, 0.3, 0.3]) == (0.3, 0.3)


def test_one_run_has_no_interval_and_says_so():
    found = estimate([Scalar(3.0)], [True], "", Scale.PLAIN, None)
    assert (found.value, found.low, found.high, found.n) == (3.0, None, None, 1)
    assert found.warnings == ("one run: no interval",)


def test_counts_and_shares_stay_within_their_bounds():
    shares = [Ratio(100.0, 1.0), Ratio(60.0, 1.0), Ratio(95.0, 1.0)]
    found = estimate(shares, [True] * 3, "%", Scale.PLAIN, None)
    assert found.high == 100.0
    counts = [Scalar(0.0), Scalar(9.0), Scalar(1.0)]
    assert estimate(counts, [True] * 3, "", Scale.PLAIN, None).low == 0.0


def test_ratios_merge_as_total_over_total():
    found = estimate([Ratio(1, 1), Ratio(0, 99)], [True] * 2, "", Scale.PLAIN, None)
    assert found.value == pytest.approx(0.01)


def test_a_log_scale_with_a_zero_falls_back_to_the_plain_interval():
    found = estimate([Scalar(0.0), Scalar(2.0), Scalar(1.0)], [True] * 3, "s", Scale.LOG, None)
    assert found.low == 0.0
    assert "on logs" not in found.method


def test_runs_that_do_not_count_are_shown_but_enter_neither_value_nor_interval():
    runs = [Scalar(10.0), Scalar(1000.0), Scalar(12.0)]
    found = estimate(runs, [True, False, True], "", Scale.PLAIN, None)
    assert (found.value, found.n) == (11.0, 2)
    assert found.per_run == (10.0, 1000.0, 12.0)


def test_one_unmeasurable_run_makes_the_estimate_unmeasurable():
    runs = [Scalar(10.0), Missing("never sold out"), Scalar(12.0)]
    found = estimate(runs, [True] * 3, "s", Scale.LOG, None)
    assert found.value is None
    assert found.per_run == (10.0, None, 12.0)
    assert found.warnings == ("never sold out (1 of 3 runs)",)


def test_merged_percentile_without_support_in_each_run_has_no_interval():
    found = estimate([ramp(150), ramp(150)], [True] * 2, "ms", Scale.LOG, 0.95)
    assert found.value == 143
    assert (found.low, found.high) == (None, None)
    assert found.warnings == ("no interval: too few requests per run (0 of 2 have enough)",)


def test_a_mean_of_what_never_came_is_a_lower_bound():
    found = estimate([ramp(3, waited=(9.0,)), ramp(3)], [True, True], "s", Scale.LOG, None)
    assert (found.value, found.low) == (None, pytest.approx(21 / 7))
    assert found.warnings == ("at least 3 s: 14.3 % had no answer",)
    assert found.per_run == (None, 2.0)
    assert found.at_least == (pytest.approx(15 / 4), None)


def test_nothing_happened_is_not_zero():
    found = estimate([sample()], [True], "ms", Scale.LOG, None)
    assert found.value is None
    assert found.warnings == ("no such request",)


@pytest.mark.parametrize(("n", "expected"), [(3, 3.26), (5, 1.68), (8, 1.16), (10, 1.00)])
def test_detectable_deviation_is_that_of_the_paired_t_test(n, expected):
    assert detectable_deviation(n) == pytest.approx(expected, abs=0.006)
