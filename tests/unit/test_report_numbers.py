"""Numbers as people read them."""

import pytest

from report import numbers
from report.tables import cells


def an_estimate(value, low=None, high=None, unit="ms"):
    return {"value": value, "low": low, "high": high, "unit": unit}


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (1234567.891, 1, "1,234,567.9"),
        (0, 0, "0"),
        (-0.04, 1, "0.0"),
        (-3.2, 1, "−3.2"),
        (None, 2, "–"),
        (float("nan"), 2, "–"),
    ],
)
def test_a_number_has_separators_a_true_minus_and_a_dash_for_none(value, digits, shown):
    assert numbers.number(value, digits) == shown


@pytest.mark.parametrize(
    ("estimate", "digits", "shown"),
    [
        (an_estimate(47.4, 41.2, 53.4), 0, "47\xa0ms [41, 53]"),
        (an_estimate(3.1, 3.06, 3.14), 0, "3.1\xa0ms [3.1, 3.1]"),
        (an_estimate(47.4), 0, "47\xa0ms"),
        (an_estimate(None), 0, "–"),
        (an_estimate(None, 30.0, None, "s"), 2, "≥ 30.0\xa0s"),
        (an_estimate(None, 30_002.0), 0, "≥ 30.0\xa0s"),
        (an_estimate(1_483.6, 1_200, 1_800), 0, "1.48\xa0s [1.20, 1.80]"),
        (an_estimate(999.4), 0, "999\xa0ms"),
        (an_estimate(120.58, 120.32, 120.88, "s"), 2, "121\xa0s [120, 121]"),
        (an_estimate(46.54, 44.87, 48.2, "%"), 2, "46.5\xa0% [44.9, 48.2]"),
        (an_estimate(0.034, 0.01, 0.07, "%"), 2, "0.03\xa0% [0.01, 0.07]"),
        (an_estimate(0, 0, 0, "%"), 2, "0\xa0%"),
        (an_estimate(0, 0, 0.3, "%"), 2, "0.00\xa0% [0.00, 0.30]"),
        (an_estimate(171.1, 170.1, 172.2, "req/s"), 1, "171\xa0req/s [170, 172]"),
        (an_estimate(1_616.8, 1_381.9, 1_886.6, "MB"), 0, "1.62\xa0GB [1.38, 1.89]"),
        (an_estimate(13, 13, 13, ""), 0, "13"),
        (an_estimate(5.4, 5.2, 5.6, ""), 0, "5 [5, 6]"),
    ],
)
def test_an_estimate_shows_unit_interval_bound_or_dash(estimate, digits, shown):
    assert numbers.estimate(estimate, digits) == shown


@pytest.mark.parametrize(
    ("factor", "low", "high", "shown"),
    [
        (3.2, 2.9, 3.53, "3.20× higher [2.90, 3.53]"),
        (0.041, 0.039, 0.044, "24.4× lower [22.7, 25.6]"),
        (0.98, 0.9, 1.07, "0.98× [0.90, 1.07]"),
        (1.0, 1.0, 1.0, "1.00× [1.00, 1.00]"),
        (2.0, None, None, "2.00× higher"),
        (None, None, None, "–"),
    ],
)
def test_a_factor_faces_the_reader_unless_its_interval_includes_equality(factor, low, high, shown):
    assert numbers.factor(factor, low, high) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        ((1 / 4_950, 1 / 5_000, 1 / 4_902), "more than 1,000× lower"),
        ((2_000.0, 1_500.0, 2_500.0), "more than 1,000× higher"),
        ((999.0, 900.0, 1_100.0), "999× higher [900, 1,100]"),
        ((2_000.0, 0.5, 9_000.0), "2,000.00× [0.50, 9,000.00]"),
    ],
)
def test_what_is_far_apart_is_no_multiple_of_the_other_but_for_machines(ratio, shown):
    cell = cells.ratio_cell(*ratio, note="")
    assert cell.text == shown
    assert (cell.value, cell.low, cell.high) == ratio


@pytest.mark.parametrize(
    ("duration", "shown"),
    [((3.561,), "3.56\xa0ms"), ((30_000.7,), "30.0\xa0s"), ((5.2, "s"), "5.2\xa0s")],
)
def test_a_duration_in_a_sentence_has_the_unit_that_people_use(duration, shown):
    assert numbers.duration(*duration) == shown


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [
        ((812.4, 0, "ms"), "812\xa0ms"),
        ((30_001.0, 0, "ms"), "30.0\xa0s"),
        ((9_999.0, 0, "ms"), "10.0\xa0s"),
        ((0.0, 2, "%"), "0\xa0%"),
        ((None, 0, "ms"), "–"),
    ],
)
def test_a_value_alone_is_said_as_an_estimate_is(quantity, shown):
    assert numbers.quantity(*quantity) == shown


def test_a_difference_has_the_unit_that_people_use():
    assert numbers.difference(1_204.0, 0, "ms", 900.0, 1_500.0) == "+1.20\xa0s [0.90, 1.50]"
    assert numbers.difference(-0.25, 2, "%") == "−0.25\xa0points"


@pytest.mark.parametrize(
    ("warning", "said"),
    [
        ("at least 30000.7 ms: 62.0 % had no answer", "62.0 % had no answer"),
        ("at least 60 s", "at least 60 s"),
        ("no ratio: sync: at least 30000.7 ms: late", "no ratio: sync: at least 30.0\xa0s: late"),
        ("one run: no interval", "one run: no interval"),
    ],
)
def test_a_remark_does_not_repeat_the_bound_that_it_stands_beside(warning, said):
    assert numbers.remark(warning) == said


def test_two_shares_differ_by_points():
    cell = cells.difference_cell(-46.54, -48.2, -44.87, 2, "%", note="")
    assert cell.text == "−46.5\xa0points [−48.2, −44.9]"
