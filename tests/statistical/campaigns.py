"""Simulated campaigns with a known truth: n blocks of two runs, of one metric.

Log p95 of a run varies from run to run, and a drift of the machine moves both runs of a block
together.
"""

import math

import numpy as np

from harness.analysis.comparison import Comparison, Side, compare
from harness.analysis.metrics import METRICS

CAMPAIGNS = 2000
P95 = METRICS["api_latency_p95_ms"]


def campaigns(
    ratio: float, n: int, run_sd: float, drift_sd: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the p95 of both approaches in every block of every campaign."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, drift_sd, (CAMPAIGNS, n))
    before = np.exp(math.log(200) + drift + rng.normal(0, run_sd, (CAMPAIGNS, n)))
    after = np.exp(math.log(200 * ratio) + drift + rng.normal(0, run_sd, (CAMPAIGNS, n)))
    return before, after


def compared(before: np.ndarray, after: np.ndarray) -> list[Comparison]:
    """Compare both approaches in every campaign."""
    return [
        compare(P95, Side("sync", dict(enumerate(one))), Side("queue", dict(enumerate(other))))
        for one, other in zip(before.tolist(), after.tolist(), strict=True)
    ]
