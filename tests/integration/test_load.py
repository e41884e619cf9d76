"""Buyers against a small shop on a real socket: real generators, real Locust, real ledger."""

import pytest

from harness.load.load_plan import LoadPlan, PlannedStage
from harness.scenario.model import load_scenario
from tests.integration.conftest import ROOT
from tests.support.fake_shop import PRICE_CENTS, FakeShop, open_shop
from tests.support.played_loads import client_counts, make_plan, one_buyer, run_load, server_counts

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize(("buyer", "processes"), [("polling", 1), ("watching", 2)])
def test_ledger_holds_every_request_exactly_once(tmp_path, buyer, processes):
    with open_shop(FakeShop()) as shop:
        result = run_load(make_plan(shop, buyer=buyer, processes=processes), tmp_path / "load")
        assert shop.in_flight == 0
    requests = result.requests
    assert client_counts(requests) == server_counts(shop)
    assert len(requests) == result.recorded == result.locust_requests
    assert sorted(shop.keys) == sorted(requests.loc[requests["endpoint"] == "buy", "key"])
    assert set(requests["process"]) == set(range(processes))
    assert (requests["user"] % processes == requests["process"]).all()
    watched_by = {"polling": "status", "watching": "events"}[buyer]
    seen = requests[requests["endpoint"] == watched_by]
    final = seen[seen["order_status"].isin(["confirmed", "declined"])]
    assert set(final["order_id"]) == set(shop.orders), "every accepted order was watched to its end"
    assert (final["version"] == 3).all()


def test_times_of_a_buyer_follow_from_each_other(tmp_path):
    with open_shop(FakeShop()) as shop:
        requests = run_load(make_plan(shop), tmp_path / "load").requests
    assert (requests["sent_ns"] >= requests["intended_ns"]).all()
    assert (requests["done_ns"] > requests["sent_ns"]).all()
    for _, own in requests.sort_values("sent_ns").groupby("user"):
        intended = own["done_ns"].to_numpy()[:-1] + own["think_ns"].to_numpy()[1:]
        assert (own["intended_ns"].to_numpy()[1:] == intended).all()
    thinks_s = requests.loc[requests["endpoint"] == "buy", "think_ns"] / 1e9
    assert thinks_s[thinks_s > 0].between(0.05, 0.15).all()


def test_stages_are_followed_and_written_down(tmp_path):
    with open_shop(FakeShop()) as shop:
        stages = (
            PlannedStage("arrive", 12, 1.0, 50.0),
            PlannedStage("stay", 12, 1.5, 50.0),
            PlannedStage("leave", 0, 1.0, 50.0),
        )
        result = run_load(make_plan(shop, processes=2, stages=stages), tmp_path / "load")
    at_ends = result.clock.set_index("t_s").loc[[1.0, 2.5, 3.5]]
    assert list(at_ends["planned"]) == [12, 12, 0]
    assert list(at_ends["active"]) == [12, 12, 0]
    assert set(result.clock["t_s"]) >= {1.0, 2.0, 3.0}
    assert result.clock["alive"].iloc[-1] == 0
    assert (result.clock["alive"] >= result.clock["active"]).all()
    assert set(result.requests["stage"]) <= {1, 2, 3, 4}
    stage_2 = result.requests[result.requests["stage"] == 2]
    assert stage_2["sent_ns"].between(1_000_000_000, 2_500_000_000, inclusive="left").all()
    buyers = result.buyers
    assert sorted(buyers["user"]) == list(range(12))
    assert (buyers["left_ns"] >= buyers["asked_ns"]).all()
    assert (buyers["asked_ns"] > buyers["born_ns"]).all()
    oldest = buyers.sort_values("asked_ns")["user"].iloc[-1]
    assert oldest in (0, 1), "the youngest are asked first"


def test_buyers_have_accounts_of_their_own_and_the_warm_up_others(tmp_path):
    scenario = load_scenario(str(ROOT / "tests/integration/tiny.toml"), ROOT)
    with open_shop(FakeShop()) as shop:
        warm_up = LoadPlan.for_warm_up(scenario, shop.address, seed=7)
        assert run_load(warm_up, tmp_path / "warm-up").locust_requests > 0
        assert shop.products == {"2"}
        assert all(key.startswith("7-w") for key in shop.keys)
        run_load(make_plan(shop), tmp_path / "sale")
    assert len(shop.emails) == len(set(shop.emails)) == 4 + 12
    assert len(shop.keys) == len(set(shop.keys))


def test_buyers_write_down_who_they_are_what_they_ask_for_and_what_they_are_shown(tmp_path):
    with open_shop(FakeShop()) as shop:
        result = run_load(make_plan(shop), tmp_path / "load")
    emails = [f"buyer-{number}@example.org" for number in result.buyers["user"]]
    assert list(result.buyers["user_id"]) == [1 + shop.emails.index(email) for email in emails]
    quantities = result.requests.groupby("endpoint")["quantity"].unique().map(list)
    assert quantities.to_dict() == {
        "register": [0], "login": [0], "product": [0], "buy": [1], "status": [0]
    }  # fmt: skip
    shown = result.requests.groupby("endpoint")["amount_cents"].unique().map(list)
    assert shown.to_dict() == {
        "register": [-1], "login": [-1], "product": [PRICE_CENTS], "buy": [PRICE_CENTS],
        "status": [PRICE_CENTS],
    }  # fmt: skip


