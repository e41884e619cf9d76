"""Orders as every approach speaks of them: states, transitions, JSON view, requests.

    accepted → awaiting_payment → confirmed | declined
                                → unknown → confirmed | declined
    accepted → cancelled

`unknown`: the payment gateway gave no answer; the stock stays held until it does.
`cancelled`: the order was accepted, and the ledger refuses it for good (its account is gone, its
key holds another order); its units are back on sale. Only a shop that accepts before the ledger
knows of it can have such orders. Versions count the states that an order has been in, from 1,
without gaps, so a reader can distinguish an old answer from a new one.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import msgspec

from approaches.shop.bodies import MAX_BODY_BYTES, read_object
from approaches.shop.problems import Code, Problem

MAX_QUANTITY = 10
MAX_KEY_LENGTH = 200
MAX_PRODUCT_ID = 2**31 - 1


class Status(StrEnum):
    """States of an order, as the ledger, HTTP and events spell them."""

    ACCEPTED = "accepted"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.CONFIRMED, Status.DECLINED, Status.CANCELLED})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.ACCEPTED: frozenset({Status.AWAITING_PAYMENT, Status.CANCELLED}),
    Status.AWAITING_PAYMENT: frozenset({Status.CONFIRMED, Status.DECLINED, Status.UNKNOWN}),
    Status.UNKNOWN: frozenset({Status.CONFIRMED, Status.DECLINED}),
    Status.CONFIRMED: frozenset(),
    Status.DECLINED: frozenset(),
    Status.CANCELLED: frozenset(),
}


class Purchase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a buyer wants: units of one product."""

    product_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_PRODUCT_ID)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)] = 1


_PURCHASE = msgspec.json.Decoder(Purchase)


def read_purchase(body: bytes) -> Purchase:
    """Read the body of POST /orders.

    Raise Problem(invalid_request) naming the member that is wrong.
    """
    if len(body) <= MAX_BODY_BYTES:
        try:
            return _PURCHASE.decode(body)  # as nearly every client sends it
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # it is unusual, or wrong: what follows decides, and names what is wrong
    members = read_object(body)
    return Purchase(
        product_id=_whole_number(members, "product_id", None, MAX_PRODUCT_ID),
        quantity=_whole_number(members, "quantity", 1, MAX_QUANTITY),
    )


def read_idempotency_key(headers: Sequence[str]) -> str:
    """Return the idempotency key of a request, from all its headers of this name.

    Raise Problem(invalid_request) if absent, repeated or malformed.
    """
    if not headers:
        raise Problem(Code.INVALID_REQUEST, "the Idempotency-Key header is required")
    if len(headers) > 1:  # servers differ in which of them they would take
        raise Problem(Code.INVALID_REQUEST, "the Idempotency-Key header is sent more than once")
    header = headers[0]
    if not 1 <= len(header) <= MAX_KEY_LENGTH or not header.isascii() or not header.isprintable():
        raise Problem(
            Code.INVALID_REQUEST,
            f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters",
        )
    return header


def _whole_number(
    members: Mapping[str, object], name: str, default: int | None, highest: int
) -> int:
    value = members.get(name, default)
    # A bool is an int to Python, and 1.0 is an integer to JSON Schema.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest:
        raise Problem(Code.INVALID_REQUEST, f"{name} must be an integer from 1 to {highest}")
    return value


def order_view(
    *,
    order_id: str,
    status: str,
    version: int,
    product_id: int,
    quantity: int,
    amount_cents: int,
    accepted_at_s: float,
    settled_at_s: float | None,
) -> dict[str, object]:
    """Return the JSON view of an order; times are epoch seconds."""
    return {
        "order_id": order_id,
        "status": status,
        "version": version,
        "product_id": product_id,
        "quantity": quantity,
        "amount_cents": amount_cents,
        "accepted_at": timestamp(accepted_at_s),
        "settled_at": None if settled_at_s is None else timestamp(settled_at_s),
        "links": order_links(order_id),
    }


def order_links(order_id: str) -> dict[str, str]:
    """Return where an order and its events are."""
    return {"self": f"/orders/{order_id}", "events": f"/orders/{order_id}/events"}


def timestamp(epoch_s: float) -> str:
    """Format epoch seconds as RFC 3339 in UTC with milliseconds."""
    whole_s, us = divmod(round(epoch_s * 1e6), 1_000_000)
    return f"{_second(whole_s)}.{us // 1_000:03d}Z"


@lru_cache(256)
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()[:-6]


def declined_problem(order_id: str) -> Problem:
    """Return the 402 answer of an order whose payment was declined."""
    return Problem(
        Code.PAYMENT_DECLINED,
        "the payment was declined; the units went back on sale",
        order_id=order_id,
        order_status=str(Status.DECLINED),
    )


_COURSE = (Status.ACCEPTED, Status.AWAITING_PAYMENT, Status.UNKNOWN)


def history(status: Status, version: int, after: int = 0) -> list[tuple[int, Status]]:
    """Return the versions of an order above `after`, each with its status, oldest first.

    The states that an order has been in follow from the one that it is in: whoever has missed some
    is sent each of them, without a record of its own having been read.
    """
    statuses = (*_COURSE[: version - 1], status)
    return list(enumerate(statuses, start=1))[max(0, after) :]


def last_event_id(header: str | None) -> int:
    """Return the version in a Last-Event-ID header; 0, which is before all, if it has none."""
    text = header or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def event_frame(version: int, data: bytes) -> bytes:
    """Return one server-sent event: the order view as it was at `version`."""
    return b"id: %d\nevent: status\ndata: %b\n\n" % (version, data)


# What opens an event stream, and what keeps it open when there is nothing to send.
EVENT_STREAM_OPENING = b"retry: 1000\n\n"
EVENT_STREAM_HEARTBEAT = b": still here\n\n"
