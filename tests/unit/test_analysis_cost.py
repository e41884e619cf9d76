"""Costs by hand: small bills, round numbers of orders, and a price table that is wrong."""

import pytest

from harness.analysis import cost as costs
from harness.analysis.payback import Costed, Interval, compare
from harness.analysis.prices import DEFAULT, Prices, load_prices
from harness.analysis.run_facts import RunFacts
from harness.errors import UsageError
from tests.support.histories import make_run

PRICES = load_prices()
TEXT = DEFAULT.read_text(encoding="utf-8")


class Sold:
    """A run of which nothing but its confirmed orders is asked."""

    def __init__(self, orders):
        self.confirmed = range(orders)


def costed(name, *orders, counts=None):
    counts = counts or [True] * len(orders)
    return Costed(name, name, [Sold(n) for n in orders], counts, list(range(1, len(orders) + 1)))


def figures(sync, queue, prices=PRICES):
    return compare(costed("sync", *sync), costed("queue", *queue), prices, 1000.0)["figures"]


def other_prices(tmp_path, old, new) -> Prices:
    assert old in TEXT
    path = tmp_path / "prices.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    return load_prices(path)


def test_the_default_prices_are_the_published_ones():
    assert PRICES.usd_per_month("sync") == 30 + 15 + 12 == 57
    assert PRICES.usd_per_month("queue") == 73 + 240 + 30 + 24 + 20 == 387
    assert PRICES.usd_per_month("stream") is None
    assert PRICES.sales_per_month == 1


def test_break_even_is_the_difference_of_bills_by_what_more_orders_bring():
    found = figures((400, 400, 400), (1000, 1000, 1000))
    assert found["extra_bill"]["value"] == 330
    assert found["extra_orders"]["value"] == 600
    assert found["extra_revenue"]["value"] == 600_000
    assert found["orders_to_pay"]["value"] == pytest.approx(0.33)
    assert found["sales_to_pay"]["value"] == pytest.approx(330 / 600_000)
    assert found["revenue_to_pay"]["value"] == pytest.approx(0.55)
    assert found["roi"]["value"] == pytest.approx(100 * (600_000 - 330) / 330)
    assert found["cost_per_order_factor"]["value"] == pytest.approx(387 / 57 / 2.5)


def test_the_return_of_the_published_orders_is_not_quite_the_published_one():
    found = compare(costed("sync", 312), costed("queue", 999), PRICES, 999.99)["figures"]
    assert found["roi"]["value"] == pytest.approx(208_080, abs=1)


def test_intervals_are_paired_by_block():
    found = figures((400, 500), (1000, 1110))
    assert found["extra_orders"]["value"] == 605
    assert found["extra_orders"]["low"] < 600
    assert found["extra_orders"]["high"] > 610
    assert found["revenue_to_pay"]["low"] == pytest.approx(330 / found["extra_orders"]["high"])


def test_runs_that_do_not_count_do_not_cost():
    one = costed("sync", 400, 0, counts=[True, False])
    pair = compare(one, costed("queue", 1000, 1000), PRICES, 1000.0)
    assert pair["figures"]["extra_orders"]["value"] == 600
    assert pair["figures"]["extra_orders"]["low"] is None
    assert pair["figures"]["extra_orders"]["warnings"] == ("one block: no interval",)


def test_what_sells_no_more_never_pays_for_itself():
    found = figures((500, 500), (500, 500))
    for figure in ("sales_to_pay", "revenue_to_pay"):
        assert found[figure]["value"] is None
        assert found[figure]["warnings"] == ("it does not confirm more orders",)
    assert found["roi"]["value"] == -100


def test_an_interval_that_reaches_no_more_orders_has_no_upper_end():
    found = figures((400, 600), (700, 610))["revenue_to_pay"]
    assert found["value"] == pytest.approx(330 / 155)
    assert found["high"] is None
    assert "no upper end" in found["warnings"][0]


def test_an_approach_without_a_bill_has_no_costs():
    found = compare(costed("sync", 400), costed("stream", 1000), PRICES, 1000.0)["figures"]
    assert {one["value"] for one in found.values()} == {None}
    assert found["roi"]["warnings"] == ("the price table has no bill for it",)


def test_the_cheaper_one_is_that_with_the_smaller_bill():
    pair = compare(costed("queue", 1000), costed("sync", 400), PRICES, 1000.0)
    assert (pair["cheaper"], pair["dearer"]) == ("sync", "queue")
    assert pair["figures"]["extra_orders"]["value"] == 600


def test_more_sales_in_a_month_share_a_bill(tmp_path):
    often = other_prices(tmp_path, "sales_per_month = 1 ", "sales_per_month = 10 ")
    assert figures((400,), (1000,), often)["revenue_to_pay"]["value"] == pytest.approx(0.055)
    factor = figures((400,), (1000,), often)["cost_per_order_factor"]["value"]
    assert factor == figures((400,), (1000,))["cost_per_order_factor"]["value"]


def test_a_span_divides_and_scales_with_its_interval():
    span = Interval(2.0, 1.0, 4.0)
    assert span.into(8.0) == Interval(4.0, 2.0, 8.0)
    assert span.times(3.0).less(1.0) == Interval(5.0, 2.0, 11.0)
    assert Interval(0.0, -1.0, 1.0).into(8.0) is None


@pytest.fixture(scope="module")
def run():
    return RunFacts(make_run("queue", users=20, stock=20, seconds=12))


def test_costs_of_a_run_by_hand(run):
    found = costs.cost([Costed("queue", "queue", [run], [True], [1])], PRICES)["variants"]["queue"]
    orders, seconds = len(run.confirmed), run.end_s
    assert orders > 0
    assert found["bill"]["value"] == found["bill"]["low"] == found["bill"]["high"] == 387
    assert found["provisioned_month"]["value"] == pytest.approx(1000 * 387 / orders)
    in_sale = 1000 * 387 * seconds / 3600 / 730 / orders
    assert found["provisioned_sale"]["value"] == pytest.approx(in_sale)
    assert found["revenue"]["value"] == pytest.approx(999.99 * orders)
    cpu_s = sum(run.cpu_s(name, 0, seconds) for name in run.approach_services)
    held = run.telemetry("memory_bytes").loc[0 : seconds + 1, run.approach_services]
    gb_s = held.sum(axis=1).mean() / 1e9 * seconds
    used = 1000 * (cpu_s * 0.04048 + gb_s * 0.004445) / 3600 / orders
    assert found["used"]["value"] == pytest.approx(used)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("hours_per_month = 730", "hours_per_month = 0", "hours_per_month"),
        ("vcpu_hour = 0.04048", 'vcpu_hour = "cheap"', r"used\.vcpu_hour"),
        ("gb_hour", "gigabyte_hour", "gigabyte_hour"),
        ('as_of = "March 2026"', "", r"used\.as_of"),
        ("usd_per_month = 73", "usd_per_month = -1", "usd_per_month"),
        ("[used]", "[used", "not valid TOML"),
    ],
)
def test_a_wrong_price_table_is_named(tmp_path, old, new, named):
    with pytest.raises(UsageError, match=named) as refused:
        other_prices(tmp_path, old, new)
    assert "prices.toml" in refused.value.message


def test_a_price_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml") as refused:
        load_prices(tmp_path / "none.toml")
    assert "prices.toml" in refused.value.hint
