"""Charging a payment: one policy, for clients of threads and of asyncio.

The idempotency key of a charge is the order's id, so asking again can never charge twice. A 5xx, a
429 or a timeout says nothing about whether the charge was made: it is retried under the same key,
then looked up by key, and if there is still no answer, the outcome is *unknown*. It is never
guessed: the caller holds the stock and asks again later. (Stripe's contract,
docs.stripe.com/api/idempotent_requests; the published system took a 503 for a decline.)

Each client has a circuit breaker: what does not count as an answer opens it, a charge waits while
it is open, within its own limit of time, and no order is failed because of it.

The policy is a generator that yields what to do next and is sent what came back, so it exists once
and is tested without a network. Those who do it: threaded_gateway.py, async_gateway.py.
"""

import json
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum

from approaches.shop.breaker import Breaker
from approaches.shop.metrics import Gauge

BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0
LOOK_UP_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 2.0

PROBE_SHARE = 0.75
"""A probe has at least this share of a charge's time left: as long as the slowest charge takes. A
shorter one would find a gateway that is well to be down."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode

BREAKER_OPEN = Gauge(
    "shop_payment_breaker_open",
    "1 while a process of this service holds its charges back, because the gateway does not answer",
    multiprocess_mode="livemax",
)


class Outcome(StrEnum):
    """How a charge ended, as far as the gateway has answered."""

    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charge:
    """What is charged; `reference` is the buyer's idempotency key."""

    order_id: str
    reference: str
    amount_cents: int

    def body(self) -> dict[str, object]:
        """Return the body of POST /charges."""
        return {
            "order_id": self.order_id,
            "reference": self.reference,
            "amount_cents": self.amount_cents,
        }


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """The gateway's answer; `charge_id` is empty if the outcome is unknown."""

    outcome: Outcome
    charge_id: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Next step: send this request and wait at most `timeout_s` seconds."""

    method: str
    path: str
    body: dict[str, object] | None
    key: str
    timeout_s: float

    def content(self) -> bytes:
        """Return the body as it is sent: JSON, or nothing."""
        return b"" if self.body is None else _to_json(self.body).encode()


@dataclass(frozen=True, slots=True)
class Pause:
    """Next step: wait `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; None for the status means nothing did."""

    status: int | None
    charge_id: str = ""
    outcome: str = ""


Policy = Generator[Ask | Pause, Reply | None, ChargeResult]


def charging(
    charge: Charge, timeout_s: float, clock: Callable[[], float], breaker: Breaker
) -> Policy:
    """Charge, retry, look up.

    Yield each step; no attempt starts `timeout_s` seconds after the first, and none while the
    breaker holds it back. Where it is this charge's turn to be the probe, and too late for it, it
    ends: its caller asks again, with all its time.
    """
    give_up_at = clock() + timeout_s
    needed_s = timeout_s * PROBE_SHARE
    pause_s = BACKOFF_S
    while (left_s := give_up_at - clock()) > 0:
        admitted = breaker.admit()
        if admitted is None:
            yield Pause(min(breaker.wait_s(), left_s))
            continue
        if breaker.is_open and left_s < needed_s:
            breaker.record(admitted, answered=None)
            break
        answered: bool | None = None
        try:
            reply = yield Ask("POST", "/charges", charge.body(), charge.order_id, left_s)
            if left_s >= needed_s or clock() < give_up_at:
                answered = _is_answer(reply)
        finally:  # a caller that gives up half-way may not keep the probe
            breaker.record(admitted, answered=answered)
        result = _result(reply)
        if result is not None:
            return result
        if reply is not None and reply.status == 422:
            break  # the key belongs to a charge with another body: retrying cannot help
        if clock() + pause_s >= give_up_at:
            break
        # Half of it random, so that the retries of a burst spread out.
        yield Pause(pause_s * (0.5 + random.random() / 2))  # noqa: S311
        pause_s = min(pause_s * 2, LONGEST_BACKOFF_S)
    if breaker.is_open:
        return ChargeResult(Outcome.UNKNOWN)
    # No evidence for the breaker: a gateway that cannot charge may well find what it has charged.
    reply = yield Ask(
        "GET", f"/charges/{charge.order_id}", None, charge.order_id, LOOK_UP_TIMEOUT_S
    )
    return _result(reply) or ChargeResult(Outcome.UNKNOWN)


def _is_answer(reply: Reply | None) -> bool:
    """Return True if the gateway works: a decline is an answer, and so is a refusal."""
    return (
        reply is not None
        and reply.status is not None
        and reply.status < 500
        and reply.status != 429
    )


def _result(reply: Reply | None) -> ChargeResult | None:
    if reply is None or reply.status not in (200, 402) or not reply.charge_id:
        return None
    if reply.outcome not in (Outcome.APPROVED, Outcome.DECLINED):
        return None
    return ChargeResult(Outcome(reply.outcome), reply.charge_id)


def read_reply(status: int, body: bytes) -> Reply:
    """Return what an answer of the gateway says; nonsense says nothing."""
    if status not in (200, 402):
        return Reply(status)
    try:
        members = json.loads(body)
        return Reply(status, str(members["charge_id"]), str(members["outcome"]))
    except (ValueError, KeyError, TypeError):
        return Reply(None)


def result_of(stop: StopIteration) -> ChargeResult:
    """Return what the policy has ended with."""
    result: ChargeResult = stop.value
    return result
