"""Where the level of a history changes, and what is no change."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import ruptures
from hypothesis import example, given
from hypothesis import strategies as st

from harness.analysis.change_points import LEAST, SHORTEST, change_points, levels, noise

DELTA = math.log1p(0.15)


def series(*parts: tuple[int, float], sd: float = 0.05, seed: int = 1) -> list[float]:
    """Return logarithms: so many values about each level."""
    rng = np.random.default_rng(seed)
    return [math.log(level) + rng.normal(0, sd) for n, level in parts for _ in range(n)]


def test_a_shift_is_found_where_it_is() -> None:
    values = series((20, 1.0), (10, 1.3))
    (found,) = change_points(values, DELTA)
    assert abs(found - 20) <= 1
    before, after = levels(values, [found])
    assert math.exp(after - before) == pytest.approx(1.3, rel=0.1)


def test_there_and_back_again_are_two() -> None:
    assert change_points(series((12, 1.0), (8, 1.5), (12, 1.0), sd=0.01), DELTA) == [12, 20]


def test_one_bad_night_is_no_change() -> None:
    values = series((30, 1.0))
    for place in (0, 14, 29):
        bad = [*values[:place], values[place] + math.log(5), *values[place + 1 :]]
        assert change_points(bad, DELTA) == []


def test_a_change_is_seen_after_two_nights_and_placed_after_three() -> None:
    values = series((30, 1.0), (SHORTEST, 1.5))
    assert change_points(values, DELTA) == [30]
    assert change_points(values[:-1], DELTA) == [29]
    assert change_points(values[:-2], DELTA) == []


def test_it_is_the_search_of_pelt() -> None:
    values = series((20, 1.0), (12, 1.2), (15, 0.9), seed=4)
    signal = np.array(values) / noise(values)
    pelt = ruptures.Pelt(model="l2", min_size=SHORTEST, jump=1).fit(signal)
    assert change_points(values) == pelt.predict(pen=3 * math.log(len(values)))[:-1] == [20, 32]


def test_what_is_certain_and_small_is_no_change() -> None:
    values = series((15, 1.0), (15, 1.10), sd=0.002)
    assert change_points(values, DELTA) == []
    assert change_points(values) == [15]


def test_many_small_steps_are_not_lost() -> None:
    stairs = series(*((6, 1.1**step) for step in range(6)), sd=0.002)
    found = change_points(stairs, DELTA)
    assert found
    first, *_, last = levels(stairs, found)
    assert last - first > DELTA


def test_too_few_values_have_no_change_whatever_they_are() -> None:
    values = series((10, 1.0), (LEAST - 10, 2.0), sd=0.01)
    assert change_points(values, DELTA) == [10]
    assert change_points(values[1:], DELTA) == []


def test_counts_that_are_mostly_alike_can_change() -> None:
    assert change_points([1000.0] * 20 + [900.0] * 10) == [20]
    assert change_points([1000.0] * 30) == []
    assert change_points([0.0] * 29 + [1.0], 0.5) == []


@pytest.mark.parametrize("other", [lambda v: 3 * v, lambda v: v + 7, lambda v: -v])
def test_another_unit_changes_nothing(other: Callable[[float], float]) -> None:
    values = series((16, 1.0), (16, 1.4))
    assert change_points(list(map(other, values))) == change_points(values) != []


@given(st.lists(st.floats(-1e3, 1e3), min_size=LEAST, max_size=40))
@example([*[0.0] * 10, 2.2e-311, *[0.0, 1.0] * 4, 0.0])
def test_levels_are_as_long_as_they_must_be_and_the_same_twice(values: list[float]) -> None:
    found = change_points(values)
    assert found == change_points(values) == sorted(set(found))
    assert np.diff([0, *found, len(values)]).min() >= SHORTEST
    assert len(levels(values, found)) == len(found) + 1


def test_noise_is_that_about_the_level_and_not_of_the_level() -> None:
    assert noise(series((200, 1.0), (200, 2.0), (200, 1.0))) == pytest.approx(0.05, rel=0.15)
    assert noise([1.0, 1.0]) == 0
