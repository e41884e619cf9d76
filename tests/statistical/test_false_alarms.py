"""The words of a comparison mean what they promise: simulated campaigns with a known truth.

A false alarm is "better" or "worse" between two approaches that are equal; a false all-clear is "no
difference" between two that differ by δ.
"""

import math

import numpy as np
import pytest

from harness.analysis.estimates import detectable_deviation
from harness.analysis.outcomes import Outcome
from tests.statistical.campaigns import P95, campaigns, compared

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

DELTA = P95.margin.share
NOISIEST = 0.5 * math.log1p(DELTA)
"""How much the runs of one system may vary if false alarms are to be rare, on the log scale."""
ALARMS = (Outcome.BETTER, Outcome.WORSE)


def share(found, *outcomes: Outcome) -> float:
    return float(np.mean([comparison.outcome in outcomes for comparison in found]))


@pytest.mark.parametrize("drift_sd", [0.0, 0.15])
@pytest.mark.parametrize("run_sd", [0.02, 0.05, NOISIEST])
@pytest.mark.parametrize("n", [3, 5])
def test_between_equals_at_most_1_percent_of_verdicts_name_a_winner(n, run_sd, drift_sd):
    found = compared(*campaigns(1.0, n, run_sd, drift_sd, seed=7))
    assert share(found, *ALARMS) <= 0.01


def test_noise_beyond_half_of_delta_makes_false_alarms_and_most_of_them_say_so():
    """Known bad: this is why the runs must not vary by more."""
    found = compared(*campaigns(1.0, 3, 0.15, 0.0, seed=8))
    alarms = [one for one in found if one.outcome in ALARMS]
    assert 0.01 < len(alarms) / len(found) <= 0.06
    silent = [one for one in alarms if not any("not at 99" in w for w in one.warnings)]
    assert len(silent) / len(found) <= 0.015


@pytest.mark.parametrize("ratio", [1 / (1 + DELTA), 1 + DELTA])
@pytest.mark.parametrize("run_sd", [0.01, 0.03, 0.05])
def test_a_difference_of_delta_is_called_none_in_at_most_5_percent(ratio, run_sd):
    found = compared(*campaigns(ratio, 5, run_sd, 0.0, seed=9))
    assert share(found, Outcome.ALIKE) <= 0.05


def test_equals_are_called_so_by_enough_quiet_runs():
    found = compared(*campaigns(1.0, 5, 0.03, 0.15, seed=10))
    assert share(found, Outcome.ALIKE) > 0.95


@pytest.mark.parametrize("ratio", [0.2, 5.0])
def test_a_five_fold_difference_is_found_with_three_blocks(ratio):
    found = compared(*campaigns(ratio, 3, 0.05, 0.10, seed=11))
    assert share(found, Outcome.WORSE if ratio > 1 else Outcome.BETTER) > 0.999


@pytest.mark.parametrize(("n", "run_sd"), [(3, 0.05), (5, 0.05), (5, 0.01), (8, 0.08)])
def test_a_difference_of_the_detectable_size_is_found_in_80_percent(n, run_sd):
    spread = run_sd * math.sqrt(2)
    ratio = math.exp(spread * detectable_deviation(n, math.log1p(DELTA) / spread))
    found = compared(*campaigns(ratio, n, run_sd, 0.0, seed=12))
    assert share(found, Outcome.WORSE) == pytest.approx(0.80, abs=0.03)
    assert share(found, Outcome.BETTER) == 0
