"""The checks of `harness conform`, asked of every approach: they are the same list."""

import pytest

from harness.conformance import CHECKS, Outcome, ShopUnderTest
from harness.results.record import Payments
from tests.contract.shops import FAST, SEED

PAYMENT = Payments(
    model=FAST["LATENCY_MODEL"],
    mean_s=float(FAST["LATENCY_MEAN_S"]),
    sigma=0.5,
    decline_rate=0.1,
    seed=SEED,
)


@pytest.fixture(scope="session")
def shop_under_test(deployment):
    with ShopUnderTest.of(deployment, PAYMENT) as shop:
        yield shop


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.title)
def test_what_conform_asks_holds(shop_under_test, check):
    result = check(shop_under_test)
    assert result.outcome is Outcome.OK, result.why
