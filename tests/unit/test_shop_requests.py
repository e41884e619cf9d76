"""What buyers may send, what they get back: bodies, keys, ids, problems, views."""

import json
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from approaches.queue.order import Order
from approaches.shop import orders
from approaches.shop.accounts import read_credentials, read_registration
from approaches.shop.bodies import MAX_BODY_BYTES, encode_json, read_object
from approaches.shop.catalogue import Product, product_view, read_product_id
from approaches.shop.contract import openapi
from approaches.shop.ids import canonical_order_id, new_order_id
from approaches.shop.orders import (
    TERMINAL,
    TRANSITIONS,
    Purchase,
    Status,
    declined_problem,
    event_frame,
    order_view,
    read_idempotency_key,
    read_purchase,
    timestamp,
)
from approaches.shop.problems import Code, Problem, problem_for_status


def refusal(call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    return caught.value


def test_order_ids_are_uuids_of_version_7_that_sort_by_time():
    before_ms = time.time_ns() // 1_000_000
    first = uuid.UUID(new_order_id())
    after_ms = time.time_ns() // 1_000_000
    assert first.version == 7
    assert first.variant == uuid.RFC_4122
    assert before_ms <= first.int >> 80 <= after_ms
    assert len({new_order_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["", "x", "0" * 32, "{" + "0" * 34 + "}", "g" * 36, "-" * 36])
def test_what_is_no_order_id_has_no_canonical_form(text):
    assert canonical_order_id(text) is None


def test_an_order_id_in_capitals_is_the_same_order():
    order_id = new_order_id()
    assert canonical_order_id(order_id.upper()) == order_id


@pytest.mark.parametrize(
    "text", ["urn:uuid:" + "0" * 27, "0" * 36, "{" + "0" * 32 + "}--", "0" * 32 + "----"]
)
def test_the_short_way_to_a_canonical_order_id_changes_no_answer(text):
    try:
        expected = str(uuid.UUID(text))
    except ValueError:
        expected = None
    assert canonical_order_id(text) == expected


_NUMBERS = st.one_of(
    st.integers(-1, 12),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31 - 1, 2**31, 1.0, 2.5, True, False, None, "1", [], {}]),
)
_BODIES = st.one_of(
    st.builds(
        lambda members, text: text(json.dumps(members)),
        st.dictionaries(st.sampled_from(["product_id", "quantity", "note"]), _NUMBERS),
        st.sampled_from(
            [
                str.encode,
                lambda text: text.encode("utf-16"),
                lambda text: text.encode("utf-8-sig"),
                lambda text: b" \n" + text.encode() + b"\t\r",
                lambda text: text.encode()[:-1],
                lambda text: text.encode() + b"}",
                lambda text: text.encode() + b"\x00",
                lambda text: text.replace("product_id", "product\\u005fid").encode(),
                lambda text: b'{"product_id":3,' + text.encode()[1:],
                lambda text: text.encode()[:-1] + b',"n":"\xff"}',
                lambda text: text.encode() + b" " * MAX_BODY_BYTES,
            ]
        ),
    ),
    st.binary(max_size=40),
)


def read(body):
    """Return what a body is, or the words in which it is refused."""
    try:
        return read_purchase(body)
    except Problem as problem:
        return problem.body()


class Refuses:
    """A decoder that takes nothing, so that the parser behind it decides."""

    def decode(self, _):
        raise msgspec.DecodeError


@given(body=_BODIES)
def test_the_short_way_to_read_a_purchase_changes_no_answer(body):
    found = read(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "_PURCHASE", Refuses())
        assert read(body) == found


@given(
    status=st.sampled_from(Status),
    version=st.integers(1, 9),
    amount=st.integers(0, 2**50),
    accepted_us=st.integers(0, 2**52),
    settled_us=st.none() | st.integers(0, 2**52),
)
def test_an_order_is_written_as_its_view_is(status, version, amount, accepted_us, settled_us):
    numbers = (1, "k", 7, 2, amount, status, version, accepted_us, settled_us)
    order = Order(new_order_id(), *numbers)
    view = order_view(
        order_id=order.id,
        status=str(status),
        version=version,
        product_id=7,
        quantity=2,
        amount_cents=amount,
        accepted_at_s=accepted_us / 1e6,
        settled_at_s=None if settled_us is None else settled_us / 1e6,
    )
    assert order.json() == encode_json(view)


@given(st.integers(0, 2**52))
def test_times_are_cut_to_milliseconds(us):
    text = datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="milliseconds")
    assert timestamp(us / 1e6) == text.removesuffix("+00:00") + "Z"


def test_a_purchase_is_one_unit_unless_it_says_more():
    assert read_purchase(b'{"product_id": 7}') == Purchase(7, 1)
    assert read_purchase(b'{"product_id": 7.0, "quantity": 10, "note": "x"}') == Purchase(7, 10)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"{}",
        b'{"product_id": true}',
        b'{"product_id": "1"}',
        b'{"product_id": 0}',
        b'{"product_id": 2147483648}',
        b'{"product_id": NaN}',
        b'{"product_id": Infinity}',
        b'{"product_id": 1, "quantity": 11}',
        b'{"product_id": 1, "quantity": null}',
        b'{"product_id": 1' + b"0" * 5000 + b"}",
        b"[" * 10_000,
    ],
)
def test_a_malformed_purchase_is_refused(body):
    assert refusal(read_purchase, body).code is Code.INVALID_REQUEST


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with suppress(Problem):
        assert 1 <= read_purchase(body).quantity <= 10


