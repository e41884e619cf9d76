"""The payment policy step by step, and both clients against a provider made of httpx transports."""

import asyncio

import httpx
import pytest

from approaches.shop import payments
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


def follow(replies, timeout_s=10.0, attempt_takes_s=0.0):
    """Play the provider's replies to the policy; return its result and the steps it took."""
    now, steps = [0.0], []
    remaining = iter(replies)
    policy = charging(CHARGE, timeout_s, lambda: now[0])
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
    assert max(pauses) <= payments.LONGEST_BACKOFF_S
    assert sum(pauses) <= 30.0


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
