"""Buying, in every approach: one order per key, no unit sold twice, and every order ends."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.shops import NO_ORDER, assert_problem, eventually


def rest(shop, product_id):
    return shop.sql("SELECT reserved, sold FROM products WHERE id = %s", product_id)[0]


def test_a_purchase_is_acknowledged_and_confirmed(shop, buyer):
    product_id = shop.offer(3)
    answer = buyer.buy(product_id, buyer.key(), quantity=2)
    assert answer.status_code == (201 if shop.acknowledges == "outcome" else 202), answer.text
    order = answer.json()
    assert answer.headers["location"] == f"/orders/{order['order_id']}"
    assert "idempotent-replayed" not in answer.headers
    assert shop.outcome(buyer, answer) == "confirmed"

    seen = buyer.get(order["links"]["self"])
    assert seen.status_code == 200
    expected = {
        "order_id": order["order_id"],
        "status": "confirmed",
        "version": 3,
        "product_id": product_id,
        "quantity": 2,
        "amount_cents": 8400,
        "links": {
            "self": f"/orders/{order['order_id']}",
            "events": f"/orders/{order['order_id']}/events",
        },
    }
    assert {name: seen.json()[name] for name in expected} == expected
    assert seen.json()["accepted_at"] <= seen.json()["settled_at"]
    assert shop.stock(product_id) == 1
    eventually(lambda: rest(shop, product_id) == (0, 2), "two units sold in the ledger")


def test_a_declined_payment_gives_the_stock_back(shop, buyer):
    product_id = shop.offer(1)
    answer = buyer.buy(product_id, buyer.key("declined"))
    assert shop.outcome(buyer, answer) == "declined"
    if shop.acknowledges == "outcome":
        assert_problem(answer, 402, "payment_declined")
        assert answer.json()["order_id"]
    eventually(lambda: shop.stock(product_id) == 1, "the unit back on sale")
    assert shop.outcome(buyer, buyer.buy(product_id, buyer.key())) == "confirmed"
    eventually(lambda: rest(shop, product_id) == (0, 1), "one unit sold in the ledger")


@pytest.mark.parametrize("outcome", ["approved", "declined"])
def test_a_replay_is_answered_like_the_first_time(shop, buyer, outcome):
    product_id = shop.offer(5)
    key = buyer.key(outcome)
    first = buyer.buy(product_id, key)
    ended = shop.outcome(buyer, first)
    again = buyer.buy(product_id, key)
    assert again.status_code == first.status_code
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["order_id"] == first.json()["order_id"]
    if shop.acknowledges == "outcome":
        assert again.content == first.content
    assert shop.stock(product_id) == (4 if ended == "confirmed" else 5)


def test_a_key_belongs_to_one_purchase(shop, buyer):
    product_id, other = shop.offer(5), shop.offer(5)
    key = buyer.key()
    shop.outcome(buyer, buyer.buy(product_id, key))
    assert_problem(buyer.buy(product_id, key, quantity=2), 422, "key_reused")
    assert_problem(buyer.buy(other, key), 422, "key_reused")
    assert shop.stock(other) == 5


def test_a_key_belongs_to_one_buyer(shop, buyer):
    product_id = shop.offer(5)
    key = buyer.key()
    somebody_else = shop.buyer()
    first, second = buyer.buy(product_id, key), somebody_else.buy(product_id, key)
    assert first.json()["order_id"] != second.json()["order_id"]
    assert "idempotent-replayed" not in second.headers


def test_a_key_used_at_once_makes_one_order(shop, buyer):
    product_id = shop.offer(20)
    key = buyer.key()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: buyer.buy(product_id, key), range(12)))
    assert {answer.status_code for answer in answers} <= {201, 202, 425}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    first = answers[0].json()["order_id"]
    assert shop.wait(buyer, first) == "confirmed"
    assert shop.stock(product_id) == 19
    rows = shop.sql("SELECT count(*) FROM orders WHERE idempotency_key = %s", key)
    assert rows == [(1,)]


def test_no_unit_is_sold_twice(shop):
    product_id = shop.offer(5)
    buyers = [shop.buyer() for _ in range(8)]
    with ThreadPoolExecutor(24) as pool:
        work = [(one, one.key()) for one in buyers for _ in range(3)]
        answers = list(pool.map(lambda pair: pair[0].buy(product_id, pair[1]), work))
    accepted = [
        (one, answer)
        for (one, _), answer in zip(work, answers, strict=True)
        if answer.status_code in (201, 202)
    ]
    refused = [answer for answer in answers if answer.status_code not in (201, 202)]
    assert len(accepted) == 5
    for answer in refused:
        assert_problem(answer, 409, "sold_out")
    assert all(shop.outcome(one, answer) == "confirmed" for one, answer in accepted)
    assert shop.stock(product_id) == 0
    eventually(lambda: rest(shop, product_id) == (0, 5), "five units sold in the ledger")


def test_more_than_is_left_is_not_sold(shop, buyer):
    product_id = shop.offer(3)
    assert_problem(buyer.buy(product_id, buyer.key(), quantity=4), 409, "sold_out")
    assert shop.stock(product_id) == 3


def test_the_limit_per_buyer_holds(shop, buyer):
    product_id = shop.offer(50, per_user_limit=2)
    assert_problem(buyer.buy(product_id, buyer.key(), quantity=3), 409, "limit_reached")
    assert shop.outcome(buyer, buyer.buy(product_id, buyer.key())) == "confirmed"
    assert shop.outcome(buyer, buyer.buy(product_id, buyer.key("declined"))) == "declined"
    # a declined order gives its place back
    eventually(lambda: shop.stock(product_id) == 49, "the declined unit back on sale")
    with ThreadPoolExecutor(6) as pool:
        keys = [buyer.key() for _ in range(6)]
        answers = list(pool.map(lambda key: buyer.buy(product_id, key), keys))
    accepted = [answer for answer in answers if answer.status_code in (201, 202)]
    assert len(accepted) == 1
    for answer in answers:
        if answer not in accepted:
            assert_problem(answer, 409, "limit_reached")
    assert shop.stock(product_id) == 48


@pytest.mark.parametrize("key", [None, "", "x" * 201, "caf\u00e9", "tab\tinside"])
def test_a_purchase_needs_a_well_formed_key(shop, buyer, key):
    product_id = 1
    headers = [(b"Authorization", f"Bearer {buyer.token}".encode())]
    if key is not None:
        headers.append((b"Idempotency-Key", key.encode("latin-1")))
    answer = shop.http.post("/orders", json={"product_id": product_id}, headers=headers)
    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("second", ["the same", "another"])
def test_a_purchase_has_one_key(shop, buyer, second):
    product_id = shop.offer(2)
    key = buyer.key()
    headers = [
        *buyer.headers.items(),
        ("Idempotency-Key", key),
        ("Idempotency-Key", key if second == "the same" else buyer.key()),
    ]
    answer = shop.http.post("/orders", json={"product_id": product_id}, headers=headers)
    assert_problem(answer, 400, "invalid_request")
    assert shop.stock(product_id) == 2


def test_a_key_may_hold_a_comma(shop, buyer):
    product_id = shop.offer(2)
    first = buyer.buy(product_id, "one, two")
    assert buyer.buy(product_id, "one, two").json()["order_id"] == first.json()["order_id"]
    assert shop.wait(buyer, first.json()["order_id"]) in ("confirmed", "declined")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"{}",
        b'{"product_id": null}',
        b'{"product_id": true}',
        b'{"product_id": "1"}',
        b'{"product_id": 1.5}',
        b'{"product_id": 0}',
        b'{"product_id": 2147483648}',
        b'{"product_id": 1' + b"0" * 5000 + b"}",
        b'{"product_id": NaN}',
        b'{"product_id": 1, "quantity": 0}',
        b'{"product_id": 1, "quantity": 11}',
        b'{"product_id": 1, "quantity": -1}',
        b'{"product_id": 1, "quantity": "2"}',
        b'{"product_id": 1, "quantity": null}',
        b'{"product_id": 1, "quantity": 1e400}',
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_a_malformed_purchase_is_refused(shop, buyer, body):
    headers = {**buyer.headers, "Idempotency-Key": buyer.key(), "Content-Type": "application/json"}
    answer = shop.http.post("/orders", content=body, headers=headers)
    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("path", ["/orders", "/auth/register", "/auth/login"])
def test_a_body_has_a_limit(shop, buyer, path):
    body = json.dumps({"product_id": 1, "note": "x" * 20_000}).encode()
    headers = {**buyer.headers, "Idempotency-Key": buyer.key(), "Content-Type": "application/json"}
    answer = shop.http.post(path, content=body, headers=headers)
    assert_problem(answer, 413, "too_large")


def test_an_unknown_product_is_not_sold(shop, buyer):
    assert_problem(buyer.buy(999_999, buyer.key()), 404, "not_found")


@pytest.mark.parametrize("product", ["999999", "0", "-1", "x", "1.0", "99999999999999999999"])
def test_an_unknown_product_is_not_shown(shop, product):
    assert_problem(shop.http.get(f"/products/{product}"), 404, "not_found")


def test_an_order_is_shown_to_its_buyer_only(shop, buyer):
    product_id = shop.offer(5)
    order_id = buyer.buy(product_id, buyer.key()).json()["order_id"]
    somebody_else = shop.buyer()
    for path in (f"/orders/{order_id}", f"/orders/{order_id}/events"):
        assert_problem(somebody_else.get(path), 404, "not_found")
    assert buyer.get(f"/orders/{order_id.upper()}").status_code == 200


@pytest.mark.parametrize("order_id", [NO_ORDER, "x", "0" * 32, "{}"])
def test_an_unknown_order_is_not_shown(shop, buyer, order_id):
    assert_problem(buyer.get(f"/orders/{order_id}"), 404, "not_found")
    assert_problem(buyer.get(f"/orders/{order_id}/events"), 404, "not_found")


def test_an_address_with_a_nul_is_refused(shop, buyer):
    # a server in front of the shop may already call it malformed
    for path in ("/orders/%00", "/orders/%00/events"):
        answer = buyer.get(path)
        problems = {404: "not_found", 400: "invalid_request"}
        assert answer.status_code in problems
        assert_problem(answer, answer.status_code, problems[answer.status_code])


def test_history_and_stock_add_up_in_the_ledger(shop, buyer):
    product_id = shop.offer(5)
    for outcome in ("approved", "declined"):
        shop.outcome(buyer, buyer.buy(product_id, buyer.key(outcome)))

    def history(final):
        return shop.sql(
            "SELECT array_agg(e.version ORDER BY e.version), array_agg(e.status ORDER BY e.version)"
            " FROM orders o JOIN order_events e ON e.order_id = o.id"
            " WHERE o.product_id = %s AND o.status = %s GROUP BY o.id",
            product_id,
            final,
        )

    for final in ("confirmed", "declined"):
        eventually(lambda final=final: history(final), f"an order {final} in the ledger")
        assert history(final) == [([1, 2, 3], ["accepted", "awaiting_payment", final])]
    moves = shop.sql(
        "SELECT kind, count(*) FROM stock_moves m JOIN orders o ON o.id = m.order_id"
        " WHERE product_id = %s GROUP BY kind ORDER BY kind",
        product_id,
    )
    assert moves == [("release", 1), ("reserve", 2), ("sell", 1)]
    assert rest(shop, product_id) == (0, 1)
