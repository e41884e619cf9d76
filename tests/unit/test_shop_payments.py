"""The payment policy step by step, and both clients against a provider made of httpx transports."""

import asyncio
import contextlib

import httpx
import pytest

from approaches.shop import payments
from approaches.shop.breaker import FIRST_PAUSE_S, THRESHOLD, Breaker
from approaches.shop.payments import (
    Ask,
    AsyncGatewayClient,
    Charge,
    ChargeResult,
    GatewayClient,
    Outcome,
    Pause,
    Reply,
    charging,
)

CHARGE = Charge("order-1", "42-1-0", 4200)
APPROVED = Reply(200, "ch_1", "approved")


def follow(replies, timeout_s=10.0, attempt_takes_s=0.0, breaker=None):
    """Play the provider's replies to the policy; return its result and the steps it took."""
    now, steps = [0.0], []
    remaining = iter(replies)
    breaker = breaker or Breaker(clock=lambda: now[0])
    policy = charging(CHARGE, timeout_s, lambda: now[0], breaker)
    reply = None
    while True:
        try:
            step = policy.send(reply)
        except StopIteration as stop:
            return stop.value, steps
        steps.append(step)
        if isinstance(step, Pause):
            now[0] += step.seconds
            reply = None
        else:
            now[0] += min(attempt_takes_s, step.timeout_s)
            reply = next(remaining)


def asked(steps):
    return [step.method for step in steps if isinstance(step, Ask)]


def test_an_answer_is_taken_at_its_word():
    result, steps = follow([APPROVED])
    assert result == ChargeResult(Outcome.APPROVED, "ch_1")
    assert asked(steps) == ["POST"]
    assert steps[0].key == "order-1"
    assert steps[0].body == {"order_id": "order-1", "reference": "42-1-0", "amount_cents": 4200}
    result, _ = follow([Reply(402, "ch_1", "declined")])
    assert result == ChargeResult(Outcome.DECLINED, "ch_1")


@pytest.mark.parametrize("first", [Reply(503), Reply(429), Reply(500), Reply(None), Reply(200)])
def test_what_is_no_answer_is_asked_again_and_never_a_decline(first):
    result, steps = follow([first, first, APPROVED])
    assert result.outcome is Outcome.APPROVED
    assert asked(steps) == ["POST"] * 3
    assert len({step.key for step in steps if isinstance(step, Ask)}) == 1


def test_pauses_grow_and_are_bounded():
    _, steps = follow([Reply(503)] * 200, timeout_s=30.0)
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert 0.05 <= pauses[0] <= 0.1
    assert sum(pauses) <= 30.0 + 0.001


def test_a_provider_that_hangs_is_looked_up_and_else_unknown():
    result, steps = follow([Reply(None), Reply(404)], timeout_s=5.0, attempt_takes_s=99.0)
    assert asked(steps) == ["POST", "GET"]
    assert steps[0].timeout_s == 5.0
    assert steps[-1].path == "/charges/order-1"
    assert result == ChargeResult(Outcome.UNKNOWN)
    result, _ = follow(
        [Reply(None), Reply(200, "ch_1", "declined")], timeout_s=5.0, attempt_takes_s=99.0
    )
    assert result == ChargeResult(Outcome.DECLINED, "ch_1")


def test_a_key_of_another_charge_is_not_retried():
    result, steps = follow([Reply(422), Reply(404)])
    assert asked(steps) == ["POST", "GET"]
    assert result.outcome is Outcome.UNKNOWN


def broken():
    """A breaker that opened a moment ago, and never comes to its first probe."""
    breaker = Breaker(clock=lambda: 0.0)
    for _ in range(THRESHOLD):
        breaker.record(breaker.admit(), answered=False)
    return breaker


