"""A level as a variant of the campaign, and the searches that are refused before anything runs."""

from dataclasses import replace

import pytest

from harness.campaign import Choice, Variant, choose
from harness.capacity import CapacityPlan, Limits, Search, load_of
from harness.capacity.capacity_plan import check_limits, check_scenario, check_search
from harness.errors import UsageError
from harness.scenario.model import Scenario, load_scenario
from tests.support.edits import ROOT

ARRIVALS = load_scenario("capacity", ROOT)
USERS = load_scenario("capacity_users", ROOT)


def plan(of="arrivals", **search):
    scenario = ARRIVALS if of == "arrivals" else USERS
    variants = choose(scenario, ROOT, Choice(["sync", "queue"]))
    return CapacityPlan(of, Limits(), Search(**search), variants)


def test_the_two_scenarios_are_what_is_searched_by_default():
    assert (load_of(ARRIVALS), load_of(USERS)) == ("arrivals", "users")
    for scenario, of in ((ARRIVALS, "arrivals"), (USERS, "users")):
        check_scenario(scenario, "it")
        check_limits(Limits(), scenario, "it")
        check_search(plan(of), scenario, "it")


def test_a_level_of_arrivals_has_their_rate_room_and_units_for_all_of_them():
    sync, _ = plan().variants
    made = plan().at_level(sync, 400, ARRIVALS)
    assert (made.name, made.base, made.point) == ("sync.arrivals-400", "sync", {"open.rate": 400})
    load = made.scenario_of(ARRIVALS)
    assert load.open.peak_per_s == 400
    assert load.open.buyers == load.open.at_once == load.product.stock == 8_000
    small = plan().at_level(sync, 5, ARRIVALS).scenario_of(ARRIVALS)
    assert (small.open.buyers, small.open.at_once) == (100, ARRIVALS.open.at_once)


def test_a_level_of_users_has_as_many_and_units_for_all_that_they_may_buy():
    _, queue = plan("users").variants
    load = plan("users").at_level(queue, 200, USERS).scenario_of(USERS)
    assert load.peak_users == 200
    assert [stage.users for stage in load.stages] == [200, 200]
    assert load.product.stock >= 200 * load.load_s / USERS.load.think_min_s


def test_a_variant_stays_as_it_is_at_every_level():
    varied = Variant("mine", "sync", title="Mine", settings={("api", "THREADS"): "300"})
    made = plan().at_level(varied, 100, ARRIVALS)
    assert made.settings == varied.settings
    assert made.title == "Mine, 100 arrivals/s"
    assert made.vary(made.topology(ROOT)).payment_slots == 300


def test_what_is_asked_is_read_from_campaign_json_as_it_was(tmp_path):
    class Stored:
        path = tmp_path

        def description(self):
            return {"capacity": asked.as_json()}

    asked = plan()
    assert CapacityPlan.of_campaign(Stored()) == replace(asked, variants=list(asked.variants))


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"start": 6_000}, "beginning at 6000"),
        ({"lowest": 60}, "levels from 60"),
        ({"most_runs": 5}, "--most-runs 5"),
    ],
)
def test_levels_that_make_no_sense_are_refused(search, said):
    with pytest.raises(UsageError, match=said) as refused:
        check_search(plan(**search), ARRIVALS, "it")
    assert refused.value.hint


def test_a_load_too_short_for_a_percentile_at_the_lowest_level_is_refused():
    content = ARRIVALS.model_dump(mode="json")
    content["open"]["stages"] = [{"name": "short", "buyers": 150, "seconds": 3.0}]
    with pytest.raises(UsageError, match="at 5 arrivals/s only 15 buyers come"):
        check_search(plan(), Scenario.model_validate(content), "it")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"purchase_p95_ms": 0}, "a limit of 0 ms"),
        ({"purchase_p95_ms": float("nan")}, "a limit of nan ms"),
        ({"error_pct": float("inf")}, "inf %"),
        ({"purchase_p95_ms": 10_001}, "wait 10 s"),
        ({"drain_s": 61}, "waits 60 s for the backlog"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, said):
    with pytest.raises(UsageError, match=said) as refused:
        check_limits(Limits(**limits), ARRIVALS, "it")
    assert refused.value.hint


@pytest.mark.parametrize(("name", "said"), [("contention", "contention"), ("chaos", "cases")])
def test_scenarios_under_which_there_is_no_capacity_are_refused(name, said):
    with pytest.raises(UsageError, match=said):
        check_scenario(load_scenario(name, ROOT), name)


def test_a_limit_of_units_per_buyer_is_refused():
    limited = USERS.model_copy(
        update={"product": USERS.product.model_copy(update={"per_user_limit": 2})}
    )
    with pytest.raises(UsageError, match="per_user_limit"):
        check_scenario(limited, "it")
