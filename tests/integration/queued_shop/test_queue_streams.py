"""The event stream as a process: every version, in order, to the end, whatever is not published."""

import contextlib
import json
import signal
import socket

import httpx
import pytest

from approaches.queue import keys
from approaches.queue.events import READ_AT_ONCE
from approaches.queue.redis_store import Settlement
from approaches.shop.accounts import Tokens
from tests.support.freezing_proxy import FreezingProxy
from tests.support.shop_world import SECRET, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def redis_by(proxy: FreezingProxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def bearer(user: int) -> dict[str, str]:
    token = Tokens(SECRET, 60).issue(user)["token"]
    return {"Authorization": f"Bearer {token}"}


def settle(world, order_id, status, version):
    one = Settlement(order_id, 1, status, version, 1_700_000_000_000_000)
    world.run(lambda store: store.settle([one]))


def frames(lines):
    """Yield (id, data) of each event."""
    event = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and "data" in event:
            yield int(event["id"]), json.loads(event["data"])
            event = {}
        event[name] = value


@pytest.fixture
def stream(world):
    world.put_on_sale()
    _, url = world.start("queue.events", PROCESSES=1)
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        yield client


def test_events_arrive_in_order_once_each_and_the_stream_closes(stream, world):
    (order_id,) = world.accept(1)
    seen = []
    with stream.stream("GET", f"/orders/{order_id}/events", headers=bearer(1)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for version, order in frames(answer.iter_lines()):
            seen.append((version, order["status"]))
            if version == 1:
                entry = world.redis.hget(keys.order(order_id), "i")
                world.run(lambda store, e=entry: store.advance([(e, order_id)]))
            elif version == 2:
                settle(world, order_id, "unknown", 3)
                settle(world, order_id, "unknown", 3)
            elif version == 3:
                settle(world, order_id, "confirmed", 4)
    assert seen == [
        (1, "accepted"),
        (2, "awaiting_payment"),
        (3, "unknown"),
        (4, "confirmed"),
    ]


def test_a_stream_taken_up_again_starts_after_the_last_event(stream, world):
    (order_id,) = world.accept(1)
    settle(world, order_id, "declined", 3)
    headers = {**bearer(1), "Last-Event-ID": "2"}
    answer = stream.get(f"/orders/{order_id}/events", headers=headers)
    assert [version for version, _ in frames(answer.text.split("\n"))] == [3]
    nothing_new = stream.get(
        f"/orders/{order_id}/events", headers={**headers, "Last-Event-ID": "3"}
    )
    assert list(frames(nothing_new.text.split("\n"))) == []


def test_a_stream_opens_by_ticket_and_for_nobody_else(stream, world):
    (order_id,) = world.accept(1)
    settle(world, order_id, "declined", 3)
    ticket = Tokens(SECRET, 60).issue_ticket(1)["ticket"]
    path = f"/orders/{order_id}/events"
    assert stream.get(path, params={"ticket": ticket}).status_code == 200
    assert stream.get(path).status_code == 401
    assert stream.get(path, headers=bearer(2)).status_code == 404


def test_what_happens_while_the_subscription_is_lost_is_sent_after_it(stream, world):
    (order_id,) = world.accept(1)
    with stream.stream("GET", f"/orders/{order_id}/events", headers=bearer(1)) as answer:
        sent = frames(answer.iter_lines())
        assert next(sent)[0] == 1
        world.valkey.end(signal.SIGKILL)
        world.valkey.start()
        settle(world, order_id, "confirmed", 3)
        assert [version for version, _ in sent] == [2, 3]


def test_an_order_that_ended_before_its_stream_began_has_all_its_versions_sent(stream, world):
    (order_id,) = world.accept(1)
    settle(world, order_id, "confirmed", 4)
    answer = stream.get(f"/orders/{order_id}/events", headers=bearer(1))
    seen = [
        (version, order["status"], order["settled_at"] is None)
        for version, order in frames(answer.text.split("\n"))
    ]
    assert seen == [
        (1, "accepted", True),
        (2, "awaiting_payment", True),
        (3, "unknown", True),
        (4, "confirmed", False),
    ]


@contextlib.contextmanager
def order_watched(world):
    """Have an order and its stream, which beats often; its first event has arrived."""
    world.put_on_sale()
    _, url = world.start("queue.events", PROCESSES=1, HEARTBEAT_S=0.2)
    (order_id,) = world.accept(1)
    with (
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
        client.stream("GET", f"/orders/{order_id}/events", headers=bearer(1)) as answer,
    ):
        arriving = frames(answer.iter_lines())
        assert next(arriving)[0] == 1
        yield order_id, arriving


def test_an_order_whose_end_was_never_published_ends_its_stream_at_a_heartbeat(world):
    with order_watched(world) as (order_id, arriving):
        world.redis.hset(keys.order(order_id), mapping={"s": "confirmed", "v": 3, "st": 1})
        assert [version for version, _ in arriving] == [2, 3]


def test_more_streams_than_are_read_at_once_all_end_at_a_heartbeat(world):
    world.put_on_sale(1_000)
    _, url = world.start("queue.events", PROCESSES=1, HEARTBEAT_S=0.5)
    orders = dict(enumerate(world.accept(READ_AT_ONCE // 2 + 1), start=1))
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(base_url=url, timeout=30, trust_env=False, limits=limits) as client,
        contextlib.ExitStack() as streams,
    ):
        answers = [
            streams.enter_context(
                client.stream("GET", f"/orders/{order_id}/events", headers=bearer(user))
            )
            for user, order_id in [*orders.items()] * 2
        ]
        for order_id in orders.values():
            world.redis.hset(keys.order(order_id), mapping={"s": "confirmed", "v": 3, "st": 1})
        ends = [list(frames(answer.iter_lines()))[-1] for answer in answers]
    assert [(version, order["order_id"]) for version, order in ends] == [
        (3, order_id) for order_id in [*orders.values()] * 2
    ]


def test_a_stream_whose_order_cannot_be_read_ends_in_good_order(world):
    with order_watched(world) as (_, arriving):
        world.valkey.end(signal.SIGKILL)
        try:
            assert list(arriving) == []  # the client comes back, with Last-Event-ID
        finally:
            world.valkey.start()


def test_a_service_that_stops_ends_its_streams_in_good_order(world):
    world.put_on_sale()
    server, url = world.start("queue.events", PROCESSES=1)
    (order_id,) = world.accept(1)
    with (
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
        client.stream("GET", f"/orders/{order_id}/events", headers=bearer(1)) as answer,
    ):
        arriving = frames(answer.iter_lines())
        assert next(arriving)[0] == 1
        server.process.terminate()
        assert list(arriving) == []  # and the last chunk: a stream that breaks off is an error
    assert server.end() == 0


@pytest.mark.parametrize(("behind_it", "seen"), [(0, [1, 2, 3]), (1, [1])])
def test_a_stream_is_the_last_answer_on_its_connection(stream, world, behind_it, seen):
    (order_id,) = world.accept(1)
    request = f"GET /orders/{order_id}/events HTTP/1.1\r\nHost: shop\r\n"
    request += f"Authorization: {bearer(1)['Authorization']}\r\n\r\n"
    health = "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"
    address = (stream.base_url.host, stream.base_url.port)
    with (
        socket.create_connection(address, timeout=30) as connection,
        connection.makefile("rb") as arriving,
    ):
        connection.sendall(health.encode())
        assert arriving.readline() == b"HTTP/1.1 200 OK\r\n"
        connection.sendall((request + health * behind_it).encode())
        text = b"".join(iter(arriving.readline, b"id: 1\n")) + b"id: 1\n"
        settle(world, order_id, "confirmed", 3)
        text += arriving.read()
    assert text.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ")] == seen
    assert text.endswith(b"\r\n0\r\n\r\n")


def test_a_subscription_that_freezes_without_closing_is_replaced(world):
    world.put_on_sale()
    with FreezingProxy(world.valkey.port) as proxy:
        _, url = world.start("queue.events", PROCESSES=1, REDIS_URL=redis_by(proxy))
        (order_id,) = world.accept(1)
        with (
            httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
            client.stream("GET", f"/orders/{order_id}/events", headers=bearer(1)) as answer,
        ):
            arriving = frames(answer.iter_lines())
            assert next(arriving)[0] == 1
            proxy.freeze(b"SUBSCRIBE")
            settle(world, order_id, "confirmed", 3)
            assert [version for version, _ in arriving] == [2, 3]


def test_an_event_service_that_redis_does_not_reach_is_not_ready(world):
    with FreezingProxy(world.valkey.port) as proxy:
        _, url = world.start("queue.events", PROCESSES=1, REDIS_URL=redis_by(proxy))
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            proxy.freeze(new_ones=True)
            eventually(lambda: client.get("/readyz").status_code == 503)
            proxy.take_new()
            eventually(lambda: client.get("/readyz").status_code == 200)


def test_a_buyer_has_so_many_streams_and_takes_none_of_another_buyer(world):
    world.put_on_sale()
    _, url = world.start("queue.events", PROCESSES=1, STREAMS_PER_BUYER=2)
    hoard, other = world.accept(2)
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:

        def status_of(order_id, user):
            with client.stream("GET", f"/orders/{order_id}/events", headers=bearer(user)) as answer:
                return answer.status_code

        with contextlib.ExitStack() as streams:
            for _ in range(2):
                opened = client.stream("GET", f"/orders/{hoard}/events", headers=bearer(1))
                assert streams.enter_context(opened).status_code == 200
            refused = client.get(f"/orders/{hoard}/events", headers=bearer(1))
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert refused.headers["retry-after"]
            assert status_of(other, 2) == 200
        eventually(lambda: status_of(hoard, 1) == 200)  # a watcher who has gone is not counted
        # what was refused for another reason was not counted either
        assert [status_of(other, 1) for _ in range(3)] == [404] * 3
        assert status_of(hoard, 1) == 200
