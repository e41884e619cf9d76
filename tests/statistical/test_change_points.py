"""How often a change is found where there is one, and where there is none: simulated nights."""

import math

import numpy as np
import pytest

from harness.analysis.change_points import change_points
from harness.analysis.metrics import METRICS

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

SIMULATED = 4000
SD = 0.05
DELTA = METRICS["purchase_latency_p95_ms"].margin.of("ratio")


def found(nights, since=None, ratio=1.0, sd=SD, least_step=DELTA):
    """Return the change points of each simulated history, whose level changes since a night."""
    rng = np.random.default_rng(21)
    level = np.zeros(nights)
    if since is not None:
        level[since:] = math.log(ratio)
    return [
        change_points((level + rng.normal(0, sd, nights)).tolist(), least_step)
        for _ in range(SIMULATED)
    ]


@pytest.mark.parametrize("nights", [20, 30, 90])
def test_where_nothing_changes_hardly_anything_is_found(nights):
    assert np.mean([bool(places) for places in found(nights)]) <= 0.005


def test_where_nights_vary_by_ten_percent_one_series_of_thirty_has_a_change():
    assert 0.02 <= np.mean([bool(places) for places in found(30, sd=0.10)]) <= 0.04


def test_without_delta_one_history_of_ten_would_have_a_change():
    """The noise is estimated from the same few nights; this is what δ is needed for."""
    share = np.mean([bool(places) for places in found(30, least_step=0.0)])
    assert 0.01 <= share <= 0.12


def test_a_shift_of_30_percent_is_found_within_one_night_of_its_place():
    places = found(30, since=20, ratio=1.3)
    assert np.mean([any(abs(at - 20) <= 1 for at in one) for one in places]) >= 0.99
    assert np.mean([len(one) == 1 for one in places]) >= 0.99


@pytest.mark.parametrize(
    ("later", "least", "most"), [(1, 0.0, 0.01), (2, 0.85, 0.93), (3, 0.99, 1)]
)
def test_it_is_seen_after_two_nights_or_three(later, least, most):
    early = found(20 + later, since=20, ratio=1.3)
    assert least <= np.mean([any(abs(at - 20) <= 1 for at in one) for one in early]) <= most
