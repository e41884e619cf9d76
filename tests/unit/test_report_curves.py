"""What is drawn: percentile curves and binned series."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.estimates import MIN_BEYOND
from harness.analysis.series import Latencies
from report.charts.lines import POINTS, Curve, bin_s, needed, of_run, of_variant, percentile_line
from report.charts.percentile_curves import merged, quantiles, reach
from report.evidence import Durations, Evidence, Run, Variant

REQUESTS = Curve("requests", "answered")


def waits(n, unfinished=0):
    return Durations(np.arange(1.0, n + 1), unfinished)


def at(durations, *percents):
    return quantiles(durations, np.array([1 / (1 - q / 100) for q in percents])).tolist()


def test_a_percentile_curve_passes_through_the_nearest_rank_percentiles():
    assert at(waits(10_000), 0, 95) == [1, 9500]


@pytest.mark.parametrize("n", [11, 200, 5000])
def test_a_curve_ends_where_too_few_values_lie_beyond(n):
    last = reach(waits(n))
    assert last == pytest.approx(n / MIN_BEYOND)
    assert quantiles(waits(n), np.array([last])).tolist() == [n - MIN_BEYOND]
    assert np.isnan(quantiles(waits(n), np.array([1.01 * last]))).all()


@pytest.mark.parametrize("n", [0, 5, MIN_BEYOND])
def test_a_sample_that_supports_nothing_has_no_curve(n):
    assert reach(waits(n)) is None
    assert np.isnan(at(waits(n), 50)).all()


def test_a_curve_ends_before_what_never_finished():
    assert reach(waits(900, unfinished=100)) == pytest.approx(10)
    assert at(waits(900, unfinished=100), 90) == [900]


def test_only_unfinished_durations_have_no_curve():
    assert reach(Durations(np.empty(0), 500)) is None


def test_merging_keeps_every_wait():
    together = merged([Durations(np.array([1.0, 5.0]), 1), Durations(np.array([2.0]), 2)])
    assert together.values.tolist() == [1, 2, 5]
    assert together.unfinished == 3


def a_run(values, *, counts=True, index=1):
    seconds = pd.DataFrame({"t_s": np.arange(len(values)), "requests": values})
    nothing = Durations(np.empty(0))
    return Run(index, 1, counts, "", seconds, nothing, nothing, (), {})


def a_variant(*runs):
    return Variant("queue", "Queue", 0, True, {}, runs)


def evidence(*variants):
    return Evidence({}, {}, variants, ())


@pytest.mark.parametrize("seconds", [1, 99, 100, 101, 3600])
def test_a_series_is_drawn_with_few_points_however_long_it_is(seconds):
    run = a_run(np.ones(seconds))
    line = of_run(run, REQUESTS, bin_s(evidence(a_variant(run))))
    assert len(line) <= POINTS
    assert set(line) == {1.0}
    assert line.index[-1] <= seconds + 36


def test_lines_of_many_variants_have_fewer_points():
    run = a_run(np.ones(400))
    few, many = (evidence(*[a_variant(run)] * n) for n in (3, 4))
    assert (len(of_run(run, REQUESTS, bin_s(few))), bin_s(many)) == (POINTS, 4)


def test_a_second_without_a_value_does_not_spoil_its_bin():
    run = a_run(np.where(np.arange(200) % 2, np.nan, 7.0))
    assert set(of_run(run, REQUESTS, 2)) == {7.0}


def sent(*at_s, ms=1.0, answered=True):
    n = len(at_s)
    return Latencies(np.array(at_s, dtype=float), np.full(n, ms), np.full(n, answered))


def test_a_percentile_takes_ten_values_beyond_it():
    assert [needed(q) for q in (0.5, 0.9, 0.95, 0.99)] == [20, 100, 200, 1000]


def test_a_point_of_a_percentile_stands_for_enough_requests_or_is_none():
    # five in the first second, none in the second, twenty in the third, three in the fourth
    busy = sent(*[0.5] * 5, *[2.5] * 20, *[3.5] * 3)
    line = percentile_line([busy], 0.5, 1)
    assert line.index.tolist() == [0.5, 2.5, 3.5]
    assert len(percentile_line([sent(*[0.5] * 19)], 0.5, 1)) == 0
    assert len(percentile_line([sent()], 0.5, 1)) == 0


def test_the_thick_percentile_is_that_of_the_merged_requests():
    # each run alone has too few
    line = percentile_line([sent(*[0.5] * 15, ms=1.0), sent(*[0.5] * 10, ms=9.0)], 0.5, 1)
    assert line.tolist() == [1.0]


def test_what_had_no_answer_is_longer_than_all_others_and_drawn_at_what_was_waited():
    runs = [sent(*[0.5] * 10, ms=40.0), sent(*[0.5] * 12, ms=30.0, answered=False)]
    assert percentile_line(runs, 0.5, 1).tolist() == [30.0]
    assert percentile_line(
        [runs[0], sent(*[0.5] * 10, ms=1.0, answered=False)], 0.5, 1
    ).tolist() == [40.0]


def test_runs_of_other_lengths_share_their_bins():
    short, long = a_run(np.ones(100)), a_run(np.full(101, 3.0), index=2)
    variant = a_variant(short, long)
    middle = of_variant(variant, REQUESTS, bin_s(evidence(variant)))
    assert set(middle) == {2.0}


def test_the_median_line_ends_with_the_shortest_run_and_leaves_out_what_does_not_count():
    variant = a_variant(
        a_run(np.arange(10.0)), a_run(np.arange(12.0), index=2),
        a_run(np.full(20, 99.0), counts=False, index=3),
    )  # fmt: skip
    middle = of_variant(variant, REQUESTS, 1)
    assert middle.tolist() == list(range(10))
    assert of_variant(a_variant(a_run(np.ones(3), counts=False)), REQUESTS, 1) is None
