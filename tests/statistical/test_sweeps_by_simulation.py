"""How often a sweep finds what is not there, and what is: simulated sweeps of a known truth.

Each run's logarithm varies, and each block drifts by 10 %, which taking blocks out must cancel.
"""

import numpy as np
import pytest

from harness.analysis.knee import Level, Shape, find_knee, pairs
from harness.analysis.metrics import METRICS
from harness.analysis.scalability import fit_scaling, law

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

SWEEPS = 2000
COUNTS = METRICS["confirmed_orders"].margin
TIMES = METRICS["purchase_latency_p95_ms"].margin
EFFECTS = (Shape.KNEE, Shape.OPEN, Shape.RISES, Shape.FALLS)


def shapes(means, spreads, margin=COUNTS, blocks=3, sweeps=SWEEPS, seed=5):
    """Return what is found of one curve that is judged alone."""
    rng = np.random.default_rng(seed)
    k = len(means)
    found = []
    for _ in range(sweeps):
        noise = rng.normal(0, 1, (k, blocks)) * np.array(spreads)[:, None]
        values = np.array(means)[:, None] * np.exp(rng.normal(0, 0.10, blocks) + noise)
        levels = [
            Level(number, dict(enumerate(row))) for number, row in enumerate(values.tolist(), 1)
        ]
        found.append(find_knee("higher", margin, levels, pairs(k)))
    return found


def share(found, *wanted):
    return sum(one.shape in wanted for one in found) / len(found)


@pytest.mark.parametrize("spread", [0.01, 0.05, 0.15])
@pytest.mark.parametrize(("values", "blocks"), [(3, 3), (5, 3), (8, 3), (5, 5)])
def test_of_a_knob_that_does_nothing_an_effect_is_rarely_seen(values, blocks, spread):
    found = shapes([100] * values, [spread] * values, blocks=blocks)
    assert share(found, *EFFECTS) <= 0.05


@pytest.mark.parametrize("wild", [0.3, 1.0])
def test_where_one_value_varies_far_more_than_all_others_that_is_little_more_often(wild):
    """A pooled spread assumes that runs vary alike: the methodology says what that costs."""
    found = shapes([100] * 5, [wild, 0.01, 0.01, 0.01, 0.01])
    assert share(found, *EFFECTS) <= 0.08


def test_gains_that_are_there_are_found_and_no_later_knee_is_named_too_often():
    found = shapes([100, 200, 300, 300, 300], [0.02] * 5)
    assert share(found, Shape.KNEE, Shape.OPEN) >= 0.95
    assert np.mean([one.knee == 3 for one in found]) >= 0.95
    calm = shapes([100, 200, 300, 300, 300], [0.008] * 5, sweeps=500)
    assert share(calm, Shape.KNEE) >= 0.95


def test_that_further_gain_is_excluded_is_rarely_wrong():
    """A gain of 10 % is twice δ: from the third value on it may not be called excluded."""
    found = shapes([100, 200, 300, 330, 330], [0.02] * 5)
    assert np.mean([one.settled_from is not None and one.settled_from <= 3 for one in found]) < 0.05


@pytest.mark.parametrize("spread", [0.01, 0.04])
def test_the_interval_of_the_change_contains_the_truth(spread):
    found = shapes([100, 200, 400], [spread] * 3, TIMES, sweeps=1000)
    assert np.mean([one.low <= 4 <= one.high for one in found]) >= 0.95


@pytest.mark.parametrize("spread", [0.01, 0.04])
def test_intervals_of_the_scalability_law_contain_the_truth(spread):
    rng = np.random.default_rng(11)
    sizes = np.array([1, 2, 3, 4, 6, 8, 12, 16], dtype=float)
    exact = law(10, 0.08, 0.004, sizes)
    hits, fits = [], 0
    for _ in range(500):
        drift = rng.normal(0, 0.1, 3)
        values = exact[:, None] * np.exp(drift + rng.normal(0, spread, (len(sizes), 3)))
        found = fit_scaling(sizes.tolist(), values.tolist())
        fits += found.fits
        if found.fits:
            hits.append(
                (
                    found.contention.low <= 0.08 <= found.contention.high,
                    found.coherency.low <= 0.004 <= found.coherency.high,
                )
            )
    assert fits >= 470
    assert np.mean(hits, axis=0) == pytest.approx([0.95, 0.95], abs=0.03)
