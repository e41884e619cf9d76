"""A watcher, without servers: what it is told may come twice, late or in any order."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from approaches.queue.changes import Change
from approaches.queue.order import Order
from approaches.queue.watcher import UNSENT_BYTES, Watcher
from approaches.shop.orders import Status

ACCEPTED = Order("a", 7, "k", 1, 1, 500, Status.ACCEPTED, 1, 1_700_000_000_000_000)
AWAITING = replace(ACCEPTED, status=Status.AWAITING_PAYMENT, version=2)
CONFIRMED = replace(ACCEPTED, status=Status.CONFIRMED, version=3, settled_at_us=5)


class Connection(asyncio.Transport):
    """The connection of a reader who reads only so many bytes."""

    def __init__(self, protocol):
        super().__init__()
        self._protocol = protocol
        self._limit = None
        self.reads = True
        self.sent = b""
        self.unread = 0
        self.is_closed = self.is_aborted = False

    def set_write_buffer_limits(self, high=None, low=None):
        self._limit = high

    def write(self, data):
        assert not self.is_closed
        self.sent += data
        if not self.reads:
            self.unread += len(data)
            if self.unread > self._limit and not self.is_aborted:
                self._protocol.pause_writing()

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_aborted = True

    @property
    def body(self):
        """What has been sent, without its framing in chunks, and whether it has ended."""
        body, rest = b"", self.sent
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body, rest = body + rest[:length], rest[length:]
            assert rest.startswith(b"\r\n")
            rest = rest[2:]
            if length == 0:
                assert rest == b""
                return body.decode(), True
        return body.decode(), False

    @property
    def states(self):
        """The state of each event."""
        blocks = self.body[0].split("\n\n")
        lines = [line for block in blocks for line in block.split("\n")]
        return [json.loads(one[6:])["status"] for one in lines if one.startswith("data: ")]


class Audience:
    """What a watcher asked for."""

    def __init__(self):
        self.is_open = self.is_lost = False
        self.readings = 0

    def opened(self, _):
        self.is_open = True

    def lost(self, _):
        self.is_lost = True

    def read_again(self, _):
        self.readings += 1


def opened(*known, sent=0):
    """Return a watcher of an order of which this is known, its connection and its audience."""
    audience = Audience()
    watcher = Watcher(audience, "a", 7, sent)
    for order in known:
        watcher.update(order)
    connection = Connection(watcher)
    watcher.connection_made(connection)
    return watcher, connection, audience


def test_each_version_is_sent_once_in_order_whatever_comes_late_or_twice():
    watcher, connection, _ = opened(ACCEPTED)
    watcher.notify(Change(Status.AWAITING_PAYMENT, 2, None))
    watcher.update(ACCEPTED)
    watcher.notify(Change(Status.UNKNOWN, 3, None))
    watcher.update(AWAITING)
    watcher.notify(Change(Status.CONFIRMED, 4, 5))
    watcher.notify(Change(Status.CONFIRMED, 4, 5))
    assert connection.states == ["accepted", "awaiting_payment", "unknown", "confirmed"]
    assert connection.body[1]
    assert connection.is_closed


def test_a_version_that_was_not_heard_of_is_sent_with_the_next_one():
    watcher, connection, _ = opened(ACCEPTED)
    watcher.notify(Change(Status.CONFIRMED, 3, 5))
    assert connection.states == ["accepted", "awaiting_payment", "confirmed"]


@pytest.mark.parametrize(
    ("sent", "states"), [(1, ["awaiting_payment", "confirmed"]), (3, []), (9, [])]
)
def test_an_order_that_has_ended_ends_its_stream_at_once(sent, states):
    _, connection, audience = opened(CONFIRMED, sent=sent)
    assert connection.states == states
    assert connection.body[1]
    assert connection.is_closed
    assert audience.is_open  # until its connection is closed


def test_a_change_that_comes_before_the_order_was_read_has_it_read_again():
    audience = Audience()
    watcher = Watcher(audience, "a", 7, 0)
    watcher.notify(Change(Status.CONFIRMED, 3, 5))
    assert audience.readings == 1
    watcher.update(ACCEPTED)
    connection = Connection(watcher)
    watcher.connection_made(connection)
    watcher.update(CONFIRMED)
    assert connection.states == ["accepted", "awaiting_payment", "confirmed"]


def test_a_watcher_that_may_have_missed_something_has_its_order_read():
    watcher, connection, audience = opened(ACCEPTED)
    watcher.notify(None)
    watcher.beat()
    assert audience.readings == 2
    assert connection.body[0].endswith(": still here\n\n")
    watcher.close()
    watcher.beat()  # it has ended
    assert audience.readings == 2
    assert connection.body[1]


def test_a_reader_that_does_not_keep_up_is_hung_up_on_and_holds_little():
    watcher, connection, audience = opened(ACCEPTED)
    connection.reads = False
    while not connection.is_aborted:
        assert connection.unread <= UNSENT_BYTES
        watcher.beat()
    watcher.connection_lost(None)
    assert audience.is_lost
    watcher.update(CONFIRMED)
    assert connection.states == ["accepted"]
