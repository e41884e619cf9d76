"""The open load: buyers come when they are due, whatever the shop does."""

import pytest

from harness import load
from harness.errors import InfrastructureError
from harness.load.load_plan import ArrivalStage, OpenPlan
from tests.support.fake_shop import FakeShop, open_shop
from tests.support.plans import plan_of
from tests.support.played_loads import make_plan, run_load

pytestmark = pytest.mark.integration


def open_plan(shop, **changes):
    closed = make_plan(shop)
    settings = {
        **{name: getattr(closed, name) for name in (
            "address", "seed", "key_prefix", "user_offset", "product_id",
        )},
        **vars(closed.load),
        "spread": "poisson", "accounts": 5, "at_once": 100,
        "stages": (ArrivalStage("burst", 60, 0.5), ArrivalStage("trickle", 20, 1.0)),
    }  # fmt: skip
    return plan_of(OpenPlan, **settings | changes)


@pytest.mark.parametrize(("buyer", "processes"), [("polling", 1), ("watching", 2)])
def test_in_an_open_load_every_buyer_comes_once_and_watches_what_it_bought(
    tmp_path, buyer, processes
):
    with open_shop(FakeShop(stock=50)) as shop:
        plan = open_plan(shop, buyer=buyer, processes=processes)
        result = run_load(plan, tmp_path / "load")
        assert shop.in_flight == 0
    requests, buys = result.requests, result.requests[result.requests["endpoint"] == "buy"]
    assert sorted(buys["key"]) == sorted(f"42-{number}" for number in range(80))
    assert sorted(shop.keys) == sorted(buys["key"])
    assert len(requests) == result.recorded == result.locust_requests
    assert not set(requests["endpoint"]) & {"register", "login"}, "accounts are not of the load"
    assert len(set(shop.emails)) == 5
    assert set(result.buyers["user_id"]) == {1, 2, 3, 4, 5}
    due = dict(visit for process in range(processes) for visit in plan.arrivals_of(process))
    assert dict(zip(buys["user"], buys["intended_ns"], strict=True)) == due
    assert dict(zip(result.buyers["user"], result.buyers["born_ns"], strict=True)) == due
    assert (buys["sent_ns"] >= buys["intended_ns"]).all()
    final = requests[requests["order_status"].isin(["confirmed", "declined"])]
    assert set(final["order_id"]) == set(shop.orders)
    assert shop.connections >= 80, "every buyer has a connection of its own"


def test_buyers_of_an_open_load_come_although_the_shop_hangs(tmp_path):
    """The whole point: a closed load would send as many requests as it has users, and wait."""
    with open_shop(FakeShop(fault=lambda route, *_: "hang" if "orders" in route else None)) as shop:
        plan = open_plan(shop, request_timeout_s=0.6, retries=0, at_once=200)
        result = run_load(plan, tmp_path / "load")
    assert len(result.requests) == 80
    assert set(result.requests["outcome"]) == {"indeterminate"}


def test_who_finds_no_room_in_the_generator_is_counted(tmp_path):
    with open_shop(FakeShop(fault=lambda route, *_: "hang" if "orders" in route else None)) as shop:
        plan = open_plan(shop, request_timeout_s=2.0, retries=0, at_once=10)
        result = run_load(plan, tmp_path / "load")
    away = result.buyers[result.buyers["left_ns"] == result.buyers["born_ns"]]
    assert len(result.requests) == 10
    assert len(away) == 70


def test_a_shop_that_opens_no_account_ends_the_load_with_its_answer(tmp_path):
    with open_shop(FakeShop(fault=lambda route, *_: "503")) as shop:
        generators = load.start(open_plan(shop), tmp_path / "load")
        try:
            with pytest.raises(InfrastructureError, match="POST /auth/register was answered 503"):
                generators.wait_ready()
        finally:
            generators.stop()
