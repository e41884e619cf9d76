"""The Universal Scalability Law: known parameters come back; what is no such law has no fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.scalability import fit_scaling, law

SIZES = (1, 2, 3, 4, 6, 8, 12, 16)


def throughput(rate, contention, coherency, sizes=SIZES, spread=0.0, blocks=3, seed=1):
    rng = np.random.default_rng(seed)
    drift = np.exp(rng.normal(0, 0.1, blocks)) if spread else np.ones(blocks)
    exact = law(rate, contention, coherency, np.array(sizes, dtype=float))
    return exact[:, None] * drift * np.exp(rng.normal(0, spread, (len(sizes), blocks)))


@given(st.floats(0.1, 1e4), st.floats(0, 0.5), st.floats(0, 0.02))
def test_parameters_without_noise_come_back(rate, contention, coherency):
    found = fit_scaling(SIZES, throughput(rate, contention, coherency))
    assert found.fits, found.reason
    assert found.rate.value == pytest.approx(rate, rel=1e-4)
    assert found.contention.value == pytest.approx(contention, abs=1e-4)
    assert found.coherency.value == pytest.approx(coherency, abs=1e-5)
    assert max(map(abs, found.residuals)) < 1e-4


def test_a_peak_is_named_where_the_data_know_of_it():
    found = fit_scaling(SIZES, throughput(10, 0.05, 0.01, spread=0.01))
    assert found.coherency.low > 0
    assert found.peak == pytest.approx((0.95 / 0.01) ** 0.5, rel=0.15)
    assert fit_scaling(SIZES, throughput(10, 0.05, 0.0001)).peak is None
    assert fit_scaling(SIZES, throughput(10, 0.2, 0, spread=0.01)).peak is None


def test_a_straight_line_has_no_contention():
    found = fit_scaling(SIZES, throughput(10, 0, 0, spread=0.01))
    assert found.fits
    assert found.contention.low == found.coherency.low == 0
    assert found.contention.value < 0.02


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (lambda n: n**2.0, "does not follow the law"),
        (lambda n: 10 + 30.0 * (n > 5), "does not follow the law"),
        (lambda n: 20 + 15 * np.sin(2.0 * n), "does not follow the law"),
    ],
)
def test_what_does_not_follow_the_law_has_no_fit(shape, words):
    rng = np.random.default_rng(3)
    means = shape(np.array(SIZES, dtype=float))
    found = fit_scaling(SIZES, means[:, None] * np.exp(rng.normal(0, 0.01, (len(SIZES), 3))))
    assert not found.fits
    assert words in found.reason


def test_few_values_and_single_runs_have_no_fit():
    assert "4 values" in fit_scaling((1, 2, 3), throughput(10, 0, 0, (1, 2, 3))).reason
    assert "two runs" in fit_scaling(SIZES, throughput(10, 0, 0, blocks=1)).reason


def test_sizes_may_be_hundreds_of_users():
    sizes = (50, 100, 200, 400, 800, 1600)
    found = fit_scaling(sizes, throughput(2, 0.002, 1e-6, sizes, spread=0.02))
    assert found.fits
    assert found.contention.low <= 0.002 <= found.contention.high
    assert found.coherency.low <= 1e-6 <= found.coherency.high