def test_a_buyer_whose_registration_was_not_answered_does_not_know_its_account(tmp_path):
    def lose_the_answer(route, headers, before):
        return "drop" if route == "POST /auth/register" and before == 0 else None

    with open_shop(FakeShop(fault=lose_the_answer)) as shop:
        result = run_load(make_plan(shop, **one_buyer()), tmp_path / "load")
    assert list(result.buyers["user_id"]) == [0]
    assert "buy" in set(result.requests["endpoint"])


def test_a_token_that_no_header_can_carry_is_none_and_the_buyer_logs_in_again(tmp_path):
    """Known bad: a line break in it would begin a header, or a request, that nobody meant."""

    def first_token_has_two_lines(route, headers, before):
        assert "x-injected" not in headers
        return "two lines" if route == "POST /auth/login" and before == 0 else None

    with open_shop(FakeShop(fault=first_token_has_two_lines)) as shop:
        requests = run_load(make_plan(shop, **one_buyer()), tmp_path / "load").requests
    assert list(requests["endpoint"])[:4] == ["register", "login", "register", "login"]
    assert (requests["status"] < 400).sum() == len(requests) - 1, "registered already"


def test_a_buyer_keeps_one_connection(tmp_path):
    with open_shop(FakeShop()) as shop:
        run_load(make_plan(shop, **one_buyer()), tmp_path / "load")
    assert shop.connections == 1


def test_a_server_that_closes_after_each_answer_loses_nothing(tmp_path):
    with open_shop(FakeShop(close_after_answer=True)) as shop:
        result = run_load(make_plan(shop, **one_buyer()), tmp_path / "load")
    assert client_counts(result.requests) == server_counts(shop)
    assert (result.requests["error"] == "").all()
    assert shop.connections == len(result.requests)


OPEN_OUTCOMES = {  # fault: (error, status) of the first try
    "drop": ("reset", 0),
    "garbage": ("broken", 0),
    "truncate": ("broken", 0),
    "hang": ("timeout", 0),
    "503": ("", 503),
    "425": ("", 425),
    "html": ("body", 202),
}


def test_an_open_outcome_is_tried_again_under_the_same_key(tmp_path):
    faults = {f"42-0-{attempt}": fault for attempt, fault in enumerate(OPEN_OUTCOMES)}

    def first_try_fails(route, headers, before):
        return faults.pop(headers.get("idempotency-key"), None)

    with open_shop(FakeShop(fault=first_try_fails)) as shop:
        plan = make_plan(shop, request_timeout_s=0.5, **one_buyer(4.0))
        requests = run_load(plan, tmp_path / "load").requests
    assert not faults
    assert len(shop.orders) == len(set(shop.keys))
    for attempt, (fault, (error, status)) in enumerate(OPEN_OUTCOMES.items()):
        tries = requests[requests["key"] == f"42-0-{attempt}"]
        assert list(tries["try"]) == [0, 1], fault
        first, second = tries.to_dict("records")
        assert (first["status"], first["error"]) == (status, error), fault
        assert (first["code"], second["code"]) == ("overloaded" if status >= 400 else "", ""), fault
        assert first["outcome"] == "indeterminate", fault
        assert second["outcome"] == "accepted", fault
        assert second["think_ns"] == 200_000_000, fault
        # What got no answer had been carried out, what was refused had not.
        assert second["replayed"] == (fault not in ("503", "425")), fault


def test_no_request_is_sent_twice_behind_the_ledger(tmp_path):
    """Known bad: geventhttpclient repeats a GET by itself when the connection is closed on it."""

    def polls_are_dropped(route, headers, before):
        return "drop" if route == "GET /orders/{id}" and before % 2 == 0 else None

    with open_shop(FakeShop(fault=polls_are_dropped)) as shop:
        requests = run_load(make_plan(shop, **one_buyer()), tmp_path / "load").requests
    polls = requests[requests["endpoint"] == "status"]
    assert len(polls) == shop.asked["GET /orders/{id}"]
    assert (polls["error"] == "reset").sum() == len(polls) - shop.answers[
        "GET", "/orders/{id}", 200
    ]


def test_retry_after_is_honoured_and_tries_end(tmp_path):
    def always_busy(route, headers, before):
        return "503+1" if route == "POST /orders" else None

    with open_shop(FakeShop(fault=always_busy)) as shop:
        plan = make_plan(shop, retries=1, **one_buyer(3.0))
        requests = run_load(plan, tmp_path / "load").requests
    first = requests[requests["key"] == "42-0-0"]
    assert list(first["outcome"]) == ["indeterminate", "indeterminate"]
    assert list(first["think_ns"]) == [0, 1_000_000_000]
    assert "42-0-1" in set(requests["key"]), "the next attempt has a key of its own"