def test_while_the_breaker_is_open_a_charge_waits_asks_nobody_and_is_not_failed():
    result, steps = follow([], timeout_s=5.0, breaker=broken())
    assert asked(steps) == []
    assert result == ChargeResult(Outcome.UNKNOWN)
    assert sum(step.seconds for step in steps) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("reply", "opens"),
    [
        (Reply(503), True),
        (Reply(500), True),
        (Reply(429), True),
        (Reply(None), True),
        (APPROVED, False),
        (Reply(402, "ch_1", "declined"), False),
        (Reply(404), False),
        (Reply(422), False),
    ],
)
def test_only_what_is_no_answer_opens_the_breaker(reply, opens):
    breaker = Breaker(clock=lambda: 0.0)
    for _ in range(THRESHOLD):
        policy = charging(CHARGE, 10.0, lambda: 0.0, breaker)
        assert policy.send(None).method == "POST"
        with contextlib.suppress(StopIteration):
            policy.send(reply)
        policy.close()
    assert breaker.is_open is opens


def test_a_gateway_that_only_finds_old_charges_does_not_close_the_breaker():
    breaker = Breaker(clock=lambda: 0.0)
    for _ in range(THRESHOLD - 1):
        breaker.record(breaker.admit(), answered=False)
    _, steps = follow([Reply(422), Reply(404)], breaker=breaker)
    assert asked(steps) == ["POST", "GET"]  # 422 is an answer
    for _ in range(THRESHOLD - 1):
        breaker.record(breaker.admit(), answered=False)
    _, steps = follow([Reply(None), Reply(404)], timeout_s=1.0, attempt_takes_s=9, breaker=breaker)
    assert asked(steps) == ["POST"]
    assert breaker.is_open


def test_a_charge_given_up_half_way_gives_its_probe_back():
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(THRESHOLD):
        breaker.record(breaker.admit(), answered=False)
    now[0] = FIRST_PAUSE_S
    policy = charging(CHARGE, 10.0, lambda: now[0], breaker)
    assert policy.send(None).method == "POST"
    policy.close()
    now[0] += 2 * FIRST_PAUSE_S
    assert breaker.admit() is not None


class Provider:
    """Answers 503, then drops a connection, then talks nonsense, then charges."""

    def __init__(self):
        self.keys = []

    def __call__(self, request):
        self.keys.append(request.headers["Idempotency-Key"])
        match len(self.keys):
            case 1:
                return httpx.Response(503)
            case 2:
                raise httpx.ReadError("reset")
            case 3:
                return httpx.Response(200, text="not JSON")
        body = {"charge_id": "ch_1", "outcome": "approved", "amount_cents": 4200}
        return httpx.Response(200, json=body)


@pytest.fixture
def no_backoff(monkeypatch):
    monkeypatch.setattr(payments, "BACKOFF_S", 0.0)


def test_threads_follow_the_policy(monkeypatch, no_backoff):
    provider = Provider()
    client = GatewayClient("http://gateway", timeout_s=5, concurrency=2)
    client._http = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(provider))
    assert client.charge(CHARGE) == ChargeResult(Outcome.APPROVED, "ch_1")
    assert provider.keys == ["order-1"] * 4
    client.close()


def test_asyncio_follows_the_policy(no_backoff):
    async def charge():
        provider = Provider()
        client = AsyncGatewayClient("http://gateway", timeout_s=5, concurrency=2)
        client._http = httpx.AsyncClient(
            base_url="http://gateway", transport=httpx.MockTransport(provider)
        )
        assert await client.charge(CHARGE) == ChargeResult(Outcome.APPROVED, "ch_1")
        assert provider.keys == ["order-1"] * 4
        await client.close()

    asyncio.run(charge())


def test_asyncio_gives_up_on_a_provider_that_trickles(no_backoff):
    async def charge():
        async def never(request):
            await asyncio.Event().wait()

        client = AsyncGatewayClient("http://gateway", timeout_s=0.05, concurrency=2)
        client._http = httpx.AsyncClient(
            base_url="http://gateway", transport=httpx.MockTransport(never)
        )
        policy_result = await client.charge(CHARGE)
        assert policy_result.outcome is Outcome.UNKNOWN
        await client.close()

    payments_look_up = payments.LOOK_UP_TIMEOUT_S
    payments.LOOK_UP_TIMEOUT_S = 0.05
    try:
        asyncio.run(charge())
    finally:
        payments.LOOK_UP_TIMEOUT_S = payments_look_up
