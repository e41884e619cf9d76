"""The rule of the verdict, at its edges."""

import math

import pytest

from report.claims.claim_verdict import ClaimVerdict, Ours, bound, direction, figure

YES, NO, OPEN = ClaimVerdict.REPRODUCED, ClaimVerdict.CONTRADICTED, ClaimVerdict.NOT_DECIDED


def ours(low, high, value=None):
    return Ours("as printed", value if value is not None else low, low, high)


@pytest.mark.parametrize(
    ("published", "low", "high", "word"),
    [
        (100, 80, 125, YES),        # all of it within 0.80 to 1.25
        (100, 79.9, 125, OPEN),     # the least bit beyond
        (100, 90, 126, OPEN),
        (100, 10, 900, OPEN),       # so wide that it says nothing
        (100, 125.1, 130, NO),
        (100, 10, 79.9, NO),
        (0, 0, 0, YES),             # none is none,
        (0, 1, 1, NO),              # and not some
        (2, 0, 0, NO),
        (100, 126, None, NO),       # at least so much
        (100, 90, None, OPEN),
    ],
)  # fmt: skip
def test_a_figure_is_the_same_within_a_quarter(published, low, high, word):
    assert figure((published, published), "ms", ours(low, high)).word is word


@pytest.mark.parametrize(
    ("published", "low", "high", "word"),
    [
        (83.5, 88.4, 88.5, YES),    # five points
        (83.5, 88.6, 88.7, NO),     # more, though within a quarter
        (83.5, 88.4, 88.6, OPEN),
        (0.8, 0.0, 0.0, NO),        # five points, but none is not some
        (0.8, 0.9, 1.0, YES),
        (208180, 170302, 170302, YES),  # no share: only the quarter
    ],
)  # fmt: skip
def test_a_share_is_the_same_within_five_points_and_a_quarter(published, low, high, word):
    assert figure((published, published), "%", ours(low, high)).word is word


def test_a_range_is_met_anywhere_within_and_a_quarter_beyond():
    assert figure((250, 450), "", ours(300, 400)).word is YES
    assert figure((250, 450), "", ours(200, 562.5)).word is YES
    assert figure((250, 450), "", ours(82, 86)).word is NO


def test_one_run_decides_no_figure():
    found = figure((100, 100), "ms", Ours("100 ms", 100.0))
    assert (found.word, found.why) == (OPEN, "ours has no interval")


@pytest.mark.parametrize(
    ("published", "unit", "low", "high", "why"),
    [
        (1250, "ms", 22324, 23081, "18× more"), (45.2, "s", 20, 22, "2.3× less"),
        (74.1, "%", 88.4, 89.3, "14.3 points more"), (487, "", 0, 0, "there are none"),
        (0, "", 3, 3, "there are some"),
    ],
)  # fmt: skip
def test_a_contradiction_says_how_far_off(published, unit, low, high, why):
    assert figure((published, published), unit, ours(low, high)).why == why


@pytest.mark.parametrize(
    ("kind", "low", "high", "word"),
    [
        ("least", 100, 120, YES), ("least", 99, 120, OPEN), ("least", 50, 99, NO),
        ("most", 50, 100, YES), ("most", 50, 101, OPEN), ("most", 101, 120, NO),
        ("least", 150, None, YES), ("most", 150, None, NO), ("most", 50, None, OPEN),
    ],
)  # fmt: skip
def test_a_bound_is_kept_by_all_of_the_interval(kind, low, high, word):
    assert bound(100, kind, ours(low, high)).word is word


@pytest.mark.parametrize(
    ("more", "least", "low", "high", "word"),
    [
        (True, None, 1.1, 1.2, YES), (True, None, 0.9, 1.2, OPEN), (True, None, 0.8, 0.9, NO),
        (False, None, 0.8, 0.9, YES), (False, None, 1.1, 1.2, NO), (True, None, 1.0, 1.0, NO),
        (True, 3, 2.4, 2.5, YES),               # a quarter less is as much
        (True, 3, 2.3, 2.5, OPEN), (True, 3, 2.2, 2.3, NO),
        (True, 3, 50, 60, YES),                 # more than claimed is no contradiction
        (True, 3, 0.9, 2.3, NO),                # whatever its direction, it is less
        (False, 10, 0.1, 0.12, YES), (False, 10, 0.2, 0.3, NO),
        (False, math.inf, 0.0, 0.0, YES), (False, math.inf, 0.0, 0.001, OPEN),
        (False, math.inf, 0.001, 0.002, NO),    # 100 % less is none
    ],
)  # fmt: skip
def test_a_direction_is_right_and_large_enough(more, least, low, high, word):
    assert direction(more, least, ours(low, high)).word is word


def test_points_are_equal_at_zero():
    assert direction(True, 9.4, ours(8.0, 9.0), equal=0.0).word is YES
    assert direction(True, 9.4, ours(0.1, 1.3), equal=0.0).why == "right direction, smaller"
    assert direction(True, 9.4, ours(-0.1, 1.3), equal=0.0).why == "it is less"
    assert direction(False, 9.4, ours(-9.0, -8.0), equal=0.0).word is YES


def test_one_run_decides_no_direction():
    assert direction(True, None, Ours("3.0×", 3.0)).word is OPEN
