"""One reader of the event stream of one order: a connection, and little more.

There are thousands of them in a process, so none has a task, a timer or a queue. A watcher is
called when something has become known of its order, and writes to its connection at once. What it
is told may come twice, late or in any order: it sends each version above the last one sent, in
turn, so none is missed or sent twice; `Last-Event-ID` is just such a version.
"""

import asyncio
from typing import Protocol, cast

from approaches.queue.changes import Change
from approaches.queue.order import Order
from approaches.shop.orders import EVENT_STREAM_HEARTBEAT, event_frame, history

UNSENT_BYTES = 8_192
"""A reader that leaves more than this unread, besides what the kernel holds, is hung up on."""


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_HEARTBEAT = _chunk(EVENT_STREAM_HEARTBEAT)
_END = _chunk(b"")


class Audience(Protocol):
    """What the watchers of a process have in common."""

    def opened(self, watcher: "Watcher") -> None:
        """Begin to send heartbeats to a watcher."""

    def lost(self, watcher: "Watcher") -> None:
        """Forget a watcher, whether it was opened or not."""

    def read_again(self, watcher: "Watcher") -> None:
        """Read the order of a watcher, and tell it."""


class Watcher(asyncio.Protocol):
    """A reader of the events of `order_id` who has seen those up to version `sent`.

    Its connection is in the midst of an answer in chunks.
    """

    __slots__ = ("_audience", "_order", "_sent", "_transport", "order_id", "turn", "user_id")

    def __init__(self, audience: Audience, order_id: str, user_id: int, sent: int) -> None:
        self._audience = audience
        self._order: Order | None = None
        self._sent = sent
        self._transport: asyncio.Transport | None = None
        self.order_id = order_id
        self.user_id = user_id
        self.turn: set[Watcher] | None = None
        """Those who get their heartbeats together with this one, itself included."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has become known since `news`."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self._send()
        self._audience.opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Go."""
        self._transport = None
        self._audience.lost(self)

    def pause_writing(self) -> None:
        """Hang up on a reader that does not keep up; it comes back, with Last-Event-ID."""
        if self._transport is not None:
            self._transport.abort()

    def notify(self, change: Change | None) -> None:
        """Take a change of the order; None means that some may have been missed."""
        if change is None or self._order is None:
            self._audience.read_again(self)
        else:
            self.update(change.applied_to(self._order))

    def update(self, order: Order) -> None:
        """Take the order as it was read, and send what is new of it."""
        if self._order is None or order.version > self._order.version:
            self._order = order
            self._send()

    def news(self) -> bytes:
        """Return the events that have not been sent, once."""
        order = self._order
        if order is None or order.version <= self._sent:
            return b""
        sent, self._sent = self._sent, order.version
        return b"".join(
            event_frame(version, order.at(version, status).json())
            for version, status in history(order.status, order.version, sent)
        )

    def beat(self) -> None:
        """Send a heartbeat, and look whether a change was missed."""
        if self._transport is not None:
            self._transport.write(_HEARTBEAT)
            self._audience.read_again(self)

    def close(self) -> None:
        """End the stream in good order: the reader comes back, with Last-Event-ID."""
        self._end(b"")

    def _send(self) -> None:
        if self._order is None or self._transport is None:
            return
        news = self.news()
        chunk = _chunk(news) if news else b""
        if self._order.terminal:
            self._end(chunk)
        elif chunk:
            self._transport.write(chunk)

    def _end(self, chunk: bytes) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.write(chunk + _END)
            transport.close()
