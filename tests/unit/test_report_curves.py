"""What is drawn: percentile curves and binned series."""

import numpy as np
import pandas as pd
import pytest

from report.curves import DRAWN_POINTS, bin_s, binned, of_approach
from report.distributions import MIN_BEYOND, curve, merged
from report.evidence import Approach, Evidence, Run, Waits


def waits(n, unfinished=0):
    return Waits(np.arange(1.0, n + 1), unfinished)


def test_a_percentile_curve_passes_through_the_nearest_rank_percentiles():
    odds, values = curve(waits(10_000))
    assert values[0] == 1
    assert np.interp(20.0, odds, values) == pytest.approx(9500, rel=0.01)


@pytest.mark.parametrize("n", [11, 200, 5000])
def test_a_curve_ends_where_too_few_values_lie_beyond(n):
    odds, values = curve(waits(n))
    assert odds[-1] == pytest.approx(n / MIN_BEYOND)
    assert values[-1] == n - MIN_BEYOND


@pytest.mark.parametrize("n", [0, 5, MIN_BEYOND])
def test_a_sample_that_supports_nothing_has_no_curve(n):
    assert len(curve(waits(n))[0]) == 0


def test_a_curve_ends_before_what_never_finished():
    odds, values = curve(waits(900, unfinished=100))
    assert odds[-1] == pytest.approx(10)
    assert values[-1] == 900


def test_only_unfinished_waits_have_no_curve():
    assert len(curve(Waits(np.empty(0), 500))[0]) == 0


def test_merging_keeps_every_wait():
    together = merged([Waits(np.array([1.0, 5.0]), 1), Waits(np.array([2.0]), 2)])
    assert together.values.tolist() == [1, 2, 5]
    assert together.unfinished == 3


def a_run(values, *, counts=True, index=1):
    seconds = pd.DataFrame({"t_s": np.arange(len(values)), "requests": values})
    nothing = Waits(np.empty(0))
    return Run(index, 1, counts, "", seconds, nothing, nothing, (), {})


def an_approach(*runs):
    return Approach("queue", "Queue", 0, True, {}, runs)


def evidence(*approaches):
    return Evidence({}, {}, approaches, ())


@pytest.mark.parametrize("seconds", [1, 99, 100, 101, 3600])
def test_a_series_is_drawn_with_few_points_however_long_it_is(seconds):
    run = a_run(np.ones(seconds))
    t_s, values = binned(run.seconds, "requests", bin_s(evidence(an_approach(run))))
    assert len(t_s) <= DRAWN_POINTS
    assert set(values) == {1.0}
    assert t_s[-1] <= seconds + 36


def test_a_second_without_a_value_does_not_spoil_its_bin():
    frame = pd.DataFrame({"t_s": np.arange(200), "p95": np.where(np.arange(200) % 2, np.nan, 7.0)})
    assert set(binned(frame, "p95", 2)[1]) == {7.0}


def test_runs_of_other_lengths_share_their_bins():
    short, long = a_run(np.ones(100)), a_run(np.full(101, 3.0), index=2)
    approach = an_approach(short, long)
    middle = of_approach(approach, "requests", bin_s(evidence(approach)))
    assert set(middle) == {2.0}


def test_the_median_line_ends_with_the_shortest_run_and_leaves_out_what_does_not_count():
    approach = an_approach(
        a_run(np.arange(10.0)), a_run(np.arange(12.0), index=2),
        a_run(np.full(20, 99.0), counts=False, index=3),
    )  # fmt: skip
    middle = of_approach(approach, "requests", 1)
    assert middle.tolist() == list(range(10))
    assert of_approach(an_approach(a_run(np.ones(3), counts=False)), "requests", 1) is None
