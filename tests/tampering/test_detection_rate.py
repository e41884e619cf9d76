"""An oversell by one unit in a recorded contention test is seen, however short it was."""

import pytest

from tests.tampering.oversells import KINDS, detected, runs

EVERY = 15
"""Every so many-th sale is tampered with: `python -m tests.tampering.oversells` does all."""


@pytest.fixture(scope="module")
def recorded():
    return runs()


@pytest.mark.parametrize("approach", ["queue", "sync"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "clocks" not in kind])
def test_every_oversell_by_one_unit_is_seen(recorded, approach: str, kind: str) -> None:
    seen, sales = detected(recorded[approach], kind, EVERY)
    assert sales == 20
    assert seen == sales
