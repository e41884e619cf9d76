"""The audit of a large run stays small, and takes about as much longer as the run is larger."""

from pathlib import Path

import pytest

from tests.support.audit_cost import measure

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_a_hundred_thousand_requests_are_audited_in_little_memory_and_linear_time(
    tmp_path: Path,
) -> None:
    small, large = measure(10_000, tmp_path / "small"), measure(100_000, tmp_path / "large")
    assert small["verdict"] == large["verdict"] == "PASS"
    assert large["requests"] > 90_000
    assert large["memory_mb"] < 300
    growth = large["requests"] / small["requests"]
    assert large["cpu_s"] / small["cpu_s"] < 2 * growth
