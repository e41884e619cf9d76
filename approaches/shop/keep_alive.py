"""An HTTP/1.1 client for asyncio that does one thing: short exchanges with one server.

A payment worker does little else, so what an exchange costs is what a payment costs. What this one
leaves out is what the shop does not use: redirects, cookies, proxies, compression, streaming.

A connection carries one exchange at a time and is used again only after a whole answer. What is
late, cut off, cancelled or not HTTP closes it, so an answer can never be taken for that of another
question. An answer whose end only a closed connection would tell is none.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote, urlsplit

from httptools import HttpParserError, HttpResponseParser

LARGEST_BODY_BYTES = 1_000_000


class ExchangeError(OSError):
    """There was no whole answer: the request may or may not have been heard."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes


class _Connection(asyncio.Protocol):
    """One connection: idle, or with the future of the answer that it waits for."""

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._body = b""
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    async def exchange(self, request: bytes, timeout_s: float) -> Answer:
        """Send a request and return the answer; raise OSError."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        late = loop.call_later(timeout_s, self._fail, TimeoutError("no answer in time"))
        try:
            self._transport.write(request)
            return await self._answer
        except RuntimeError as error:  # uvloop: lost, and about to say so
            raise ExchangeError(f"connection lost: {error}") from error
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            late.cancel()
            self._answer = None

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # nobody asked for this
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(ExchangeError(f"not HTTP: {error}"))

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > LARGEST_BODY_BYTES:
            self._fail(ExchangeError("the answer is too large"))

    def on_message_complete(self) -> None:
        status, body = self._parser.get_status_code(), self._body
        self._body = b""
        if status < 200:  # an interim answer
            return
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer is None or self._answer.done():  # a second answer, or one that is too large
            self.close()
        else:
            self._answer.set_result(Answer(status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ExchangeError(f"connection lost: {exc or 'closed by the server'}"))

    def _fail(self, error: Exception) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def close(self) -> None:
        """Close the connection at once, with whatever is under way on it."""
        self.is_open = False
        self._transport.abort()


class KeepAliveClient:
    """At most `connections` connections to one server, kept open between exchanges.

    `url` may have a path, which is put before that of each request.
    """

    def __init__(self, url: str, *, connections: int, connect_timeout_s: float) -> None:
        parts = urlsplit(url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._host_header = parts.netloc.rpartition("@")[2]
        self._connect_timeout_s = connect_timeout_s
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(connections)

    async def exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes, timeout_s: float
    ) -> Answer:
        """Return the answer to a request; raise OSError if there is none in time.

        The limit holds for all of it: waiting for a connection, connecting, and the exchange.
        Raises ValueError if a header cannot be sent.
        """
        request = self._request(method, path, headers, body)
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + timeout_s
        if self._free.locked():
            async with asyncio.timeout(timeout_s):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            connection = self._take() or await self._connect(timeout_s)
            answer = await connection.exchange(request, give_up_at_s - loop.time())
            if connection.is_open:
                self._idle.append(connection)
            return answer
        finally:
            self._free.release()

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        head = f"{method} {quote(self._prefix + path)} HTTP/1.1\r\nHost: {self._host_header}\r\n"
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"a value of {name} that HTTP cannot carry")
            head += f"{name}: {value}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:  # the server may have closed it meanwhile
                return connection
        return None

    async def _connect(self, timeout_s: float) -> _Connection:
        async with asyncio.timeout(min(self._connect_timeout_s, timeout_s)):
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, self._host, self._port, ssl=self._tls
            )
        return connection

    async def close(self) -> None:
        """Close the connections that are idle; those in use close with their exchange."""
        while connection := self._take():
            connection.close()
