"""One keep-alive connection, and the answers that come over it, one at a time.

The parser is httptools'. What has no answer raises: OSError if the connection failed or was closed
before one began, `BrokenAnswer` if what came is not HTTP or ends in the middle.
"""

import select
from functools import cache
from typing import Any

import gevent
import gevent.monkey
import gevent.socket
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_CHUNK_BYTES = 16_384
_READ = 1

_poll = gevent.monkey.get_original("select", "poll")


class BrokenAnswer(Exception):
    """An answer that is not HTTP, or not whole."""


class HttpConnection:
    """A connection and the answer that is being read from it.

    `status`, `headers` (names in lower case) and `body` are those of the last answer; of a body
    that is read by lines, what is left of it.
    """

    def __init__(self, peer: tuple[str, int]) -> None:
        self._socket = _connect(*peer)
        self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(self._socket.fileno(), _READ)
        # Not `select`, which ends at 1,024 sockets.
        self._idle = _poll()
        self._idle.register(self._socket.fileno(), select.POLLIN)
        self._parser = HttpResponseParser(self)
        self._clear()

    def _clear(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self._has_begun = self._has_head = self._is_whole = False
        self._may_be_kept = False

    @property
    def can_send(self) -> bool:
        """Return True unless the server has closed the idle connection, or said something."""
        return not self._idle.poll(0)

    @property
    def can_be_used_again(self) -> bool:
        """Return True if the last answer was read to its end and the server keeps it open."""
        return self._is_whole and self._may_be_kept

    def send(self, request: bytes) -> None:
        """Send a request; the next answer is the one to it."""
        self._clear()
        sent = self._socket.send(request)
        if sent < len(request):
            self._socket.sendall(request[sent:])

    def read_head(self) -> None:
        """Read status and headers."""
        while not self._has_head:
            self._receive()

    def read_body(self) -> None:
        """Read the answer to its end."""
        while not self._is_whole:
            self._receive()

    def read_line(self) -> bytes:
        """Take the next line of the body, with its end; nothing if there is no other."""
        while (end := self.body.find(b"\n") + 1) == 0 and not self._is_whole:
            self._receive()
        line, self.body = self.body[:end], self.body[end:]
        return line

    def close(self) -> None:
        """Close the connection, with whatever is under way on it."""
        self._readable.close()
        self._socket.close()
        del self._parser  # it refers to this connection, as this does to it

    def _receive(self) -> None:
        # Waiting first: the answer is hardly ever there yet, and finding that out is a system call.
        self._hub.wait(self._readable)
        chunk = self._socket.recv(_CHUNK_BYTES)
        if not chunk:
            self._end()
            return
        self._has_begun = True
        try:
            self._parser.feed_data(chunk)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._is_whole:
                raise BrokenAnswer(f"not HTTP: {error}") from error
            # What follows a whole answer belongs to none; the answer counts all the same.
            self._may_be_kept = False

    def _end(self) -> None:
        """Take the end of the connection: only a body of unknown length may end so."""
        if not self._has_begun:
            raise ConnectionResetError("closed before an answer")
        if not self._has_head or self.headers.keys() & {b"content-length", b"transfer-encoding"}:
            raise BrokenAnswer("closed in the middle of an answer")
        self._is_whole = True

    def on_message_begin(self) -> None:
        """Begin an answer (httptools); one that nobody asked for is an error."""
        if self._is_whole:
            raise BrokenAnswer("an answer too many")
        self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (httptools)."""
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Take the status (httptools); after an interim one another follows."""
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, part: bytes) -> None:
        """Take a part of the body (httptools)."""
        self.body += part

    def on_message_complete(self) -> None:
        """End an answer (httptools)."""
        if self._has_head:
            self._is_whole = True
            self._may_be_kept = self._parser.should_keep_alive()


def _connect(host: str, port: int) -> "gevent.socket.socket":
    refusal = OSError(f"{host} has no address")
    for family, address in _addresses(host, port):
        connection = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
        try:
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            refusal = error
        except BaseException:
            connection.close()
            raise
    raise refusal


@cache  # gevent asks for every name in a thread, even for a number
def _addresses(host: str, port: int) -> tuple[tuple[int, Any], ...]:
    found = gevent.socket.getaddrinfo(host, port, type=gevent.socket.SOCK_STREAM)
    return tuple((family, address) for family, _, _, _, address in found)
