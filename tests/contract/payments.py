"""A payment provider on a bad day: outcome unknown, stock held, and in the end it is told."""

import json

import pytest

from tests.contract.shops import assert_problem, eventually


@pytest.fixture
def fault(shop):
    def begin(kind):
        assert shop.gateway.put("/faults", json={"kind": kind, "for_s": 60}).status_code == 204

    yield begin
    shop.gateway.delete("/faults")


@pytest.mark.parametrize("kind", ["unavailable", "hang"])
@pytest.mark.parametrize("outcome", ["approved", "declined"])
def test_an_order_outlives_the_providers_bad_day(shop, buyer, fault, kind, outcome):
    product_id = shop.offer(2)
    fault(kind)
    key = buyer.key(outcome)
    first = buyer.buy(product_id, key)
    order_id = first.json()["order_id"]
    if shop.acknowledges == "outcome":
        assert_problem(first, 503, "payment_unknown")
        assert int(first.headers["retry-after"]) >= 1
        assert_problem(buyer.buy(product_id, key), 503, "payment_unknown")
    eventually(
        lambda: buyer.get(f"/orders/{order_id}").json()["status"] == "unknown", "status unknown"
    )
    assert shop.stock(product_id) == 1  # held, not given back

    shop.gateway.delete("/faults")
    expected = "confirmed" if outcome == "approved" else "declined"
    assert shop.wait(buyer, order_id) == expected
    replay = buyer.buy(product_id, key)
    assert replay.headers["idempotent-replayed"] == "true"
    assert shop.outcome(buyer, replay) == expected
    assert buyer.get(f"/orders/{order_id}").json()["version"] == 4
    eventually(
        lambda: shop.stock(product_id) == (1 if outcome == "approved" else 2), "the stock settled"
    )
    charges = [line for line in shop.gateway.get("/charges").text.splitlines() if order_id in line]
    assert len(charges) == 1


def test_the_provider_is_asked_once_per_order_and_for_the_right_amount(shop, buyer):
    product_id = shop.offer(5)
    key = buyer.key()
    order_id = buyer.buy(product_id, key, quantity=3).json()["order_id"]
    shop.wait(buyer, order_id)
    charges = [
        charge
        for charge in map(json.loads, shop.gateway.get("/charges").text.splitlines())
        if charge["order_id"] == order_id
    ]
    assert len(charges) == 1
    assert charges[0]["key"] == order_id
    assert charges[0]["reference"] == key
    assert charges[0]["amount_cents"] == 3 * 4200
    paid = shop.sql("SELECT charge_id, outcome FROM payments WHERE order_id = %s", order_id)
    assert paid == [(charges[0]["charge_id"], "approved")]
