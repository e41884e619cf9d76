"""The payment policy step by step, and both clients against a provider of this process."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from approaches.shop import payments
from approaches.shop.async_gateway import AsyncGatewayClient
from approaches.shop.breaker import FIRST_PAUSE_S, THRESHOLD, Breaker
from approaches.shop.payments import (
    Ask,
    Charge,
    ChargeResult,
    Outcome,
    Pause,
    Reply,
    charging,
)
from approaches.shop.threaded_gateway import GatewayClient

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


class Provider(ThreadingHTTPServer):
    """Answers 503, then drops the connection, then talks nonsense, then charges."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Question)
        self.url = f"http://127.0.0.1:{self.server_port}/prefix"
        self.asked = []
        self.peers = set()
        self.ended = threading.Event()


class Question(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Idempotency-Key"], body))
        self.server.peers.add(self.client_address)
        match len(self.server.asked):
            case 1:
                self.answer(503, b"")
            case 2:
                self.connection.shutdown(socket.SHUT_RDWR)
            case 3:
                self.answer(200, b"not JSON")
            case _:
                self.answer(200, b'{"charge_id": "ch_1", "outcome": "approved"}')

    def do_GET(self):
        self.answer(404, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Trickle(Question):
    """Sends a byte now and then, for ever."""

    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.ended.wait(0.01):
                self.wfile.write(b" ")


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    monkeypatch.setattr(payments, "BACKOFF_S", 0.0)
    # Nobody listens there: a client that asks a proxy of its user's gets no answer.
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


def charge_by_thread(provider: Provider, timeout_s: float, times: int = 1) -> ChargeResult:
    client = GatewayClient(provider.url, timeout_s=timeout_s, concurrency=2)
    try:
        for _ in range(times):
            result = client.charge(CHARGE)
        return result
    finally:
        client.close()


def charge_by_task(provider: Provider, timeout_s: float, times: int = 1) -> ChargeResult:
    async def charge():
        client = AsyncGatewayClient(provider.url, timeout_s=timeout_s, concurrency=2)
        try:
            for _ in range(times):
                result = await client.charge(CHARGE)
            return result
        finally:
            await client.close()

    return asyncio.run(charge())


both = pytest.mark.parametrize("charge", [charge_by_thread, charge_by_task])


@both
def test_each_client_follows_the_policy(provider, charge):
    assert charge(provider, 5) == ChargeResult(Outcome.APPROVED, "ch_1")
    body = {"order_id": "order-1", "reference": "42-1-0", "amount_cents": 4200}
    assert provider.asked == [("/prefix/charges", "order-1", body)] * 4


@both
def test_each_client_keeps_its_connection(provider, charge):
    assert charge(provider, 5, times=5).outcome is Outcome.APPROVED
    assert len(provider.asked) == 8
    assert len(provider.peers) == 2  # one until the connection is dropped, one after


@both
def test_each_client_says_unknown_where_nobody_listens(provider, charge):
    provider.url = "http://127.0.0.1:1"
    assert charge(provider, 0.05) == ChargeResult(Outcome.UNKNOWN)


def test_asyncio_gives_up_on_a_provider_that_trickles(provider, monkeypatch):
    monkeypatch.setattr(payments, "LOOK_UP_TIMEOUT_S", 0.05)
    provider.RequestHandlerClass = Trickle
    assert charge_by_task(provider, 0.05) == ChargeResult(Outcome.UNKNOWN)
