"""What an answer means for the buyer: the outcomes of the request log.

A request that got no answer, or one that leaves open whether it was carried out, is *indeterminate*
and never "failed": Jepsen's `:info`. Only such a request is tried again, under the same key.
"""

from typing import Any

OK = "ok"
ACCEPTED = "accepted"
CONFIRMED = "confirmed"
DECLINED = "declined"
SOLD_OUT = "sold_out"
LIMITED = "limited"
REJECTED = "rejected"
INDETERMINATE = "indeterminate"

CANCELLED = "cancelled"

TERMINAL = frozenset({CONFIRMED, DECLINED, CANCELLED})
"""Statuses after which an order does not change."""

UNANSWERED = 0
TRY_AGAIN = frozenset({408, 425, 429})
"""Refusals for now: of the request, not of the purchase, which an earlier try may have made."""

_PURCHASE = {201: CONFIRMED, 202: ACCEPTED, 402: DECLINED}
_CONFLICT = {"sold_out": SOLD_OUT, "limit_reached": LIMITED}


def outcome_of(endpoint: str, status: int, body: dict[str, Any]) -> str:
    """Return the outcome of one answered or unanswered (status 0) request."""
    if status == UNANSWERED or status >= 500 or status in TRY_AGAIN:
        return INDETERMINATE
    if endpoint != "buy":
        return OK if 200 <= status < 300 else REJECTED
    if status == 409:
        return _CONFLICT.get(str(body.get("code", "")), REJECTED)
    outcome = _PURCHASE.get(status)
    if outcome == ACCEPTED and not body.get("order_id"):
        return INDETERMINATE
    if outcome is None and 200 <= status < 300:
        return INDETERMINATE
    return outcome or REJECTED


def order_in(body: dict[str, Any], outcome: str) -> tuple[str, str, int]:
    """Return order id, order status and version in the body of an answer, as far as they are there.

    In a problem body `status` is the HTTP status; the order's status is `order_status` there.
    """
    order_id = body.get("order_id")
    if not isinstance(order_id, str):
        return "", "", 0
    status = body.get("order_status", body.get("status"))
    if not isinstance(status, str):
        status = outcome if outcome in TERMINAL else ""
    version = body.get("version", 0)
    return order_id, status, version if isinstance(version, int) else 0
