"""Where a curve ends to gain: curves with a known knee, curves without one, and bounds."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.analysis.knee import Level, Shape, find_knee, pairs
from harness.analysis.outcomes import Margin

MARGIN = Margin(0.05, 0.5)
BLOCKS = 3


def levels(means, spread=0.0, blocks=BLOCKS, seed=1, bounds=()):
    """Levels whose values vary by `spread` from run to run, and by 10 % from block to block."""
    rng = np.random.default_rng(seed)
    drift = np.exp(rng.normal(0, 0.10, blocks)) if spread else np.ones(blocks)
    return [
        Level(
            value,
            dict(enumerate(mean * drift * np.exp(rng.normal(0, spread, blocks)), 1)),
            value in bounds,
        )
        for value, mean in means.items()
    ]


def knee(means, better="higher", family=None, **rest):
    found = levels(means, **rest)
    return find_knee(better, MARGIN, found, family or pairs(len(found)))


def test_a_curve_that_bends_has_its_knee_where_it_bends():
    found = knee({1: 100, 2: 200, 3: 300, 4: 303, 6: 301}, spread=0.005)
    assert (found.shape, found.knee, found.settled_from) == (Shape.KNEE, 3, 3)
    assert found.worse_from is None
    assert found.low < 3.0 < found.high
    assert (found.first, found.kind, found.n) == (1, "ratio", 3)


def test_less_is_better_of_a_latency():
    found = knee({1: 900, 2: 400, 3: 200, 4: 201, 6: 199}, "lower", spread=0.005)
    assert (found.shape, found.knee) == (Shape.KNEE, 3)
    assert found.low < 200 / 900 < found.high < 1


def test_where_runs_vary_further_gain_is_not_excluded_and_the_knee_not_decided():
    found = knee({1: 100, 2: 200, 3: 300, 4: 303, 6: 301}, spread=0.03)
    assert (found.shape, found.knee, found.settled_from) == (Shape.OPEN, 3, None)


def test_a_curve_that_gains_to_the_end_has_no_knee():
    found = knee({1: 100, 2: 200, 3: 300, 4: 400}, spread=0.01)
    assert (found.shape, found.knee) == (Shape.RISES, None)
    assert found.low < 4.0 < found.high


def test_a_curve_that_only_worsens_says_from_where():
    found = knee({1: 100, 2: 101, 4: 50, 8: 20}, spread=0.005)
    assert (found.shape, found.knee, found.worse_from) == (Shape.FALLS, None, 4)


def test_a_curve_that_rises_and_falls_has_a_knee_and_the_value_from_which_it_is_worse():
    found = knee({1: 100, 2: 200, 3: 300, 4: 295, 8: 150}, spread=0.005)
    assert (found.shape, found.knee, found.worse_from) == (Shape.KNEE, 3, 8)


def test_equal_values_are_the_same_and_noisy_ones_undecided():
    flat = {1: 100, 2: 100, 3: 100, 4: 100}
    assert knee(flat, spread=0.002).shape is Shape.SAME
    assert knee(flat).shape is Shape.SAME
    assert knee(flat, spread=0.10).shape is Shape.NOTHING


def test_a_difference_within_delta_is_no_gain():
    assert knee({1: 100, 2: 104, 3: 104}).shape is Shape.SAME


def test_zeros_are_compared_by_difference():
    found = knee({1: 46, 2: 10, 3: 0, 4: 0}, "lower")
    assert (found.shape, found.knee, found.kind) == (Shape.KNEE, 3, "difference")
    assert found.change == pytest.approx(-46)


def test_from_a_bound_a_gain_is_seen_but_never_excluded():
    found = knee({4: 30_000, 16: 30_000, 64: 500, 300: 490}, "lower", bounds=(4, 16))
    assert (found.shape, found.knee) == (Shape.KNEE, 64)
    assert found.low is None
    assert "only a bound is known at 4, 16" in found.warnings[0]
    held = knee({4: 30_000, 16: 30_000}, "lower", bounds=(4, 16))
    assert held.shape is Shape.NOTHING


def test_to_a_bound_a_loss_is_seen_and_a_gain_never():
    found = knee({50: 20, 100: 25, 300: 30_000}, "lower", bounds=(300,))
    assert (found.shape, found.worse_from) == (Shape.FALLS, 100)
    assert knee({50: 40_000, 300: 30_000}, "lower", bounds=(300,)).shape is Shape.NOTHING


@pytest.mark.parametrize(
    ("better", "count", "blocks", "words"),
    [
        (None, 3, 3, "neither more nor less"),
        ("higher", 1, 3, "fewer than two values"),
        ("higher", 0, 3, "fewer than two values"),
        ("higher", 3, 1, "one block: no interval"),
    ],
)
def test_what_cannot_be_judged_says_why(better, count, blocks, words):
    found = knee({n: 100.0 * n for n in range(1, count + 1)}, better, family=1, blocks=blocks)
    assert found.shape is Shape.UNJUDGED
    assert words in found.warnings[0]


def test_blocks_that_not_every_value_has_are_left_out():
    found = levels({1: 100, 2: 200, 3: 200})
    short = [Level(found[0].value, {1: 100.0, 2: 100.0}), *found[1:]]
    assert find_knee("higher", MARGIN, short, 3).n == 2


def test_one_wild_value_widens_its_own_intervals():
    """The pooled spread of calm values must not make a wild one look certain."""
    calm = levels({2: 100, 3: 100, 4: 100, 5: 100, 6: 100, 7: 100}, spread=0.002)
    wild = Level(1, {1: 55.0, 2: 100.0, 3: 60.0})
    assert find_knee("higher", MARGIN, [wild, *calm], 21).shape is Shape.NOTHING


@given(
    slopes=st.lists(st.floats(1.5, 4), min_size=1, max_size=5),
    flat=st.integers(1, 4),
    scale=st.floats(0.01, 1e6),
    seed=st.integers(0, 10_000),
)
def test_the_knee_of_a_piecewise_curve_is_found_whatever_its_size(slopes, flat, scale, seed):
    means = [scale]
    for slope in slopes:
        means.append(means[-1] * slope)
    means += [means[-1]] * flat
    found = knee(dict(enumerate(means)), spread=0.002, seed=seed)
    assert (found.shape, found.knee) == (Shape.KNEE, len(slopes))


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=6), st.floats(1e-3, 1e3))
def test_units_and_direction_do_not_matter(values, factor):
    ratios = [math.log(one / other) for one in values for other in values]
    assume(all(abs(abs(ratio) - math.log1p(MARGIN.share)) > 1e-9 for ratio in ratios))
    plain = dict(enumerate(values))
    scaled = knee({at: value * factor for at, value in plain.items()})
    inverse = knee({at: 1 / value for at, value in plain.items()}, "lower")
    for other in (scaled, inverse):
        assert (other.shape, other.knee) == (knee(plain).shape, knee(plain).knee)
