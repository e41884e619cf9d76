"""uvicorn's HTTP protocol: an answer is one system call, and a stream keeps nothing of it.

uvicorn writes head and body separately, and uvloop sends each. Here what is written within one turn
of the event loop is sent together at its end: a system call less.

A stream that stays open for minutes needs nothing of the request that opened it. So its connection
is handed over, and parser, request and task are freed.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HAND_OVER: Final = "hand_over"
"""Where a request's scope has the function that hands its connection over."""


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, sending once per turn of the event loop."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, _Corked(transport, self.loop.call_soon))

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        self.scope[HAND_OVER] = self.hand_over  # type: ignore[typeddict-unknown-key]

    def hand_over(self, scope: Scope, successor: asyncio.Protocol) -> bool:
        """Go on with another protocol, which gets the connection once what is written is sent.

        Return False, and change nothing, if the connection is lost already, or if its client has
        sent another request behind this one, of `scope`.
        """
        if self.cycle.scope is not scope or self.cycle.disconnected:
            return False
        self.cycle.disconnected = True  # to uvicorn, this request is over
        self.connections.discard(self)
        self.flow.resume_reading()
        transport = cast(_Corked, self.transport).uncork()
        transport.set_protocol(successor)
        successor.connection_made(transport)
        # They refer to each other, and would wait for the garbage collector.
        del self.parser, self.cycle, self.scope, self.flow, self.transport
        return True


class _Corked:
    """A transport, as far as uvicorn answers by it."""

    __slots__ = ("_call_soon", "_held", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, call_soon: Callable[..., Any]) -> None:
        self._transport = transport
        self._call_soon = call_soon
        self._held: list[bytes] = []
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send data at the end of this turn."""
        if not self._held:
            self._call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, and close the connection."""
        self._send()
        self._transport.close()

    def uncork(self) -> asyncio.Transport:
        """Send what is held, and return the transport, which sends at once."""
        self._send()
        return self._transport

    def _send(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            if not self._transport.is_closing():
                self._transport.write(data)
