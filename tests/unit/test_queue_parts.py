"""The parts of the queued shop that need no server."""

import asyncio
import json
import socket
import struct
from datetime import UTC, datetime

import pytest
import uvloop
from redis.exceptions import RedisError

from approaches.queue import keys
from approaches.queue.changes import Change, Hub, Listener
from approaches.queue.consumer import consumer_name
from approaches.queue.order import Order, from_microseconds, to_microseconds
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import Settlement, Store
from approaches.queue.worker_health import _response
from approaches.shop.orders import Status
from approaches.shop.settings import SettingsError

ENTRY = {"o": "id", "u": "7", "p": "1", "q": "2", "k": "a|b", "a": "500", "at": "1700000000123456"}


def order(**changes) -> Order:
    return Order.from_hash("id", {**ENTRY, "s": "awaiting_payment", "v": "2", **changes})


def test_an_entry_of_the_stream_is_an_accepted_order():
    read = Order.from_entry(ENTRY)
    assert (read.id, read.status, read.version) == ("id", Status.ACCEPTED, 1)
    assert (read.user_id, read.key, read.quantity, read.amount_cents) == (7, "a|b", 2, 500)


@pytest.mark.parametrize("missing", sorted(ENTRY))
def test_an_entry_without_one_of_its_fields_is_not_an_order(missing):
    with pytest.raises(KeyError):
        Order.from_entry({name: one for name, one in ENTRY.items() if name != missing})


def test_instants_survive_the_way_through_the_ledger_to_the_microsecond():
    for epoch_us in (0, 1, 1_700_000_000_123_457, 4_102_444_799_999_999):
        assert to_microseconds(from_microseconds(epoch_us)) == epoch_us
    assert from_microseconds(1_500_000) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)


def test_the_view_shows_when_it_was_settled_only_then():
    assert json.loads(order().json())["settled_at"] is None
    declined = order(s="declined", v="3", st="1700000001000000")
    assert json.loads(declined.json())["settled_at"] is not None


def test_a_change_never_takes_an_order_back():
    late = Change(Status.AWAITING_PAYMENT, 2, None)
    settled = order(s="confirmed", v="3", st="1")
    assert late.applied_to(settled) is settled
    assert Change(Status.CONFIRMED, 3, 5).applied_to(order()).terminal


def test_every_key_lies_in_one_slot():
    names = [keys.stock(1), keys.product(1), keys.buyers(1), keys.order("x"), keys.alive("w")]
    names += [keys.ORDERS, keys.PAYMENTS, keys.DEAD_LETTERS, keys.idempotency(1, "}"), keys.LEADER]
    names += [keys.EPOCH, keys.SEQ, keys.BEAT, keys.BEHIND]
    assert {name.split("}")[0] for name in names} == {"{shop"}


def test_names_of_workers_are_stable_and_tell_replicas_and_children_apart():
    names = [consumer_name("w", port, child) for port in (1, 2) for child in (0, 1)]
    assert len(set(names)) == 4
    assert names[0] == consumer_name("w", 1, 0)


def test_a_settlement_can_name_its_entry():
    settlement = Settlement("id", 1, "declined", 3, None)
    assert settlement.of_entry("1-0").entry_id == "1-0"
    assert settlement.entry_id == ""


@pytest.mark.parametrize(
    ("request_line", "ready", "status"),
    [
        (b"GET /healthz HTTP/1.1", False, b"200"),
        (b"GET /readyz HTTP/1.1", True, b"200"),
        (b"GET /readyz HTTP/1.1", False, b"503"),
        (b"GET /metrics HTTP/1.1", True, b"200"),
        (b"GET /else HTTP/1.1", True, b"404"),
        (b"", True, b"404"),
    ],
)
def test_health_answers(request_line, ready, status):
    answer = _response(request_line + b"\r\n\r\n", lambda: ready)
    assert answer.split(b" ")[1] == status


def hub_with(*listeners: tuple[str, Listener]) -> Hub:
    hub = Hub(Store("redis://127.0.0.1:1/0", timeout_s=1))
    for order_id, listener in listeners:
        hub.register(order_id, listener)
    return hub


def test_changes_reach_the_listeners_of_their_order_only():
    async def scene():
        mine, other = Listener(), Listener()
        hub = hub_with(("a", mine), ("b", other))
        hub._take(json.dumps([{"o": "a", "s": "confirmed", "v": 3, "st": "5"}]))
        hub._take(json.dumps([{"o": "b", "s": "unknown", "v": 3, "st": ""}]))
        return await mine.hear(1), await other.hear(1)

    assert asyncio.run(scene()) == (
        Change(Status.CONFIRMED, 3, 5),
        Change(Status.UNKNOWN, 3, None),
    )


def test_a_hub_forgets_orders_nobody_listens_to():
    hub = hub_with()
    with hub.listening("a"), hub.listening("a"):
        assert set(hub._subscribers) == {"a"}
    assert not hub._subscribers


def test_a_missing_address_is_named(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(SettingsError, match="REDIS_URL"):
        QueueSettings.from_environment()


def test_what_experiments_vary_is_off_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1/0")
    as_it_serves = QueueSettings.from_environment()
    assert (as_it_serves.reservation, as_it_serves.rechecks_stock) == ("script", False)
    monkeypatch.setenv("RESERVATION", "lock")
    monkeypatch.setenv("RECHECK_STOCK", "1")
    varied = QueueSettings.from_environment()
    assert (varied.reservation, varied.rechecks_stock) == ("lock", True)
    monkeypatch.setenv("RESERVATION", "none")
    with pytest.raises(SettingsError, match=r"RESERVATION must be script or .* not 'none'"):
        QueueSettings.from_environment()


class Hanging(asyncio.Protocol):
    """A server that resets every connection as soon as it has it."""

    def connection_made(self, transport):
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


def test_a_connection_that_is_reset_while_it_is_made_is_a_lost_store_on_uvloop_too():
    async def ask(port: int) -> BaseException | None:
        store = Store(f"redis://127.0.0.1:{port}/0", timeout_s=1, connections=1)
        answer = await asyncio.gather(store.redis.ping(), return_exceptions=True)
        await store.close()
        return answer[0]

    async def scene():
        server = await asyncio.get_running_loop().create_server(Hanging, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        answers = []
        for _ in range(20):  # at once: a reset must fall between connecting and the first command
            answers += await asyncio.gather(*[ask(port) for _ in range(10)])
        server.close()
        return answers

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(scene())
    assert all(isinstance(answer, RedisError) for answer in answers), answers
