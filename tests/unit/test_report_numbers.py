"""Numbers as people read them."""

import pytest

from report import numbers


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
        (an_estimate(None, 30.0, None, "s"), 2, "≥ 30.00\xa0s"),
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
