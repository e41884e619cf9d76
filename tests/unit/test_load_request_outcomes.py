"""What an answer means for the buyer."""

import pytest

from harness.load.request_outcomes import order_in, outcome_of


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, {"order_id": "a"}, "confirmed"),
        (402, {"order_id": "a"}, "declined"),
        (202, {"order_id": "a"}, "accepted"),
        (202, {}, "indeterminate"),
        (200, {"order_id": "a"}, "indeterminate"),
        (409, {"code": "sold_out"}, "sold_out"),
        (409, {"code": "limit_reached"}, "limited"),
        (409, {}, "rejected"),
        (302, {}, "rejected"),
        (400, {}, "rejected"),
        (401, {}, "rejected"),
        (422, {"code": "key_reused"}, "rejected"),
        (0, {}, "indeterminate"),
        (408, {}, "indeterminate"),
        (425, {}, "indeterminate"),
        (429, {}, "indeterminate"),
        (500, {}, "indeterminate"),
        (503, {}, "indeterminate"),
        (504, {}, "indeterminate"),
    ],
)
def test_outcome_of_a_purchase(status, body, outcome):
    assert outcome_of("buy", status, body) == outcome


@pytest.mark.parametrize("endpoint", ["register", "login", "product", "status", "events"])
def test_outcome_of_other_requests(endpoint):
    assert outcome_of(endpoint, 200, {}) == "ok"
    assert outcome_of(endpoint, 404, {}) == "rejected"
    assert outcome_of(endpoint, 409, {"code": "sold_out"}) == "rejected"
    assert outcome_of(endpoint, 503, {}) == "indeterminate"
    assert outcome_of(endpoint, 0, {}) == "indeterminate"


@pytest.mark.parametrize(
    ("body", "outcome", "order"),
    [
        ({"order_id": "a", "status": "accepted", "version": 1}, "accepted", ("a", "accepted", 1)),
        ({"order_id": "a", "status": 402, "order_status": "declined", "version": 3}, "declined",
         ("a", "declined", 3)),
        ({"order_id": "a", "status": 402}, "declined", ("a", "declined", 0)),
        ({"order_id": "a", "status": 503}, "indeterminate", ("a", "", 0)),
        ({"order_id": "a", "status": "accepted", "version": "1"}, "ok", ("a", "accepted", 0)),
        ({"order_id": 7, "status": "accepted"}, "ok", ("", "", 0)),
        ({}, "sold_out", ("", "", 0)),
    ],
)  # fmt: skip
def test_order_in_an_answer(body, outcome, order):
    assert order_in(body, outcome) == order