def test_a_body_has_a_limit():
    body = b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}'
    assert refusal(read_object, body).status == 413


@pytest.mark.parametrize("key", ["x", "42-17-3", "x" * 200, "with space"])
def test_a_key_is_printable_text(key):
    assert read_idempotency_key([key]) == key


@pytest.mark.parametrize("key", ["", "x" * 201, "caf\u00e9", "a\tb", "a\nb", "\x00"])
def test_a_malformed_key_is_refused(key):
    assert refusal(read_idempotency_key, [key]).status == 400


@pytest.mark.parametrize("keys", [[], ["x", "y"], ["x", "x"]])
def test_a_purchase_has_exactly_one_key(keys):
    assert refusal(read_idempotency_key, keys).status == 400


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (404, 404, "not_found"),
        (405, 405, "method_not_allowed"),
        (408, 408, "invalid_request"),
        (414, 414, "too_large"),
        (431, 431, "too_large"),
        (501, 501, "invalid_request"),
        (500, 500, "internal"),
        (599, 500, "internal"),
    ],
)
def test_what_a_server_refuses_keeps_its_status(status, answered, code):
    problem = problem_for_status(status)
    assert (problem.status, problem.body()["status"], problem.code) == (answered, answered, code)


def test_an_address_is_kept_in_lower_case():
    body = json.dumps({"email": "A@B.org", "password": "long enough", "name": "A"}).encode()
    assert read_registration(body).email == "a@b.org"
    assert read_credentials(body).email == "a@b.org"


@pytest.mark.parametrize(
    "change", [{"email": "a"}, {"password": "short"}, {"name": "a\0b"}, {"name": "\ud800"}]
)
def test_an_account_that_cannot_be_stored_is_refused(change):
    account = {"email": "a@b.org", "password": "long enough", "name": "A", **change}
    assert refusal(read_registration, json.dumps(account).encode()).status == 400


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.0", "2147483648", "9" * 30, "\u0661"])
def test_what_is_no_product_id_is_not_found(text):
    assert refusal(read_product_id, text).status == 404


def test_the_stock_on_show_is_what_nobody_holds():
    product = Product(1, "thing", 100, initial_stock=10, reserved=3, sold=2, per_user_limit=None)
    shown = {"id": 1, "name": "thing", "price_cents": 100, "stock": 5}
    assert product_view(product, product.stock) == shown


def test_terminal_states_have_no_way_out_and_every_other_has():
    assert set(TRANSITIONS) == set(Status)
    assert {status for status, ways in TRANSITIONS.items() if not ways} == TERMINAL


def test_an_order_is_shown_with_times_in_utc():
    view = order_view(
        order_id="o",
        status="confirmed",
        version=3,
        product_id=1,
        quantity=1,
        amount_cents=5,
        accepted_at_s=0.0015,
        settled_at_s=None,
    )
    assert view["accepted_at"] == "1970-01-01T00:00:00.001Z"
    assert view["settled_at"] is None
    assert view["links"] == {"self": "/orders/o", "events": "/orders/o/events"}
    assert timestamp(1_700_000_000) == "2023-11-14T22:13:20.000Z"


def test_an_event_is_a_frame_of_the_event_stream_format():
    assert event_frame(3, b"{}") == b"id: 3\nevent: status\ndata: {}\n\n"


@pytest.mark.parametrize("code", list(Code))
def test_every_problem_is_complete(code):
    problem = Problem(code)
    body = json.loads(problem.encoded())
    assert {"type", "title", "status", "detail", "code"} == set(body)
    assert body["status"] == problem.status
    assert problem.headers()["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in problem.headers()) == (problem.status in (425, 429, 502, 503))


def test_a_declined_order_is_named_in_its_problem():
    body = declined_problem("o").body()
    assert (body["status"], body["order_id"], body["order_status"]) == (402, "o", "declined")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, Code.NOT_FOUND),
        (405, Code.METHOD_NOT_ALLOWED),
        (413, Code.TOO_LARGE),
        (415, Code.INVALID_REQUEST),
        (502, Code.INTERNAL),
    ],
)
def test_a_framework_error_becomes_a_problem(status, code):
    assert problem_for_status(status).code is code


def test_the_contract_differs_only_in_when_it_acknowledges():
    outcome, acceptance = openapi("outcome"), openapi("acceptance")
    buying = [document["paths"]["/orders"].pop("post") for document in (outcome, acceptance)]
    assert [set(one["responses"]) & {"201", "202", "402"} for one in buying] == [
        {"201", "402"},
        {"202"},
    ]
    assert outcome["paths"] == acceptance["paths"]
    assert outcome["components"] == acceptance["components"]
