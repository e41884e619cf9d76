"""The intervals cover what they promise: simulated campaigns with a known truth, fixed seeds.

A campaign is n blocks of two runs. Log p95 of a run varies from run to run, and a drift of the
machine moves both runs of a block together.
"""

import math

import numpy as np
import pytest

from harness.analysis.estimates import (
    Sample,
    Scalar,
    Scale,
    estimate,
    log_welch_interval,
    t_critical,
)
from tests.statistical.campaigns import CAMPAIGNS, campaigns, compared

pytestmark = [pytest.mark.statistical, pytest.mark.slow]


@pytest.mark.parametrize("drift_sd", [0.0, 0.15])
@pytest.mark.parametrize("n", [3, 5, 8])
def test_the_paired_interval_covers_the_true_ratio_in_93_to_97_percent(n, drift_sd):
    found = compared(*campaigns(1.2, n, 0.05, drift_sd, seed=20_261))
    covered = np.mean([comparison.low <= 1.2 <= comparison.high for comparison in found])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("n", [3, 5])
def test_the_interval_between_two_campaigns_covers_the_true_ratio_in_93_to_97_percent(n):
    before, after = campaigns(1.2, n, 0.05, 0.0, seed=20_262)
    pairs = zip(before.tolist(), after.tolist(), strict=True)
    intervals = [log_welch_interval(one, other) for one, other in pairs]
    assert 0.93 <= np.mean([low <= 1.2 <= high for low, high in intervals]) <= 0.97


@pytest.mark.parametrize("n", [3, 5, 8])
@pytest.mark.parametrize("scale", [Scale.LOG, Scale.PLAIN])
def test_the_interval_of_an_estimate_covers_the_typical_run_in_93_to_97_percent(scale, n):
    """Drift moves the runs of a campaign as well: it is a part of what a run may be."""
    rng = np.random.default_rng(10)
    runs = rng.normal(math.log(300), 0.1, (CAMPAIGNS, n))
    truth = 300.0 if scale is Scale.LOG else math.log(300)
    found = [
        estimate([Scalar(value) for value in values], [True] * n, "ms", scale, None)
        for values in (np.exp(runs) if scale is Scale.LOG else runs).tolist()
    ]
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.97


def test_pooling_requests_would_be_dishonest_where_the_interval_over_runs_is_not():
    """Known bad: an interval from pooled requests finds a difference where there is none."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(200):
        level = rng.normal(0, 0.05, (2, 3, 1))
        logs = (level + rng.normal(0, 0.6, (2, 3, 2000))).reshape(2, -1)
        gap = logs[0].mean() - logs[1].mean()
        error = math.hypot(*(side.std() / math.sqrt(side.size) for side in logs))
        wrong += abs(gap) > t_critical(6000) * error
    assert wrong / 200 > 0.3


@pytest.mark.parametrize(("q", "name"), [(0.50, "p50"), (0.95, "p95"), (0.99, "p99")])
def test_merged_percentiles_are_those_of_all_requests_together(q, name):
    rng = np.random.default_rng(12)
    runs = [rng.lognormal(math.log(120), 0.6, size) for size in (1000, 4000, 2500)]
    runs[2] *= 3
    found = estimate([Sample(run) for run in runs], [True] * 3, "ms", Scale.LOG, q)
    together = np.concatenate(runs)
    assert found.value == np.quantile(together, q, method="inverted_cdf")
    averaged = np.mean([np.quantile(run, q) for run in runs])
    assert abs(averaged - found.value) / found.value > 0.02, name