def test_nothing_listens(tmp_path):
    with open_shop(FakeShop()) as shop:
        pass
    plan = make_plan(shop, retries=0, **one_buyer(0.5))
    result = run_load(plan, tmp_path / "load")
    assert set(result.requests["error"]) == {"connect"}
    assert set(result.requests["endpoint"]) == {"register"}
    assert len(result.requests) == result.locust_requests


def test_a_redirect_is_not_followed(tmp_path):
    def first_buy_is_sent_away(route, headers, before):
        return "redirect" if route == "POST /orders" and before == 0 else None

    with open_shop(FakeShop(fault=first_buy_is_sent_away)) as shop:
        requests = run_load(make_plan(shop, **one_buyer()), tmp_path / "load").requests
    first = requests[requests["key"] == "42-0-0"]
    assert list(first["status"]) == [302]
    assert list(first["outcome"]) == ["rejected"]
    assert sum(shop.asked.values()) == len(requests)


def test_a_stage_that_the_spawn_rate_cannot_reach_shows_and_hides_no_other(tmp_path):
    """Known bad: Locust's own shape would skip the second stage and say nothing."""
    stages = (
        PlannedStage("too fast", 40, 1.0, 5.0),
        PlannedStage("down", 2, 1.0, 50.0),
        PlannedStage("stay", 2, 1.0, 50.0),
    )
    with open_shop(FakeShop()) as shop:
        clock = run_load(make_plan(shop, stages=stages), tmp_path / "load").clock
    ends = clock.set_index("t_s")
    assert ends.loc[1, "planned"] == 40
    assert ends.loc[1, "active"] <= 6
    assert ends.loc[2, "active"] == 2
    assert ends.loc[3, "active"] == 2


def test_sync_shop_tells_the_outcome_at_once(tmp_path):
    with open_shop(FakeShop(acknowledges="outcome", stock=3)) as shop:
        requests = run_load(make_plan(shop, **one_buyer(2.0)), tmp_path / "load").requests
    buys = requests[requests["endpoint"] == "buy"].set_index("key")
    assert buys.loc["42-0-0", ["status", "outcome", "order_status"]].to_list() == [
        201, "confirmed", "confirmed"
    ]  # fmt: skip
    assert buys.loc["42-0-1", ["status", "outcome", "order_status"]].to_list() == [
        402, "declined", "declined"
    ]  # fmt: skip
    assert set(buys["outcome"].iloc[3:]) == {"sold_out"}
    assert len(buys) > 4, "who is told sold out thinks and tries again"
    assert "status" not in set(requests["endpoint"])


def test_a_broken_stream_is_taken_up_where_it_broke(tmp_path):
    with open_shop(FakeShop(break_streams=1, payment_s=0.5)) as shop:
        plan = make_plan(shop, buyer="watching", **one_buyer(0.3))
        requests = run_load(plan, tmp_path / "load").requests
    streams = requests[requests["order_id"].eq("order-0") & requests["endpoint"].eq("events")]
    assert list(streams["outcome"]) == ["indeterminate", "ok"]
    assert list(streams["error"]) == ["broken", ""]
    assert list(streams["try"]) == [0, 1]
    assert list(streams["version"]) == [2, 3]
    assert list(streams["order_status"]) == ["awaiting_payment", "confirmed"]
    assert shop.last_event_ids[:2] == ["", "2"]
    assert streams["think_ns"].iloc[1] == 50_000_000, "as the stream's retry field asks"


@pytest.mark.parametrize(("fault", "streams"), [("503", 4), ("404", 1)])
def test_streams_that_do_not_work_are_replaced_by_one_poll(tmp_path, fault, streams):
    def streams_are_down(route, headers, before):
        return fault if route == "GET /orders/{id}/events" else None

    with open_shop(FakeShop(fault=streams_are_down, payment_s=0.05)) as shop:
        plan = make_plan(shop, buyer="watching", **one_buyer(0.3))
        requests = run_load(plan, tmp_path / "load").requests
    own = requests[requests["order_id"] == "order-0"]
    assert list(own["endpoint"]) == ["buy", *["events"] * streams, "status"]
    assert own["version"].iloc[-1] >= 2, "whatever it is by then: nobody asks a second time"


def test_a_leaving_buyer_watches_its_order_to_the_end(tmp_path):
    with open_shop(FakeShop(payment_s=1.5)) as shop:
        result = run_load(make_plan(shop, **one_buyer(0.5)), tmp_path / "load")
    assert result.buyers["asked_ns"].iloc[0] < result.buyers["left_ns"].iloc[0] - 500_000_000
    assert result.requests["order_status"].iloc[-1] in ("confirmed", "declined")
    assert result.requests["stage"].iloc[-1] == 3, "one more than there are stages"
