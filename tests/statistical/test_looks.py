"""Looking three times must not find more than looking once may: simulated campaigns until decided.

Each run's logarithm varies with SD 5 %, and each block drifts by 10 %, which pairing must cancel.
"""

import numpy as np
import pytest

from harness.analysis.comparison import Side, compare
from harness.analysis.looks import AFTER_BLOCKS, CONFIDENCE
from harness.analysis.metrics import METRICS
from harness.analysis.outcomes import Outcome

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

METRIC = METRICS["purchase_latency_p95_ms"]
CAMPAIGNS = 1000


def campaigns(ratio, run_sd=0.05, block_sd=0.10):
    """Yield how each simulated campaign ended, and after how many blocks."""
    rng = np.random.default_rng(20)
    most = AFTER_BLOCKS[-1]
    for _ in range(CAMPAIGNS):
        drift = rng.normal(0, block_sd, most)
        one = 100 * np.exp(drift + rng.normal(0, run_sd, most))
        other = 100 * ratio * np.exp(drift + rng.normal(0, run_sd, most))
        for blocks in AFTER_BLOCKS:
            sides = (
                Side(name, dict(enumerate(values[:blocks].tolist())))
                for name, values in (("one", one), ("other", other))
            )
            found = compare(METRIC, *sides, CONFIDENCE)
            if found.outcome is not Outcome.UNDECIDED:
                break
        yield found, blocks


def shares(ratio):
    ended = list(campaigns(ratio))
    outcomes = [found.outcome for found, _ in ended]
    return {one: outcomes.count(one) / CAMPAIGNS for one in Outcome}, ended


def test_between_equals_a_difference_is_found_in_at_most_one_campaign_of_a_hundred():
    share, ended = shares(1.0)
    assert share[Outcome.BETTER] + share[Outcome.WORSE] <= 0.01
    assert share[Outcome.ALIKE] >= 0.95
    assert 5 <= np.mean([blocks for _, blocks in ended]) <= 6.5


def test_a_large_difference_is_found_at_the_first_look_or_soon_after():
    share, ended = shares(1.5)
    assert share[Outcome.WORSE] >= 0.99
    assert np.mean([blocks for _, blocks in ended]) <= 3.5


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.5])
def test_the_interval_at_which_a_campaign_stops_contains_the_truth(ratio):
    """Stopping picks what looks decided; the level of each look pays for that."""
    missed = [not found.low <= ratio <= found.high for found, _ in campaigns(ratio)]
    assert np.mean(missed) <= 0.05
