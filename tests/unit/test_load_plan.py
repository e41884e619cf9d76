"""What the generators do."""

from pathlib import Path

import pytest

from harness.load import LoadPlan
from harness.load.load_plan import ContentionPlan, plan_from_json, sale_plan
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
ADDRESS = "http://127.0.0.1:1"


@pytest.fixture
def sale():
    scenario = load_scenario("flash_sale", ROOT)
    return sale_plan(scenario, ADDRESS, seed=7, sales=scenario.sales(7))


@pytest.fixture
def warm_up():
    return LoadPlan.for_warm_up(load_scenario("flash_sale", ROOT), ADDRESS, seed=7)


def test_a_plan_survives_json(sale, warm_up):
    assert plan_from_json(sale.to_json()) == sale
    assert plan_from_json(warm_up.to_json()) == warm_up


def test_the_sale_is_the_scenario(sale):
    scenario = load_scenario("flash_sale", ROOT)
    assert sale.schedule == scenario.schedule
    assert (sale.product_id, sale.key_prefix, sale.user_offset) == (1, "7-", 0)
    assert (sale.load.request_timeout_s, sale.load.retries, sale.load.buyer) == (30, 3, "polling")


def test_the_warm_up_shares_nothing_with_the_sale(sale, warm_up):
    assert warm_up.product_id == 2
    assert warm_up.key_prefix == "7-w"
    assert warm_up.user_offset > sale.schedule.peak_users
    assert (warm_up.schedule.peak_users, warm_up.schedule.load_s) == (10, 3)
    assert warm_up.schedule.planned_users(2) == 10


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_processes_share_the_buyers_without_gap_or_overlap(sale, processes):
    shared = plan_from_json(sale.to_json().replace('"processes": 1', f'"processes": {processes}'))
    for users in range(40):
        shares = [shared.share_of(process, users) for process in range(processes)]
        assert sum(shares) == users
        assert max(shares) - min(shares) <= 1


def test_stages_have_names_before_and_after_too(sale):
    names = [sale.stage_name(t_s) for t_s in (-1, 0, 29.9, 30, 299, 300)]
    assert names == ["not begun", "warm-up", "warm-up", "rush", "end", "leaving"]
    assert sale.spawn_rate_at(-1) == sale.spawn_rate_at(400) == 10


def test_no_action_outlasts_the_longest_one(sale):
    assert sale.longest_action_s == 4 * (30 + 5) + 60


@pytest.fixture
def contention():
    scenario = load_scenario("contention", ROOT)
    return sale_plan(scenario, ADDRESS, seed=7, sales=scenario.sales(7))


def test_a_contention_test_has_a_plan_of_its_own(contention):
    assert isinstance(contention, ContentionPlan)
    assert plan_from_json(contention.to_json()) == contention
    assert (len(contention.sales), contention.buyers, contention.load.processes) == (300, 200, 1)
    assert (contention.key_prefix, contention.user_offset) == ("7-", 0)
    assert contention.longest_purchase_s == 4 * (10 + 5)


def test_a_sale_in_stages_has_a_load_plan(sale):
    assert isinstance(sale, LoadPlan)
