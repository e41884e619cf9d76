"""The event stream of an order, in every approach: versions rise, and the last one is terminal."""

import contextlib
import json

import pytest

from tests.contract.shops import assert_problem, eventually

MOST_STREAMS = 20
"""More streams than this no approach lets one buyer have (STREAMS_PER_BUYER)."""


def read_stream(buyer, order_id, headers=None, **parameters):
    """Read a stream to its end; return its events as (id, event, data)."""
    with buyer.http.stream(
        "GET",
        f"/orders/{order_id}/events",
        headers=buyer.headers if headers is None else headers,
        params=parameters,
        timeout=20,
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == "text/event-stream"
        text = "".join(answer.iter_text())
    events = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if "data" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return text, events


@pytest.mark.parametrize("outcome", ["approved", "declined"])
def test_a_stream_tells_the_outcome_and_closes(shop, buyer, outcome):
    product_id = shop.offer(2)
    order_id = buyer.buy(product_id, buyer.key(outcome)).json()["order_id"]
    text, events = read_stream(buyer, order_id)
    assert "retry: 1000" in text
    versions = [version for version, _, _ in events]
    assert versions == sorted(set(versions))
    assert {kind for _, kind, _ in events} == {"status"}
    for version, _, data in events:
        assert data["version"] == version
        assert data["order_id"] == order_id
    assert versions[-1] == 3
    assert events[-1][2] == buyer.get(f"/orders/{order_id}").json()
    assert events[-1][2]["status"] == ("confirmed" if outcome == "approved" else "declined")
    assert all(data["settled_at"] is None for _, _, data in events[:-1])


def test_a_buyer_who_comes_late_is_sent_every_version(shop, buyer):
    order_id = buyer.buy(shop.offer(1), buyer.key()).json()["order_id"]
    shop.wait(buyer, order_id)
    _, events = read_stream(buyer, order_id)
    versions = [(version, data["status"]) for version, _, data in events]
    assert versions == [(1, "accepted"), (2, "awaiting_payment"), (3, "confirmed")]


def test_a_buyer_has_only_so_many_streams_at_once(shop, buyer):
    other = shop.buyer()
    product_id = shop.offer(2)
    others = other.buy(product_id, other.key()).json()["order_id"]
    shop.gateway.put("/faults", json={"kind": "hang", "for_s": 60})
    try:
        order_id = buyer.buy(product_id, buyer.key()).json()["order_id"]
        with contextlib.ExitStack() as streams:

            def open_stream(who=buyer, order_id=order_id):
                path = f"/orders/{order_id}/events"
                return streams.enter_context(who.http.stream("GET", path, headers=who.headers))

            answers = [open_stream() for _ in range(MOST_STREAMS + 1)]
            refused = [one for one in answers if one.status_code != 200]
            assert refused
            for answer in refused:
                answer.read()
                assert_problem(answer, 429, "rate_limited")
                assert answer.headers["retry-after"]
            assert open_stream(other, others).status_code == 200
    finally:
        shop.gateway.delete("/faults")
    eventually(
        lambda: open_and_close(buyer, order_id) == 200, "a stream that closed is not counted"
    )
    shop.wait(buyer, order_id)


def open_and_close(buyer, order_id):
    path = f"/orders/{order_id}/events"
    with buyer.http.stream("GET", path, headers=buyer.headers) as answer:
        return answer.status_code


@pytest.mark.parametrize(
    ("seen", "missed"),
    [("0", [1, 2, 3]), ("1", [2, 3]), ("2", [3]), ("3", []), ("9", []), ("x", [1, 2, 3])],
)
def test_a_stream_goes_on_where_the_client_left(shop, buyer, seen, missed):
    order_id = buyer.buy(shop.offer(1), buyer.key()).json()["order_id"]
    shop.wait(buyer, order_id)
    _, rest = read_stream(buyer, order_id, {**buyer.headers, "Last-Event-ID": seen})
    assert [version for version, _, _ in rest] == missed
    course = ["accepted", "awaiting_payment", "confirmed"]
    assert [data["status"] for _, _, data in rest] == [course[version - 1] for version in missed]


def test_a_ticket_opens_the_streams_of_its_buyer_only(shop, buyer):
    order_id = buyer.buy(shop.offer(1), buyer.key()).json()["order_id"]
    ticket = shop.http.post("/auth/ticket", headers=buyer.headers).json()["ticket"]
    _, events = read_stream(buyer, order_id, {}, ticket=ticket)
    assert events[-1][2]["status"] == "confirmed"

    theirs = shop.http.post("/auth/ticket", headers=shop.buyer().headers).json()["ticket"]
    path = f"/orders/{order_id}/events"
    assert_problem(shop.http.get(path, params={"ticket": theirs}), 404, "not_found")
    assert_problem(shop.http.get(path, params={"ticket": "x.y.z"}), 401, "unauthorized")
    assert_problem(shop.http.get(path, params={"ticket": buyer.token}), 401, "unauthorized")
