"""A law that fails for a healthy run is a false alarm: in 300 simulated runs there is none.

None in 300 means, with 95 % confidence, less than 1 % of such runs: 1 - 0.05 ** (1 / 300).
"""

import pytest

from harness.analysis import check_laws, validity
from harness.results.findings import Verdict
from tests.support.histories import make_run

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

RUNS_PER_LOAD = 50
LOADS = [
    {"users": 12, "stock": 20, "seconds": 12},
    {"users": 20, "stock": 500, "seconds": 12},
    {"users": 20, "stock": 5, "seconds": 12},
]


@pytest.mark.parametrize("load", LOADS, ids=["sells out", "sells on", "sells out at once"])
@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_no_healthy_run_of_50_breaks_a_law(approach, load):
    for seed in range(RUNS_PER_LOAD):
        run = make_run(approach, seed=seed, index=seed + 1, **load)
        laws = check_laws(run)
        assert [law for law in laws if law.verdict is not Verdict.PASS] == [], seed
        assert validity(run, laws).verdict == "VALID"
